import { type Heap } from '../index.js';
import {
  type AsyncLimit,
  block,
  checkMayBlock,
  checkRecord,
  checkTimeout,
  Holder,
  HolderWaiter,
  Kind,
  later,
  makeRecord,
  publishRecord,
  SharedObject,
  timedOut,
  type TimeLimit,
} from '../records/index.js';
import { DeadlockBoard } from './board.js';
import { Guard } from './guard.js';
import { MutexWord } from './layout.js';

export interface MutexOptions {
  /** For debugging: deadlocks among the mutexes made with one board are errors. */
  readonly board?: DeadlockBoard;
}

/** A mutex that is held. */
export class MutexGuard extends Guard {
  declare private readonly mutex: Mutex;

  /** @internal */
  constructor(mutex: Mutex) {
    super(mutex.address);
    this.mutex = mutex;
  }

  /** Says that what the mutex guards is in order again after its holder died. */
  repaired(): void {
    this.check('repaired');
    this.mutex.holder.repaired();
  }

  /** @internal */
  protected release(): void {
    this.mutex.holder.release('unlock');
  }

  /** @internal For a condition: gives the mutex up, while the guard stays the holder's. */
  letGo(call: string): void {
    this.check(call);
    this.mutex.holder.release(call);
  }

  /** @internal Blocks until the mutex is this guard's again. */
  takeBack(call: string): void {
    this.mutex.wait(call, undefined);
    this.mutex.holder.told(call, this);
  }

  /** @internal */
  async takeBackLater(call: string): Promise<void> {
    await this.mutex.waitLater({});
    this.mutex.holder.told(call, this);
  }
}

/**
 * Mutual exclusion between workers. Held by a worker, not by a call: `lock()` of a mutex that its own worker holds would
 * wait for ever and throws, `lockAsync()` waits for its turn.
 *
 * When its holder dies, the next one gets the mutex and an OwnerDiedError. A holder counts as dead when it has left the heap,
 * or its end was noticed by `heap.watch` or told by `heap.reclaim`; until then it holds on.
 */
export class Mutex extends SharedObject {
  /** @internal */
  readonly holder: Holder;
  private readonly board: DeadlockBoard | undefined;

  static create(heap: Heap, { board }: MutexOptions = {}): Mutex {
    const address = makeRecord(heap, MutexWord.WORDS);
    heap.i32[address / 4 + MutexWord.BOARD] = board?.address ?? 0;
    publishRecord(heap, address, Kind.MUTEX);
    return new Mutex(heap, address, true);
  }

  /** Opens the mutex at an address. Throws ERR_HEAP_KIND if there is none. */
  static at(heap: Heap, address: number): Mutex {
    checkRecord(heap, address, Kind.MUTEX, MutexWord.WORDS);
    return new Mutex(heap, address, false);
  }

  /** @internal What a field of a struct holds: the definition says what lies there, zero words are one that nobody uses. */
  static within(heap: Heap, address: number): Mutex {
    return new Mutex(heap, address, false);
  }

  private constructor(heap: Heap, address: number, isMaker: boolean) {
    super(heap, address, isMaker);
    this.holder = new Holder(heap, address, MutexWord.X_STATE, MutexWord.X_LOST);
    const board = heap.i32[address / 4 + MutexWord.BOARD] >>> 0;
    this.board = board === 0 ? undefined : DeadlockBoard.at(heap, board);
  }

  /** @internal */
  get kind(): Kind {
    return Kind.MUTEX;
  }

  /** @internal */
  protected isInUse(): boolean {
    return this.holder.isHeld();
  }

  /**
   * Blocks until the mutex is the caller's. Throws ERR_SYNC_TIMEOUT, ERR_SYNC_DEADLOCK if this worker holds it, and
   * ERR_SYNC_MAY_NOT_BLOCK on a browser's main thread. OwnerDiedError comes with the mutex held.
   */
  lock({ timeoutMs }: TimeLimit = {}): MutexGuard {
    checkMayBlock('lock', 'lockAsync or tryLock');
    checkTimeout('lock', timeoutMs);
    if (this.holder.takeFree()) return new MutexGuard(this);
    if (!this.wait('lock', timeoutMs)) throw timedOut('lock', this.address, timeoutMs);
    return this.holder.told('lock', new MutexGuard(this));
  }

  /** The same without blocking the thread. Rejects with the signal's reason when that is aborted. */
  async lockAsync(limit: AsyncLimit = {}): Promise<MutexGuard> {
    checkTimeout('lockAsync', limit.timeoutMs);
    if (!(await this.waitLater(limit))) throw timedOut('lockAsync', this.address, limit.timeoutMs);
    return this.holder.told('lockAsync', new MutexGuard(this));
  }

  /** Takes the mutex if it is free, or its holder dead; else undefined. Passes those that wait. */
  tryLock(): MutexGuard | undefined {
    if (this.holder.takeFree()) return new MutexGuard(this);
    return this.holder.tryTake() ? this.holder.told('tryLock', new MutexGuard(this)) : undefined;
  }

  /** @internal False if the time is over. */
  wait(call: string, timeoutMs: number | undefined): boolean {
    if (this.holder.spin()) return true;
    if (this.board === undefined || timeoutMs !== undefined)
      return block(this.heap, new HolderWaiter(this.holder, call), timeoutMs);
    this.board.enter(this.address);
    try {
      return block(this.heap, new EnteredWaiter(this.holder, call, this.board));
    } finally {
      this.board.clear();
    }
  }

  /** @internal */
  waitLater(limit: AsyncLimit): Promise<boolean> {
    return later(this.heap, new HolderWaiter(this.holder, undefined), limit);
  }
}

/** A waiter that is on the board, and looks for a circle before it sleeps. */
class EnteredWaiter extends HolderWaiter {
  constructor(
    holder: Holder,
    private readonly name: string,
    private readonly board: DeadlockBoard,
  ) {
    super(holder, name);
  }

  override attempt(): boolean {
    if (super.attempt()) return true;
    this.board.check(this.name, this.holder.address);
    return false;
  }
}
