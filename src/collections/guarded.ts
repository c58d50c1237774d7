import { type Heap } from '../index.js';
import { SharedObject, ShortLock } from '../records/index.js';
import { CollectionWord } from './record.js';

/**
 * A collection that is changed under a ShortLock:
 *
 * ```
 * this.enter('push');
 * let isWhole = false;
 * try {
 *   ...
 *   isWhole = true;
 * } finally {
 *   this.lock.leave(isWhole);
 * }
 * ```
 */
export abstract class Guarded extends SharedObject {
  /** @internal */
  protected readonly lock: ShortLock;

  protected constructor(heap: Heap, address: number, isMaker: boolean) {
    super(heap, address, isMaker);
    this.lock = new ShortLock(heap, address, CollectionWord.X_LOCK, CollectionWord.X_LOST);
  }

  /** @internal Brings in order what somebody left who died inside, or was refused memory there. Called under the lock. */
  protected abstract repair(): void;

  /** @internal Takes the lock; what it guards is in order then. */
  protected enter(call: string): void {
    if (this.lock.take(call)) this.mend();
  }

  /** @internal Nobody may be inside. A dead worker is not: what it left is brought in order first, so that it can be freed. */
  protected isInUse(): boolean {
    const isBroken = this.lock.tryTake();
    if (isBroken === undefined) return true;
    if (isBroken) this.mend();
    this.lock.leave(true);
    return false;
  }

  private mend(): void {
    let isWhole = false;
    try {
      this.repair();
      isWhole = true;
    } finally {
      if (!isWhole) this.lock.leave(false);
    }
  }
}
