import { type Heap } from '../index.js';
import {
  type AsyncLimit,
  block,
  checkMayBlock,
  checkRecord,
  checkTimeout,
  deadlock,
  Holder,
  HolderBits,
  Kind,
  later,
  makeRecord,
  publishRecord,
  SharedObject,
  timedOut,
  type TimeLimit,
  Waiter,
} from '../records/index.js';
import { Guard } from './guard.js';
import { SpinWord } from './layout.js';

/** Nobody is woken, so who waits longer than it spins looks again after so long. */
const NAP_MS = 1;

class SpinWaiter extends Waiter {
  declare private readonly holder: Holder;
  declare private readonly call: string | undefined;

  constructor(holder: Holder, call: string | undefined) {
    super();
    this.holder = holder;
    this.call = call;
    this.word = holder.word;
    this.napMs = NAP_MS;
  }

  override attempt(): boolean {
    const { holder } = this;
    do {
      if (holder.tryTake()) return true;
      this.value = holder.look();
    } while ((this.value & HolderBits.ID) === 0);
    if (this.call !== undefined && (this.value & HolderBits.ID) === holder.me)
      throw deadlock(this.call, holder.address, 'this worker holds the lock already');
    return false;
  }

  override giveUp(): boolean {
    return false;
  }

  override passOn(): void {
    // Nobody is woken here.
  }
}

/** A spin lock that is held. */
export class SpinGuard extends Guard {
  declare private readonly holder: Holder;

  /** @internal */
  constructor(holder: Holder) {
    super(holder.address);
    this.holder = holder;
  }

  /** Says that what the lock guards is in order again after its holder died. */
  repaired(): void {
    this.check('repaired');
    this.holder.repaired();
  }

  /** @internal */
  protected release(): void {
    this.holder.release('unlock');
  }
}

/**
 * A mutex for a few instructions: who waits looks at the word again and again, then naps for a millisecond at a time, and
 * `unlock()` wakes nobody. No order among those that wait. Deaths are as with Mutex.
 */
export class SpinLock extends SharedObject {
  private readonly holder: Holder;

  static create(heap: Heap): SpinLock {
    const address = makeRecord(heap, SpinWord.WORDS);
    publishRecord(heap, address, Kind.SPINLOCK);
    return new SpinLock(heap, address, true);
  }

  /** Opens the lock at an address. Throws ERR_HEAP_KIND if there is none. */
  static at(heap: Heap, address: number): SpinLock {
    checkRecord(heap, address, Kind.SPINLOCK, SpinWord.WORDS);
    return new SpinLock(heap, address, false);
  }

  /** @internal What a field of a struct holds: the definition says what lies there, zero words are one that nobody uses. */
  static within(heap: Heap, address: number): SpinLock {
    return new SpinLock(heap, address, false);
  }

  private constructor(heap: Heap, address: number, isMaker: boolean) {
    super(heap, address, isMaker);
    this.holder = new Holder(heap, address, SpinWord.X_STATE, SpinWord.X_LOST);
  }

  /** @internal */
  get kind(): Kind {
    return Kind.SPINLOCK;
  }

  /** @internal */
  protected isInUse(): boolean {
    return this.holder.isHeld();
  }

  /** Spins, then naps until the lock is the caller's. Errors as of Mutex.lock(). */
  lock({ timeoutMs }: TimeLimit = {}): SpinGuard {
    checkMayBlock('lock', 'lockAsync or tryLock');
    checkTimeout('lock', timeoutMs);
    if (this.holder.takeFree() || this.holder.spin()) return new SpinGuard(this.holder);
    if (!block(this.heap, new SpinWaiter(this.holder, 'lock'), timeoutMs))
      throw timedOut('lock', this.address, timeoutMs);
    return this.holder.told('lock', new SpinGuard(this.holder));
  }

  /** The same without blocking the thread. */
  async lockAsync(limit: AsyncLimit = {}): Promise<SpinGuard> {
    checkTimeout('lockAsync', limit.timeoutMs);
    if (!(await later(this.heap, new SpinWaiter(this.holder, undefined), limit)))
      throw timedOut('lockAsync', this.address, limit.timeoutMs);
    return this.holder.told('lockAsync', new SpinGuard(this.holder));
  }

  /** Takes the lock if it is free, or its holder dead; else undefined. */
  tryLock(): SpinGuard | undefined {
    return this.holder.tryTake() ? this.holder.told('tryLock', new SpinGuard(this.holder)) : undefined;
  }
}
