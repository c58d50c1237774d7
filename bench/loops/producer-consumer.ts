import { type Allocator } from '../allocator.js';
import { type Draw } from '../draw.js';
import { type Marks } from '../marker.js';
import { type Slots } from '../slots.js';

const HEAD = 0;
/** On another cache line than the head: each is written by one side only. */
const TAIL = 16;

/**
 * A ring from one producer to one consumer that moves whole batches, so that the atomic operations of a hand-over are
 * shared by all of its blocks and the run measures the heap. Head and tail count batches and never go back.
 */
export class Ring {
  readonly slots: Slots;
  readonly batch: number;
  readonly #counters: Int32Array;
  readonly #batches: number;
  #at = 0;

  static readonly COUNTER_BYTES = 128;

  constructor(slots: Slots, counters: Int32Array, batch: number) {
    this.slots = slots;
    this.batch = batch;
    this.#counters = counters;
    this.#batches = Math.floor(slots.addresses.length / batch);
  }

  /** Waits for room; returns the first slot of it. */
  claim(): number {
    this.#wait(TAIL, this.#at - this.#batches + 1);
    return (this.#at % this.#batches) * this.batch;
  }

  publish(): void {
    this.#advance(HEAD);
  }

  /** Waits for a batch; returns its first slot. */
  take(): number {
    this.#wait(HEAD, this.#at + 1);
    return (this.#at % this.#batches) * this.batch;
  }

  release(): void {
    this.#advance(TAIL);
  }

  /** Counts a batch that went to the consumer by another way. */
  bypass(): void {
    this.#at++;
  }

  #wait(counter: number, atLeast: number): void {
    let seen = Atomics.load(this.#counters, counter);
    while (seen < atLeast) {
      Atomics.wait(this.#counters, counter, seen);
      seen = Atomics.load(this.#counters, counter);
    }
  }

  #advance(counter: number): void {
    this.#at++;
    // The store hands the slots over: the other side reads or fills them only after it saw the count.
    Atomics.store(this.#counters, counter, this.#at);
    Atomics.notify(this.#counters, counter);
  }
}

export function produce(heap: Allocator, ring: Ring, draw: Draw, marker: Marks<number>, batches: number): void {
  const { slots, batch } = ring;
  const { addresses } = slots;
  const { sizeMin, sizeCount, sizeShift } = draw;
  const marks = marker.active;
  let { x, sum } = draw;
  for (let i = 0; i < batches; i++) {
    const first = ring.claim();
    for (let slot = first; slot < first + batch; slot++) {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      const size = sizeMin + ((Math.imul(x >>> 16, sizeCount) >>> 16) << sizeShift);
      const address = heap.malloc(size);
      addresses[slot] = address;
      if (marks) marker.placed(slots, slot, address, size);
      sum = (sum + size) | 0;
    }
    ring.publish();
  }
  draw.x = x;
  draw.sum = sum;
}

export function consume(heap: Allocator, ring: Ring, marker: Marks<number>, batches: number): void {
  const { slots, batch } = ring;
  const { addresses } = slots;
  const marks = marker.active;
  for (let i = 0; i < batches; i++) {
    const first = ring.take();
    for (let slot = first; slot < first + batch; slot++) {
      if (marks) marker.leaving(slots, slot);
      heap.free(addresses[slot]);
    }
    ring.release();
  }
}

/** A link of a ring of workers: fills a batch for the next worker, then frees one of the worker before. */
export function relay(
  heap: Allocator,
  out: Ring,
  into: Ring,
  draw: Draw,
  marker: Marks<number>,
  batches: number,
): void {
  for (let i = 0; i < batches; i++) {
    produce(heap, out, draw, marker, 1);
    consume(heap, into, marker, 1);
  }
}
