import * as atomics from '#atomics';
import { corrupt } from '../base/errors.js';
import { Kind, MapBits, StateBits } from '../layout/format.js';
import { SliceWord } from '../layout/offsets.generated.js';
import type { Region } from '../memory/region.js';

/** Word index of a field of a slice's descriptor. */
export function sliceWord(region: Region, slice: number, field: SliceWord): number {
  return region.slices + slice * SliceWord.WORDS + field;
}

export function kindOf(state: number): number {
  return state & Kind.MASK;
}

export function ownerOf(state: number): number {
  return (state >>> StateBits.OWNER_SHIFT) & StateBits.OWNER_MASK;
}

/*
 * Numbers in descriptors, slots and control blocks are believed by loops and used as indices. A user's stray store there must
 * end in ERR_HEAP_CORRUPT, not in an endless loop or an engine's RangeError, so who reads one off the fast path checks it.
 */

/** A number read from shared memory that must be a slice behind the tables. */
export function checkedSlice(region: Region, slice: number, what: string): number {
  if (slice >= region.firstSlice && slice < region.endSlice) return slice;
  return corrupt(`${what} is no slice`, { slice, firstSlice: region.firstSlice, endSlice: region.endSlice });
}

/** A length read from the descriptor of a run: whatever life of the run it is from, it lies inside the region. */
export function checkedCount(region: Region, head: number, count: number): number {
  if (count >= 1 && count <= region.endSlice - head) return count;
  return corrupt('a run of slices has an impossible length', { slice: head, count });
}

/** First slice of the slab or span that a slice belongs to. */
export function headOf(region: Region, slice: number): number {
  const head = region.i32[sliceWord(region, slice, SliceWord.HEAD)];
  if (head >= region.firstSlice && head <= slice) return head;
  return corrupt('a slice names an impossible head', { slice, head });
}

export function identity(kind: number, owner: number): number {
  return kind | (owner << StateBits.OWNER_SHIFT);
}

/** Writes the map words of a run. Plain stores: nobody else may hold an address in the run until it is published. */
export function fillMap(region: Region, start: number, count: number, kind: number, owner: number): void {
  region.i32.fill(kind | (owner << MapBits.OWNER_SHIFT), region.map + start, region.map + start + count);
}

/**
 * Takes back what the map says lay in claimed slices: for who writes there before the run is published. If that one is killed meanwhile,
 * the slices are free again, and must not be taken for blocks as they were left.
 */
export function forgetRun(region: Region, start: number, count: number): void {
  fillMap(region, start, count, Kind.NONE, 0);
}

/** Describes a claimed run and publishes it as a slab, span or control block. The journal covers it until this returns. */
export function publishRun(region: Region, start: number, count: number, kind: number, owner: number): void {
  const { i32 } = region;
  for (let slice = start; slice < start + count; slice++) i32[sliceWord(region, slice, SliceWord.HEAD)] = start;
  // Spans and control blocks belong to nobody in the map: freeing them is never a local free.
  fillMap(region, start, count, kind, owner);
  atomics.store(i32, sliceWord(region, start, SliceWord.X_COUNT), count);
  // Publishes the descriptor and the map words to walkers, reclaimers and whoever frees a block of the run.
  atomics.store(i32, sliceWord(region, start, SliceWord.X_STATE), identity(kind, owner));
}

/** True if the slice is part of a published slab, span or control block. */
export function isPublished(region: Region, slice: number): boolean {
  const { i32 } = region;
  const head = atomics.load(i32, sliceWord(region, slice, SliceWord.HEAD));
  if (head < region.firstSlice || head > slice || atomics.load(i32, sliceWord(region, head, SliceWord.X_STATE)) === 0)
    return false;
  return slice < head + atomics.load(i32, sliceWord(region, head, SliceWord.X_COUNT));
}
