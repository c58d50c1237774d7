import { type FullAllocator } from '../allocator.js';
import { type Marker } from '../marker.js';
import { ALIGN_MASK, ALIGN_SHIFT, OP_MASK, PUBLISH, WAIT, type ThreadPlan } from '../replay-plan.js';
import { type SharedSlots } from '../slots.js';
import { TRACE_OP } from '../trace.js';

/** A worker stays within this many events of the slowest one, so that about as much is live as when recorded. */
const WINDOW = 4096;
/** How often a worker that never waits says where it is, in its own events less one. */
const REPORT_MASK = 255;
const FINISHED = 0x7fffffff;
/** Progress words lie a cache line apart. */
const PROGRESS_STRIDE = 16;
const SPINS = 200;
const NAP_MS = 0.02;

export const progressBytes = (threads: number): number => (threads + 1) * PROGRESS_STRIDE * 4;

/** How far every thread of a replay is. Waiting spins first and then naps, for there may be fewer cores than threads. */
export class Pace {
  readonly #progress: Int32Array;
  readonly #threads: number;
  readonly #own: number;

  constructor(progress: Int32Array, threads: number, own: number) {
    this.#progress = progress;
    this.#threads = threads;
    this.#own = own;
  }

  begin(): void {
    this.report(0);
  }

  end(): void {
    this.report(FINISHED);
  }

  report(position: number): void {
    Atomics.store(this.#progress, this.#own * PROGRESS_STRIDE, position);
  }

  /** Waits until `position` is within the window; returns the first position that is not. */
  waitFor(position: number): number {
    // Said before waiting: the others may be waiting for just this.
    this.report(position);
    let limit = this.#limit();
    for (let tries = 0; limit <= position; limit = this.#limit()) tries = this.#idle(tries);
    return limit;
  }

  /** Waits until a mailbox is filled. */
  address(cells: Uint32Array, mailbox: number, position: number): number {
    let address = Atomics.load(cells, mailbox);
    if (address !== 0) return address;
    this.report(position);
    for (let tries = 0; address === 0; address = Atomics.load(cells, mailbox)) tries = this.#idle(tries);
    return address;
  }

  #limit(): number {
    let slowest = FINISHED - WINDOW;
    for (let thread = 0; thread < this.#threads; thread++) {
      if (thread === this.#own) continue;
      slowest = Math.min(slowest, Atomics.load(this.#progress, thread * PROGRESS_STRIDE));
    }
    return slowest + WINDOW;
  }

  #idle(tries: number): number {
    // The word after the last thread's never changes: waiting for it is a sleep.
    if (tries >= SPINS) Atomics.wait(this.#progress, this.#threads * PROGRESS_STRIDE, 0, NAP_MS);
    return tries + 1;
  }
}

/** Performs all events of one thread; returns the sum of their sizes. */
export function replay(heap: FullAllocator, plan: ThreadPlan, slots: SharedSlots, marker: Marker, pace: Pace): number {
  const { ops, from, to, sizes, positions } = plan;
  const cells = slots.addresses;
  const marks = marker.active;
  let sum = 0;
  let limit = 0;
  for (let i = 0; i < ops.length; i++) {
    const op = ops[i];
    const size = sizes[i];
    if (positions[i] >= limit) limit = pace.waitFor(positions[i]);
    else if ((i & REPORT_MASK) === 0) pace.report(positions[i]);
    sum = (sum + size) | 0;
    const kind = op & OP_MASK;
    let known = 0;
    if (kind === TRACE_OP.FREE || kind === TRACE_OP.REALLOC) {
      known = op & WAIT ? pace.address(cells, from[i], positions[i]) : cells[from[i]];
      if (marks) marker.leaving(slots, from[i]);
    }
    if (kind === TRACE_OP.FREE) {
      heap.free(known);
      continue;
    }
    const address = allocate(heap, op, known, size);
    if (marks) mark(marker, slots, plan, i, known, address);
    if (op & PUBLISH) Atomics.store(cells, to[i], address);
    else cells[to[i]] = address;
  }
  return sum;
}

function allocate(heap: FullAllocator, op: number, known: number, size: number): number {
  switch (op & OP_MASK) {
    case TRACE_OP.MALLOC:
      return heap.malloc(size);
    case TRACE_OP.CALLOC:
      return heap.calloc(size);
    case TRACE_OP.REALLOC:
      return heap.realloc(known, size);
    default:
      return heap.malloc(size, 2 ** ((op >>> ALIGN_SHIFT) & ALIGN_MASK));
  }
}

function mark(marker: Marker, slots: SharedSlots, plan: ThreadPlan, i: number, known: number, address: number): void {
  const size = plan.sizes[i];
  const kind = plan.ops[i] & OP_MASK;
  if (kind === TRACE_OP.CALLOC) marker.zeroed(address, size);
  if (kind === TRACE_OP.REALLOC) marker.moved(slots, plan.from[i], known, address, size);
  marker.placed(slots, plan.to[i], address, size);
}

/** Frees what the recorded process still held at its end. */
export function freeLeftovers(heap: FullAllocator, plan: ThreadPlan, slots: SharedSlots, marker: Marker): void {
  for (const cell of plan.leftovers) {
    if (marker.active) marker.leaving(slots, cell);
    heap.free(slots.addresses[cell]);
  }
}
