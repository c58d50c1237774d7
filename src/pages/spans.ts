import * as atomics from '#atomics';
import { Geometry } from '../layout/geometry.js';
import { Kind } from '../layout/format.js';
import { SliceWord } from '../layout/offsets.generated.js';
import type { Region } from '../memory/region.js';
import { checkedCount, fillMap, identity, kindOf, ownerOf, publishRun, sliceWord } from './descriptor.js';
import type { Slices } from './slices.js';

export function slicesFor(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / Geometry.SLICE_BYTES));
}

/** Claims a span of `count` slices and publishes it live, allocated by `workerId`. Returns its first slice, or 0 if there is no room. */
export function allocateSpan(
  region: Region,
  slices: Slices,
  workerId: number,
  count: number,
  alignment: number,
): number {
  const start = slices.claim(count, alignment);
  if (start === 0) return 0;
  region.i32[sliceWord(region, start, SliceWord.FREE_BLOCKS)] = workerId;
  publishRun(region, start, count, Kind.SPAN, 0);
  slices.close();
  region.cover(start + count);
  return start;
}

export function spanSlices(region: Region, start: number): number {
  return checkedCount(region, start, atomics.load(region.i32, sliceWord(region, start, SliceWord.X_COUNT)));
}

/** True if a live span begins at this slice. */
export function isSpan(region: Region, start: number): boolean {
  return atomics.load(region.i32, sliceWord(region, start, SliceWord.X_STATE)) === identity(Kind.SPAN, 0);
}

/**
 * Frees the span that begins at `start`. False if there is none: of any number of racing frees the compare-and-swap
 * lets exactly one through, whatever worker it comes from.
 */
export function freeSpan(region: Region, slices: Slices, slot: number, start: number): boolean {
  const { i32 } = region;
  const state = sliceWord(region, start, SliceWord.X_STATE);
  const live = identity(Kind.SPAN, 0);
  // Busy first: from here on nobody can resize it, so its length may go into the journal before it is nobody's any more.
  if (atomics.compareExchange(i32, state, live, identity(Kind.SPAN_BUSY, slot)) !== live) return false;
  const count = spanSlices(region, start);
  slices.open(start, count);
  // From this store on the span is the journal's.
  atomics.store(i32, state, 0);
  fillMap(region, start, count, Kind.WAS | Kind.SPAN, 0);
  slices.release(start, count);
  return true;
}

/**
 * Changes the length of a live span in place; false if the slices behind it are taken. While it works the span is
 * marked busy with the worker's slot, so that a racing free is refused instead of returning slices twice, and a
 * reclaimer can make it live again if this worker dies here.
 */
export function resizeSpan(region: Region, slices: Slices, slot: number, start: number, count: number): boolean {
  const { i32 } = region;
  const state = sliceWord(region, start, SliceWord.X_STATE);
  const live = identity(Kind.SPAN, 0);
  if (atomics.compareExchange(i32, state, live, identity(Kind.SPAN_BUSY, slot)) !== live) return false;
  const have = spanSlices(region, start);
  const done = count <= have ? true : slices.claimAt(start + have, count - have);
  if (done && count > have) growInto(region, slices, start, have, count);
  if (count < have) shrinkTo(region, slices, start, have, count);
  // Publishes the new length; the span may be freed again.
  atomics.store(i32, state, live);
  return done;
}

function growInto(region: Region, slices: Slices, start: number, have: number, count: number): void {
  for (let slice = start + have; slice < start + count; slice++)
    region.i32[sliceWord(region, slice, SliceWord.HEAD)] = start;
  fillMap(region, start + have, count - have, Kind.SPAN, 0);
  // The claimed slices become part of the span at once; before this store they are the journal's.
  atomics.store(region.i32, sliceWord(region, start, SliceWord.X_COUNT), count);
  slices.close();
  region.cover(start + count);
}

function shrinkTo(region: Region, slices: Slices, start: number, have: number, count: number): void {
  slices.open(start + count, have - count);
  // From this store on the tail is the journal's.
  atomics.store(region.i32, sliceWord(region, start, SliceWord.X_COUNT), count);
  fillMap(region, start + count, have - count, Kind.WAS | Kind.SPAN, 0);
  slices.release(start + count, have - count);
}

/** Makes spans live again that a dead worker was resizing. */
export function recoverBusySpan(region: Region, deadSlot: number, slice: number): void {
  const busy = sliceWord(region, slice, SliceWord.X_STATE);
  const state = atomics.load(region.i32, busy);
  if (kindOf(state) === Kind.SPAN_BUSY && ownerOf(state) === deadSlot)
    atomics.compareExchange(region.i32, busy, state, identity(Kind.SPAN, 0));
}
