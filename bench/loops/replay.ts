import { alignmentOf, EventWord, OpBits, TraceOp, type ThreadPlan } from 'sabmalloc/trace';
import { type FullAllocator } from '../allocator.js';
import { type Marker } from '../marker.js';
import { type SharedSlots } from '../slots.js';

/** A worker stays within this many events of the slowest one, so that about as much is live as when recorded. */
const WINDOW = 4096;
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

/** Performs all events of one thread of several; returns the sum of their sizes. */
export function replay(heap: FullAllocator, plan: ThreadPlan, slots: SharedSlots, marker: Marker, pace: Pace): number {
  const { events } = plan;
  const cells = slots.addresses;
  const marks = marker.active;
  let sum = 0;
  let limit = 0;
  for (let at = 0; at < events.length; at += EventWord.WORDS) {
    const op = events[at + EventWord.OP];
    const size = events[at + EventWord.SIZE];
    const position = events[at + EventWord.POSITION];
    if (position >= limit) limit = pace.waitFor(position);
    else if (op & OpBits.REPORT) pace.report(position);
    sum = (sum + size) | 0;
    const kind = op & OpBits.OP_MASK;
    let known = 0;
    if (kind === TraceOp.FREE || kind === TraceOp.REALLOC) {
      const from = events[at + EventWord.FROM];
      known = op & OpBits.WAIT ? pace.address(cells, from, position) : cells[from];
      if (marks) marker.leaving(slots, from);
    }
    if (kind === TraceOp.FREE) {
      heap.free(known);
      continue;
    }
    const address = allocate(heap, op, known, size);
    const to = events[at + EventWord.TO];
    if (marks) mark(marker, slots, events.subarray(at, at + EventWord.WORDS), known, address);
    if (op & OpBits.PUBLISH) Atomics.store(cells, to, address);
    else cells[to] = address;
  }
  return sum;
}

function allocate(heap: FullAllocator, op: number, known: number, size: number): number {
  switch (op & OpBits.OP_MASK) {
    case TraceOp.MALLOC:
      return heap.malloc(size);
    case TraceOp.CALLOC:
      return heap.calloc(size);
    case TraceOp.REALLOC:
      return heap.realloc(known, size);
    default:
      return heap.malloc(size, alignmentOf(op));
  }
}

function mark(marker: Marker, slots: SharedSlots, event: Uint32Array, known: number, address: number): void {
  const size = event[EventWord.SIZE];
  const kind = event[EventWord.OP] & OpBits.OP_MASK;
  if (kind === TraceOp.CALLOC) marker.zeroed(address, size);
  if (kind === TraceOp.REALLOC) marker.moved(slots, event[EventWord.FROM], known, address, size);
  marker.placed(slots, event[EventWord.TO], address, size);
}

/** Frees what the recorded process still held at its end. */
export function freeLeftovers(heap: FullAllocator, plan: ThreadPlan, slots: SharedSlots, marker: Marker): void {
  for (const cell of plan.leftovers) {
    if (marker.active) marker.leaving(slots, cell);
    heap.free(slots.addresses[cell]);
  }
}
