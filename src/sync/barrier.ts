import * as atomics from '#atomics';
import { HeapError, type Heap } from '../index.js';
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
import { BarrierBits, BarrierWord } from './layout.js';

const phaseOf = (state: number): number => (state >>> BarrierBits.PHASE_SHIFT) & BarrierBits.PHASE_MASK;

export function checkParties(call: string, parties: unknown): void {
  if (!Number.isInteger(parties) || (parties as number) < 1 || (parties as number) > BarrierBits.ARRIVED)
    throw wrongArgument(call, `${String(parties)} parties; it must be from 1 to ${BarrierBits.ARRIVED}`, { parties });
}

/** Waits for the end of the phase in which it has arrived. */
class PhaseWaiter extends Waiter {
  constructor(
    private readonly barrier: Barrier,
    private readonly phase: number,
  ) {
    super();
    this.word = barrier.word;
  }

  override attempt(): boolean {
    const seen = this.barrier.load();
    if (phaseOf(seen) !== this.phase) return true;
    this.barrier.checkWhole(seen);
    this.value = seen;
    return false;
  }

  /** It has been counted, so the others would go on without it: nobody shall. */
  override giveUp(): boolean {
    return !this.barrier.breakPhase(this.phase);
  }

  override passOn(): void {
    // All that wait are woken together.
  }
}

/**
 * A point that all parties reach before any goes on, again and again. A party that gives up after it arrived (a timeout, an
 * abort) breaks the barrier, and so does `break()`, for whoever learns that a party has died: then every call throws
 * ERR_SYNC_BROKEN, for ever. Nobody is known by name here, so a death alone breaks nothing.
 */
export class Barrier extends SharedObject {
  /** @internal */
  readonly word: number;
  /** How many have to arrive. */
  readonly parties: number;

  /** Throws ERR_SYNC_ARGUMENT unless there are 1 to 4,095 parties. */
  static create(heap: Heap, parties: number): Barrier {
    checkParties('Barrier.create', parties);
    const address = makeRecord(heap, BarrierWord.WORDS);
    heap.i32[address / 4 + BarrierWord.PARTIES] = parties;
    publishRecord(heap, address, Kind.BARRIER);
    return new Barrier(heap, address, true);
  }

  /** Opens the barrier at an address. Throws ERR_HEAP_KIND if there is none. */
  static at(heap: Heap, address: number): Barrier {
    checkRecord(heap, address, Kind.BARRIER, BarrierWord.WORDS);
    return new Barrier(heap, address, false);
  }

  /** @internal What a field of a struct holds: the definition says what lies there, zero words are one that nobody uses. */
  static within(heap: Heap, address: number, parties: number): Barrier {
    // Everybody stores the same.
    atomics.store(heap.i32, address / 4 + BarrierWord.PARTIES, parties);
    return new Barrier(heap, address, false);
  }

  private constructor(heap: Heap, address: number, isMaker: boolean) {
    super(heap, address, isMaker);
    this.word = address / 4 + BarrierWord.X_STATE;
    this.parties = heap.i32[address / 4 + BarrierWord.PARTIES];
  }

  /** @internal */
  get kind(): Kind {
    return Kind.BARRIER;
  }

  /** @internal */
  protected isInUse(): boolean {
    return (this.load() & BarrierBits.ARRIVED) !== 0 && !this.isBroken;
  }

  /**
   * Arrives, and blocks until all have. True for one of them, the last to arrive. Throws ERR_SYNC_TIMEOUT, and breaks the
   * barrier for the others, if the time is over first.
   */
  wait({ timeoutMs }: TimeLimit = {}): boolean {
    checkMayBlock('wait', 'waitAsync');
    checkTimeout('wait', timeoutMs);
    const phase = this.arrive();
    if (phase < 0) return true;
    if (!block(this.heap, new PhaseWaiter(this, phase), timeoutMs)) throw timedOut('wait', this.address, timeoutMs);
    return false;
  }

  /** The same without blocking the thread. */
  async waitAsync(limit: AsyncLimit = {}): Promise<boolean> {
    checkTimeout('waitAsync', limit.timeoutMs);
    limit.signal?.throwIfAborted();
    const phase = this.arrive();
    if (phase < 0) return true;
    if (!(await later(this.heap, new PhaseWaiter(this, phase), limit)))
      throw timedOut('waitAsync', this.address, limit.timeoutMs);
    return false;
  }

  /** Says that a party will not come: whoever waits gets ERR_SYNC_BROKEN, now and from now on. */
  break(): void {
    for (;;) {
      const seen = this.load();
      if (!this.swap(seen, seen | BarrierBits.BROKEN)) continue;
      atomics.notify(this.heap.i32, this.word, Infinity);
      return;
    }
  }

  get isBroken(): boolean {
    return (this.load() & BarrierBits.BROKEN) !== 0;
  }

  /** @internal */
  load(): number {
    return atomics.load(this.heap.i32, this.word);
  }

  private swap(seen: number, value: number): boolean {
    return atomics.compareExchange(this.heap.i32, this.word, seen, value) === seen;
  }

  /** @internal */
  checkWhole(state: number): void {
    if ((state & BarrierBits.BROKEN) === 0) return;
    throw new HeapError(
      'ERR_SYNC_BROKEN',
      `the barrier at ${this.address} is broken: a party gave up or was said not to come; make another barrier`,
      { address: this.address },
    );
  }

  /** The phase whose end is to be waited for; -1 if the caller has ended it. */
  private arrive(): number {
    for (;;) {
      const seen = this.load();
      this.checkWhole(seen);
      const phase = phaseOf(seen);
      const isLast = (seen & BarrierBits.ARRIVED) + 1 === this.parties;
      const next = isLast ? ((phase + 1) & BarrierBits.PHASE_MASK) << BarrierBits.PHASE_SHIFT : seen + 1;
      // Publishes what this party has done; the last arrival publishes what all have done to those that see the next phase.
      if (!this.swap(seen, next)) continue;
      if (!isLast) return phase;
      atomics.notify(this.heap.i32, this.word, Infinity);
      return -1;
    }
  }

  /** @internal False if the phase is over. */
  breakPhase(phase: number): boolean {
    for (;;) {
      const seen = this.load();
      if (phaseOf(seen) !== phase) return false;
      if (!this.swap(seen, seen | BarrierBits.BROKEN)) continue;
      atomics.notify(this.heap.i32, this.word, Infinity);
      return true;
    }
  }
}
