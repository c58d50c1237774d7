import * as atomics from '#atomics';
import { TraceOp } from '../layout/format.js';
import { Geometry } from '../layout/geometry.js';
import { HeaderWord, TraceEventWord, TraceRingWord } from '../layout/offsets.generated.js';
import { overrides } from '../platform/overrides.js';
import type { Region } from './region.js';

/*
 * Trace rings: one a worker slot, in the tables, so that what a killed worker left there can still be read. Only the holder
 * of the slot writes one; X_WRITTEN publishes an event. Anybody may drain any ring: the events are copied, and are the
 * caller's when nobody else has moved X_DRAINED meanwhile.
 *
 * Numbers from one counter order the events of all workers. An allocation takes its number when it has the block and a free
 * while it still has it, so the free of a block is numbered before whatever gets its memory next.
 */

/** The ring of one attached worker. */
export class TraceRing {
  private readonly region: Region;
  private readonly slot: number;
  private readonly ring: number;
  private readonly workerId: number;
  /** A block that a realloc has left: its free is part of that. */
  private left = 0;

  constructor(region: Region, slot: number, workerId: number) {
    this.region = region;
    this.slot = slot;
    this.ring = region.ringWord(slot);
    this.workerId = workerId;
  }

  allocated(address: number, bytes: number, alignment: number, isZeroed: boolean): void {
    const shift = 31 - Math.clz32(alignment);
    if (alignment > Geometry.GRANULE_BYTES)
      this.putEvent(TraceOp.MEMALIGN | (shift << TraceOp.ALIGN_SHIFT), address, 0, bytes);
    else this.putEvent(isZeroed ? TraceOp.CALLOC : TraceOp.MALLOC, address, 0, bytes);
  }

  /** Before the block at `from` is freed, if it has moved. */
  reallocated(from: number, to: number, bytes: number): void {
    this.left = from === to ? 0 : from;
    this.putEvent(TraceOp.REALLOC, to, from, bytes);
  }

  /** Before the block is freed. */
  freeing(address: number): void {
    const isPartOfMove = address === this.left;
    this.left = 0;
    if (!isPartOfMove) this.putEvent(TraceOp.FREE, address, 0, 0);
  }

  private putEvent(op: number, address: number, from: number, bytes: number): void {
    const { region, ring } = this;
    if (isFull(region, ring)) spillRing(region, this.slot);
    const { i32 } = region;
    const number = atomics.add(i32, region.header + HeaderWord.X_TRACE_CLOCK, 1);
    if (isFull(region, ring)) {
      atomics.add(i32, ring + TraceRingWord.X_DROPPED, 1);
      return;
    }
    const written = atomics.load(i32, ring + TraceRingWord.X_WRITTEN);
    const at = eventWord(region, ring, written);
    i32[at + TraceEventWord.NUMBER] = number;
    i32[at + TraceEventWord.OP] = op;
    i32[at + TraceEventWord.ADDRESS] = address;
    i32[at + TraceEventWord.FROM] = from;
    i32[at + TraceEventWord.BYTES] = bytes;
    i32[at + TraceEventWord.WORKER] = this.workerId;
    // Publishes the event to whoever drains the ring.
    atomics.store(i32, ring + TraceRingWord.X_WRITTEN, written + 1);
  }
}

/** Word index of an event by its place among those of its ring. */
function eventWord(region: Region, ring: number, place: number): number {
  return ring + TraceRingWord.WORDS + ((place >>> 0) % region.ringEvents) * TraceEventWord.WORDS;
}

function isFull(region: Region, ring: number): boolean {
  const written = atomics.load(region.i32, ring + TraceRingWord.X_WRITTEN);
  return (written - atomics.load(region.i32, ring + TraceRingWord.X_DRAINED)) >>> 0 >= region.ringEvents;
}

/** Takes out what a ring holds, and hands it to `sink` before others may write there: `sink` may see events twice. */
export function drainRing(region: Region, slot: number, sink: (events: Uint32Array) => void): void {
  const { i32 } = region;
  const ring = region.ringWord(slot);
  const drained = atomics.load(i32, ring + TraceRingWord.X_DRAINED);
  const written = atomics.load(i32, ring + TraceRingWord.X_WRITTEN);
  const count = Math.min((written - drained) >>> 0, region.ringEvents);
  if (count === 0) return;
  const events = new Uint32Array(count * TraceEventWord.WORDS);
  for (let event = 0; event < count; event++) {
    const at = eventWord(region, ring, drained + event);
    for (let word = 0; word < TraceEventWord.WORDS; word++)
      events[event * TraceEventWord.WORDS + word] = i32[at + word];
  }
  // Somebody else has drained the ring meanwhile, so what was copied may be of two times.
  if (atomics.load(i32, ring + TraceRingWord.X_DRAINED) !== drained) return;
  sink(events);
  // Frees their places for the ring's worker.
  atomics.compareExchange(i32, ring + TraceRingWord.X_DRAINED, drained, written);
}

/** Hands what a ring holds to the sink of this thread, if a tool has put one up. */
export function spillRing(region: Region, slot: number): void {
  const { traced } = overrides();
  if (traced === undefined) return;
  const { heapId } = region;
  drainRing(region, slot, (events) => traced(heapId, events));
}

/** The same with every ring of the heap: also those of workers that were killed. */
export function spillRings(region: Region): void {
  if (region.ringEvents === 0) return;
  for (let slot = 1; slot <= region.maxWorkers; slot++) spillRing(region, slot);
}

/** What all rings hold, each worker's events in their own order. */
export function drainRings(region: Region): Uint32Array {
  const parts: Uint32Array[] = [];
  if (region.ringEvents > 0)
    for (let slot = 1; slot <= region.maxWorkers; slot++) drainRing(region, slot, (events) => parts.push(events));
  const all = new Uint32Array(parts.reduce((words, { length }) => words + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Events recorded and dropped so far, by workers gone and present. */
export function countTraced(region: Region): { readonly tracedEvents: number; readonly droppedEvents: number } {
  let droppedEvents = 0;
  if (region.ringEvents > 0)
    for (let slot = 1; slot <= region.maxWorkers; slot++)
      droppedEvents += atomics.load(region.i32, region.ringWord(slot) + TraceRingWord.X_DROPPED) >>> 0;
  const numbered = atomics.load(region.i32, region.header + HeaderWord.X_TRACE_CLOCK) >>> 0;
  return { tracedEvents: numbered - droppedEvents, droppedEvents };
}
