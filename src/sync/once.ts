import * as atomics from '#atomics';
import { type Heap } from '../index.js';
import {
  type AsyncLimit,
  block,
  checkMayBlock,
  checkRecord,
  checkTimeout,
  deadlock,
  Kind,
  later,
  makeRecord,
  notHolder,
  publishRecord,
  SharedObject,
  timedOut,
  type TimeLimit,
  Waiter,
} from '../records/index.js';
import { OnceBits, OnceWord } from './layout.js';

/** What a function that is run once learns. */
export interface FirstRun {
  /** Worker id of one that died while it ran the function: what it did may be half done. 0 if none has. */
  readonly diedBefore: number;
}

/** Waits until the function has been run, or is the caller's to run. */
class OnceWaiter extends Waiter {
  /** Who died running it, if the caller took its place. */
  diedBefore = 0;

  constructor(
    private readonly once: Once,
    private readonly call: string | undefined,
  ) {
    super();
    this.word = once.word;
  }

  override attempt(): boolean {
    const { once } = this;
    const me = once.heap.workerId;
    for (;;) {
      const seen = once.load();
      const runner = seen & OnceBits.ID;
      if (seen === OnceBits.DONE) return true;
      if (runner === 0 || (runner !== me && !once.heap.isAttached(runner))) {
        // Who has slept doesn't know whether others still do.
        const waiters = this.wakes > 0 ? OnceBits.WAITERS : seen & OnceBits.WAITERS;
        if (!once.swap(seen, me | waiters)) continue;
        this.diedBefore = runner;
        return true;
      }
      if (runner === me && this.call !== undefined)
        throw deadlock(this.call, once.address, 'this worker is running the function already');
      this.value = seen | OnceBits.WAITERS;
      // Tells the one that runs it that somebody is about to sleep.
      if (this.value === seen || once.swap(seen, this.value)) return false;
    }
  }

  override giveUp(): boolean {
    this.passOn();
    return false;
  }

  override passOn(): void {
    this.once.passOn();
  }
}

/**
 * A function that is run once for all workers, by the first that comes; the others wait until it has returned. If it throws,
 * or its worker dies, the next one runs it.
 */
export class Once extends SharedObject {
  /** @internal */
  readonly word: number;

  static create(heap: Heap): Once {
    const address = makeRecord(heap, OnceWord.WORDS);
    publishRecord(heap, address, Kind.ONCE);
    return new Once(heap, address, true);
  }

  /** Opens the record at an address. Throws ERR_HEAP_KIND if there is none. */
  static at(heap: Heap, address: number): Once {
    checkRecord(heap, address, Kind.ONCE, OnceWord.WORDS);
    return new Once(heap, address, false);
  }

  /** @internal What a field of a struct holds: the definition says what lies there, zero words are one that nobody uses. */
  static within(heap: Heap, address: number): Once {
    return new Once(heap, address, false);
  }

  private constructor(heap: Heap, address: number, isMaker: boolean) {
    super(heap, address, isMaker);
    this.word = address / 4 + OnceWord.X_STATE;
  }

  /** @internal */
  get kind(): Kind {
    return Kind.ONCE;
  }

  /** @internal */
  protected isInUse(): boolean {
    return (this.load() & OnceBits.ID) !== 0;
  }

  /** Whether the function has returned. */
  get isDone(): boolean {
    return this.load() === OnceBits.DONE;
  }

  /**
   * Returns what the function returned, an address or another number from 0 to 2^32 - 1 (0 for nothing), in whichever worker
   * it ran; runs it here if nobody has. Blocks while another worker runs it. Throws what the function throws, ERR_SYNC_TIMEOUT, and
   * ERR_SYNC_DEADLOCK if this worker is running it.
   */
  run(first: (run: FirstRun) => number | undefined, { timeoutMs }: TimeLimit = {}): number {
    checkMayBlock('run', 'runAsync');
    checkTimeout('run', timeoutMs);
    const waiter = new OnceWaiter(this, 'run');
    if (!block(this.heap, waiter, timeoutMs)) throw timedOut('run', this.address, timeoutMs);
    if (this.isDone) return this.value();
    let value: number | undefined;
    try {
      value = first({ diedBefore: waiter.diedBefore }) ?? 0;
      return value;
    } finally {
      this.finish(value);
    }
  }

  /** The same without blocking the thread; the function may be asynchronous. */
  async runAsync(
    first: (run: FirstRun) => number | undefined | Promise<number | undefined>,
    limit: AsyncLimit = {},
  ): Promise<number> {
    checkTimeout('runAsync', limit.timeoutMs);
    const waiter = new OnceWaiter(this, undefined);
    if (!(await later(this.heap, waiter, limit))) throw timedOut('runAsync', this.address, limit.timeoutMs);
    if (this.isDone) return this.value();
    let value: number | undefined;
    try {
      value = (await first({ diedBefore: waiter.diedBefore })) ?? 0;
      return value;
    } finally {
      this.finish(value);
    }
  }

  private value(): number {
    return this.heap.i32[this.address / 4 + OnceWord.VALUE] >>> 0;
  }

  /** @internal */
  load(): number {
    return atomics.load(this.heap.i32, this.word);
  }

  /** @internal */
  swap(seen: number, value: number): boolean {
    return atomics.compareExchange(this.heap.i32, this.word, seen, value) === seen;
  }

  /** After the function: done, or for the next one to run if it has thrown. */
  private finish(value: number | undefined): void {
    const isDone = value !== undefined;
    for (;;) {
      const seen = this.load();
      if ((seen & OnceBits.ID) !== this.heap.workerId) throw notHolder('run', this.address);
      if (isDone) this.heap.i32[this.address / 4 + OnceWord.VALUE] = value;
      // Publishes the value, and all that the function did, to whoever sees that it is done.
      if (!this.swap(seen, isDone ? OnceBits.DONE : 0)) continue;
      if ((seen & OnceBits.WAITERS) !== 0) atomics.notify(this.heap.i32, this.word, isDone ? Infinity : 1);
      return;
    }
  }

  /** @internal Whoever was woken and leaves has somebody else look. */
  passOn(): void {
    for (;;) {
      const seen = this.load();
      const isRunning = (seen & OnceBits.ID) !== 0;
      if (isRunning && !this.swap(seen, seen | OnceBits.WAITERS)) continue;
      if (!isRunning) atomics.notify(this.heap.i32, this.word, 1);
      return;
    }
  }
}
