import { type Heap } from '../index.js';
import { timedOut } from './errors.js';
import { Holder, HolderWaiter } from './holder.js';
import { block, mayBlock, now, PATIENCE_MS } from './wait.js';

/**
 * The lock of what lives in the heap and is changed by several workers: held within a call and never between calls, for as
 * short as it takes to change a few words. Unlike a mutex it does not tell users of a death: whoever takes it next puts in
 * order what it guards, and goes on.
 *
 * ```
 * const isBroken = lock.take('push');
 * let isWhole = false;
 * try {
 *   if (isBroken) repair();
 *   ...
 *   isWhole = true;
 * } finally {
 *   lock.leave(isWhole);
 * }
 * ```
 *
 * A call may be refused in the middle, for want of memory or of stack: then `isWhole` is still false, and the next one repairs
 * as after a death. What is refused before anything was changed may set it.
 */
export class ShortLock {
  private readonly heap: Heap;
  private readonly holder: Holder;

  /** `state` and `lost`: places of two words in the record at the address, zero at first; HolderBits, and who died inside last. */
  constructor(heap: Heap, address: number, state: number, lost: number) {
    this.heap = heap;
    this.holder = new Holder(heap, address, state, lost);
  }

  /**
   * Takes the lock. True if what it guards may be half changed: somebody died inside. A thread that may not block looks until
   * it gets it. Throws ERR_SYNC_TIMEOUT, with nothing changed, if another worker holds it for seconds.
   */
  take(call: string): boolean {
    if (this.holder.takeFree() || this.holder.spin()) return false;
    if (!(mayBlock() ? this.sleep(call) : this.look())) throw timedOut(call, this.holder.address, PATIENCE_MS);
    return this.holder.isBroken();
  }

  /** The same, without waiting: undefined if another worker holds it. */
  tryTake(): boolean | undefined {
    if (this.holder.takeFree() || this.holder.spin()) return false;
    return this.holder.tryTake() ? this.holder.isBroken() : undefined;
  }

  private sleep(call: string): boolean {
    return block(this.heap, new HolderWaiter(this.holder, call), PATIENCE_MS);
  }

  private look(): boolean {
    const deadline = now() + PATIENCE_MS;
    while (!this.holder.tryTake()) if (now() > deadline) return false;
    return true;
  }

  /** Gives the lock up. `isWhole` is whether what it guards is in order. */
  leave(isWhole: boolean): void {
    if (isWhole) {
      if (this.holder.releaseWhole()) return;
      this.holder.repaired();
    } else this.holder.broken();
    this.holder.release('leave');
  }

  /** Whether nobody is inside, and nobody died there. */
  isFree(): boolean {
    return this.holder.look() === 0;
  }

  /** Whether somebody is inside at this moment who is not known to be dead. */
  isHeld(): boolean {
    return this.holder.isHeld();
  }
}
