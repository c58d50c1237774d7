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
  makeRecord,
  publishRecord,
  SharedObject,
  type TimeLimit,
  Waiter,
} from '../records/index.js';
import { ConditionWord } from './layout.js';
import { type MutexGuard } from './mutex.js';

/** Waits until the sequence is another one than it was when the mutex was still held. */
class SequenceWaiter extends Waiter {
  constructor(
    private readonly heap: Heap,
    override readonly word: number,
  ) {
    super();
    // A notifier that comes after the mutex was given up changes it, whether this one sleeps by then or not.
    this.value = atomics.load(heap.i32, word);
  }

  override attempt(): boolean {
    return atomics.load(this.heap.i32, this.word) !== this.value;
  }

  override giveUp(): boolean {
    return this.attempt();
  }

  override passOn(): void {
    atomics.notify(this.heap.i32, this.word, 1);
  }
}

/**
 * Waits for something to become true that a mutex guards. `wait` may return without a notification, so look again:
 *
 *     while (!isReady()) condition.wait(guard);
 *
 * No notification is lost that comes after `wait` was called, whoever dies: if the one that it woke dies, the others look
 * for themselves. (But for one of exactly 2^32 notifications during one sleep.)
 */
export class Condition extends SharedObject {
  private readonly word: number;

  static create(heap: Heap): Condition {
    const address = makeRecord(heap, ConditionWord.WORDS);
    publishRecord(heap, address, Kind.CONDITION);
    return new Condition(heap, address, true);
  }

  /** Opens the condition at an address. Throws ERR_HEAP_KIND if there is none. */
  static at(heap: Heap, address: number): Condition {
    checkRecord(heap, address, Kind.CONDITION, ConditionWord.WORDS);
    return new Condition(heap, address, false);
  }

  /** @internal What a field of a struct holds: the definition says what lies there, zero words are one that nobody uses. */
  static within(heap: Heap, address: number): Condition {
    return new Condition(heap, address, false);
  }

  private constructor(heap: Heap, address: number, isMaker: boolean) {
    super(heap, address, isMaker);
    this.word = address / 4 + ConditionWord.X_SEQUENCE;
  }

  /** @internal */
  get kind(): Kind {
    return Kind.CONDITION;
  }

  /** @internal */
  protected isInUse(): boolean {
    return false;
  }

  /**
   * Gives the mutex up, blocks until a notification, and takes the mutex again, however long that takes. False if the time
   * was over first. Throws what `lock()` of the mutex throws, with the mutex held if that is an OwnerDiedError.
   */
  wait(guard: MutexGuard, { timeoutMs }: TimeLimit = {}): boolean {
    checkMayBlock('wait', 'waitAsync');
    checkTimeout('wait', timeoutMs);
    const waiter = new SequenceWaiter(this.heap, this.word);
    guard.letGo('wait');
    const isTold = block(this.heap, waiter, timeoutMs);
    guard.takeBack('wait');
    return isTold;
  }

  /** The same without blocking the thread. When the signal is aborted it takes the mutex again, then rejects. */
  async waitAsync(guard: MutexGuard, limit: AsyncLimit = {}): Promise<boolean> {
    checkTimeout('waitAsync', limit.timeoutMs);
    limit.signal?.throwIfAborted();
    const waiter = new SequenceWaiter(this.heap, this.word);
    guard.letGo('waitAsync');
    try {
      return await later(this.heap, waiter, limit);
    } finally {
      await guard.takeBackLater('waitAsync');
    }
  }

  /** Wakes one that waits, or more. Whoever calls it need not hold the mutex, but what it announces must be done under it. */
  notifyOne(): void {
    this.tell(1);
  }

  /** Wakes all that wait. */
  notifyAll(): void {
    this.tell(Infinity);
  }

  private tell(count: number): void {
    // First the sequence: whoever is about to sleep doesn't, and what it waits for is published to it by the mutex.
    atomics.add(this.heap.i32, this.word, 1);
    atomics.notify(this.heap.i32, this.word, count);
  }
}
