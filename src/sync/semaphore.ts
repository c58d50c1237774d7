import * as atomics from '#atomics';
import { type Heap } from '../index.js';
import {
  type AsyncLimit,
  block,
  checkMayBlock,
  checkRecord,
  checkTimeout,
  Kind,
  later,
  LOSSES_MOST,
  makeRecord,
  publishRecord,
  SharedObject,
  timedOut,
  type TimeLimit,
  Waiter,
  wrongArgument,
} from '../records/index.js';
import { Guard } from './guard.js';
import { SemaphoreBits, SemaphoreWord } from './layout.js';

/** A permit that was acquired; `unlock()` or the end of its `using` gives it back. */
export class Permit extends Guard {
  declare private readonly semaphore: Semaphore;

  /** @internal */
  constructor(semaphore: Semaphore) {
    super(semaphore.address);
    this.semaphore = semaphore;
  }

  /** @internal */
  protected release(): void {
    this.semaphore.release();
  }
}

export class PermitWaiter extends Waiter {
  declare private readonly semaphore: Semaphore;

  constructor(semaphore: Semaphore) {
    super();
    this.semaphore = semaphore;
    this.word = semaphore.word;
  }

  override attempt(): boolean {
    this.value = this.semaphore.attempt(this.wakes);
    return this.value < 0;
  }

  override giveUp(): boolean {
    this.semaphore.passOn();
    return false;
  }

  override passOn(): void {
    this.semaphore.passOn();
  }
}

/**
 * Permits to be acquired and released, by any worker, not only the one that acquired. Nobody holds a permit by name, so the
 * permits of a worker that dies are lost, and whoever learns of its death has to release them.
 */
export class Semaphore extends SharedObject {
  /** @internal */
  readonly word: number;

  /** With so many permits at first. Throws ERR_SYNC_ARGUMENT unless they are from 0 to 2^30 - 1. */
  static create(heap: Heap, permits: number): Semaphore {
    checkPermits('Semaphore.create', permits, 0);
    const address = makeRecord(heap, SemaphoreWord.WORDS);
    atomics.store(heap.i32, address / 4 + SemaphoreWord.X_STATE, permits);
    publishRecord(heap, address, Kind.SEMAPHORE);
    return new Semaphore(heap, address, true);
  }

  /** Opens the semaphore at an address. Throws ERR_HEAP_KIND if there is none. */
  static at(heap: Heap, address: number): Semaphore {
    checkRecord(heap, address, Kind.SEMAPHORE, SemaphoreWord.WORDS);
    return new Semaphore(heap, address, false);
  }

  /** @internal What a field of a struct holds: the definition says what lies there, zero words are one that nobody uses. */
  static within(heap: Heap, address: number): Semaphore {
    return new Semaphore(heap, address, false);
  }

  private constructor(heap: Heap, address: number, isMaker: boolean) {
    super(heap, address, isMaker);
    this.word = address / 4 + SemaphoreWord.X_STATE;
  }

  /** @internal */
  get kind(): Kind {
    return Kind.SEMAPHORE;
  }

  /** @internal */
  protected isInUse(): boolean {
    return false;
  }

  /** Blocks until there is a permit. Throws ERR_SYNC_TIMEOUT, and ERR_SYNC_MAY_NOT_BLOCK on a browser's main thread. */
  acquire({ timeoutMs }: TimeLimit = {}): Permit {
    checkMayBlock('acquire', 'acquireAsync or tryAcquire');
    checkTimeout('acquire', timeoutMs);
    if (this.attempt(0) >= 0 && !block(this.heap, new PermitWaiter(this), timeoutMs))
      throw timedOut('acquire', this.address, timeoutMs);
    return new Permit(this);
  }

  /** The same without blocking the thread. */
  async acquireAsync(limit: AsyncLimit = {}): Promise<Permit> {
    checkTimeout('acquireAsync', limit.timeoutMs);
    if (!(await later(this.heap, new PermitWaiter(this), limit)))
      throw timedOut('acquireAsync', this.address, limit.timeoutMs);
    return new Permit(this);
  }

  /** A permit if there is one; else undefined. Passes those that wait. */
  tryAcquire(): Permit | undefined {
    for (;;) {
      const seen = atomics.load(this.heap.i32, this.word);
      if ((seen & SemaphoreBits.COUNT) === 0) return undefined;
      if (this.swap(seen, seen - 1)) return new Permit(this);
    }
  }

  /** Adds permits, 1 if not said, and wakes as many. Throws ERR_SYNC_ARGUMENT where there would be 2^30 or more. */
  release(count = 1): void {
    checkPermits('release', count, 1);
    for (;;) {
      const seen = atomics.load(this.heap.i32, this.word);
      checkPermits('release', (seen & SemaphoreBits.COUNT) + count, 1);
      // Publishes what was done before to whoever acquires the permit.
      if (this.swap(seen, seen + count)) break;
    }
    atomics.notify(this.heap.i32, this.word, count);
  }

  /** How many permits there are at this moment. */
  get permits(): number {
    return atomics.load(this.heap.i32, this.word) & SemaphoreBits.COUNT;
  }

  private swap(seen: number, value: number): boolean {
    return atomics.compareExchange(this.heap.i32, this.word, seen, value) === seen;
  }

  /** @internal Takes a permit after so many sleeps: -1; else the value of the word on which to sleep. */
  attempt(wakes: number): number {
    for (;;) {
      const seen = atomics.load(this.heap.i32, this.word);
      const count = seen & SemaphoreBits.COUNT;
      const isOwed = (seen & SemaphoreBits.OWED) !== 0;
      if (count > 0 && (!isOwed || wakes > 0)) {
        if (!this.swap(seen, count - 1)) continue;
        // The debt is paid: those that came later and left the permits alone may have them now.
        if (isOwed && count > 1) atomics.notify(this.heap.i32, this.word, count - 1);
        return -1;
      }
      const marked = wakes > LOSSES_MOST ? seen | SemaphoreBits.OWED : seen;
      if (marked === seen || this.swap(seen, marked)) return marked;
    }
  }

  /** @internal Whoever was woken and leaves has somebody else look. */
  passOn(): void {
    for (;;) {
      const seen = atomics.load(this.heap.i32, this.word);
      const count = seen & SemaphoreBits.COUNT;
      if (!this.swap(seen, count)) continue;
      if (count > 0) atomics.notify(this.heap.i32, this.word, count);
      return;
    }
  }
}

export function checkPermits(call: string, count: unknown, least: number): void {
  const isRight = Number.isInteger(count) && (count as number) >= least && (count as number) <= SemaphoreBits.COUNT;
  if (isRight) return;
  throw wrongArgument(call, `${String(count)} permits; there can be from ${least} to ${SemaphoreBits.COUNT}`, {
    count,
  });
}
