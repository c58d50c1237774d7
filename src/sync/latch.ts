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
  timedOut,
  type TimeLimit,
  Waiter,
  wrongArgument,
} from '../records/index.js';
import { LatchWord } from './layout.js';

const COUNT_MOST = 0x7fffffff;

class LatchWaiter extends Waiter {
  constructor(private readonly latch: Latch) {
    super();
    this.word = latch.word;
  }

  override attempt(): boolean {
    this.value = this.latch.count;
    return this.value === 0;
  }

  override giveUp(): boolean {
    return this.attempt();
  }

  override passOn(): void {
    // All that wait are woken together.
  }
}

/**
 * Opens once so many counts have come, for good. Whoever learns that a worker died before it counted can count in its place.
 */
export class Latch extends SharedObject {
  /** @internal */
  readonly word: number;

  /** Throws ERR_SYNC_ARGUMENT unless the count is from 0 to 2^31 - 1. */
  static create(heap: Heap, count: number): Latch {
    checkCount('Latch.create', count, 0);
    const address = makeRecord(heap, LatchWord.WORDS);
    atomics.store(heap.i32, address / 4 + LatchWord.X_COUNT, count);
    publishRecord(heap, address, Kind.LATCH);
    return new Latch(heap, address, true);
  }

  /** Opens the latch at an address. Throws ERR_HEAP_KIND if there is none. */
  static at(heap: Heap, address: number): Latch {
    checkRecord(heap, address, Kind.LATCH, LatchWord.WORDS);
    return new Latch(heap, address, false);
  }

  /** @internal What a field of a struct holds: the definition says what lies there, zero words are one that nobody uses. */
  static within(heap: Heap, address: number): Latch {
    return new Latch(heap, address, false);
  }

  private constructor(heap: Heap, address: number, isMaker: boolean) {
    super(heap, address, isMaker);
    this.word = address / 4 + LatchWord.X_COUNT;
  }

  /** @internal */
  get kind(): Kind {
    return Kind.LATCH;
  }

  /** @internal */
  protected isInUse(): boolean {
    return false;
  }

  /** Counts that are still to come. */
  get count(): number {
    return atomics.load(this.heap.i32, this.word);
  }

  /** Counts, once if not said. Throws ERR_SYNC_ARGUMENT, and counts nothing, if fewer are to come. */
  countDown(by = 1): void {
    checkCount('countDown', by, 1);
    for (;;) {
      const seen = this.count;
      if (by > seen)
        throw wrongArgument('countDown', `counts ${by}, but the latch at ${this.address} waits for ${seen}`, {
          by,
          count: seen,
        });
      // Publishes what was done before to those that see the latch open.
      if (atomics.compareExchange(this.heap.i32, this.word, seen, seen - by) !== seen) continue;
      if (seen === by) atomics.notify(this.heap.i32, this.word, Infinity);
      return;
    }
  }

  /** Blocks until the latch is open. Throws ERR_SYNC_TIMEOUT, and ERR_SYNC_MAY_NOT_BLOCK on a browser's main thread. */
  wait({ timeoutMs }: TimeLimit = {}): void {
    checkMayBlock('wait', 'waitAsync');
    checkTimeout('wait', timeoutMs);
    if (!block(this.heap, new LatchWaiter(this), timeoutMs)) throw timedOut('wait', this.address, timeoutMs);
  }

  /** The same without blocking the thread. */
  async waitAsync(limit: AsyncLimit = {}): Promise<void> {
    checkTimeout('waitAsync', limit.timeoutMs);
    if (!(await later(this.heap, new LatchWaiter(this), limit)))
      throw timedOut('waitAsync', this.address, limit.timeoutMs);
  }
}

export function checkCount(call: string, count: unknown, least: number): void {
  if (Number.isInteger(count) && (count as number) >= least && (count as number) <= COUNT_MOST) return;
  throw wrongArgument(call, `${String(count)} counts; it must be from ${least} to ${COUNT_MOST}`, { count });
}
