import * as atomics from '#atomics';
import { type Heap } from '../index.js';
import { checkRecord, deadlock, HolderBits, Kind, makeRecord, publishRecord, SharedObject } from '../records/index.js';
import { BoardWord, MutexWord } from './layout.js';

/** A worker that is blocked, the mutex for which it is, and who holds that. */
interface Link {
  readonly workerId: number;
  readonly mutex: number;
  readonly holder: number;
}

/**
 * Finds deadlocks, for debugging: mutexes made with a board enter on it which worker is blocked for which of them, and
 * `lock()` throws ERR_SYNC_DEADLOCK, naming workers and addresses, instead of closing a circle; several that close one at the
 * same instant may all be told. Waits with a timeout and
 * asynchronous ones are not entered: they end, or block nobody.
 */
export class DeadlockBoard extends SharedObject {
  static create(heap: Heap): DeadlockBoard {
    const address = makeRecord(heap, BoardWord.WORDS);
    publishRecord(heap, address, Kind.BOARD);
    return new DeadlockBoard(heap, address, true);
  }

  static at(heap: Heap, address: number): DeadlockBoard {
    checkRecord(heap, address, Kind.BOARD, BoardWord.WORDS);
    return new DeadlockBoard(heap, address, false);
  }

  private constructor(heap: Heap, address: number, isMaker: boolean) {
    super(heap, address, isMaker);
    // What a dead worker of the same low bits left. This one can hold nothing yet that was made with this board.
    this.clear();
  }

  /** @internal */
  get kind(): Kind {
    return Kind.BOARD;
  }

  /** @internal */
  protected isInUse(): boolean {
    return false;
  }

  private entry(workerId: number): number {
    return this.address / 4 + BoardWord.X_ENTRIES + (workerId & (BoardWord.ENTRIES - 1));
  }

  /** @internal */
  enter(mutex: number): void {
    // Published before the circle is looked for: of those that close one at the same time, at least the last sees it whole.
    atomics.store(this.heap.i32, this.entry(this.heap.workerId), mutex | 0);
  }

  /** @internal */
  clear(): void {
    atomics.store(this.heap.i32, this.entry(this.heap.workerId), 0);
  }

  private waitsFor(workerId: number): number {
    return atomics.load(this.heap.i32, this.entry(workerId)) >>> 0;
  }

  private holderOf(mutex: number): number {
    return atomics.load(this.heap.i32, mutex / 4 + MutexWord.X_STATE) & HolderBits.ID;
  }

  /** Throws ERR_SYNC_DEADLOCK if the caller, which has entered itself, waits for itself by way of others. */
  check(call: string, mutex: number): void {
    const me = this.heap.workerId;
    const circle: Link[] = [];
    let [workerId, wanted] = [me, mutex];
    do {
      const holder = this.holderOf(wanted);
      // Who comes up twice stands in a circle without the caller, or has just got what it is still entered for.
      const isKnown = circle.some((link) => link.workerId === holder) && holder !== me;
      if (holder === 0 || isKnown || !this.heap.isAttached(holder)) return;
      circle.push({ workerId, mutex: wanted, holder });
      workerId = holder;
      wanted = this.waitsFor(holder);
    } while (workerId !== me && wanted !== 0);
    if (workerId !== me || !this.isStill(circle)) return;
    const steps = circle.map((link) => `worker ${link.workerId} waits for ${link.mutex}, held by ${link.holder}`);
    throw deadlock(call, mutex, steps.join('; '), { circle });
  }

  /**
   * The links were seen one after another, and may never have been there together. But the last in the circle waits for what
   * the caller holds, so it doesn't move; seen once more from there backwards, each link stands on one that doesn't.
   */
  private isStill(circle: readonly Link[]): boolean {
    for (let i = circle.length - 1; i >= 0; i--) {
      const { workerId, mutex, holder } = circle[i];
      if (this.waitsFor(workerId) !== mutex || this.holderOf(mutex) !== holder) return false;
    }
    return true;
  }
}
