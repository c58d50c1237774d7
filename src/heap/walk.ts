import * as atomics from '#atomics';
import { popcount } from '../base/bits.js';
import { CLASS_BYTES, capacityBlocks } from '../layout/classes.js';
import { Kind, SlotState } from '../layout/format.js';
import { Geometry } from '../layout/geometry.js';
import { HeaderWord, SliceWord } from '../layout/offsets.generated.js';
import type { Region } from '../memory/region.js';
import { BIT_WORDS_PER_SLICE } from '../memory/tables.js';
import { kindOf, ownerOf, sliceWord } from '../pages/descriptor.js';
import { isClaimed } from '../pages/slices.js';
import { spanSlices } from '../pages/spans.js';
import { isSlab, publishedHeads } from '../registry/adopt.js';
import { generationOf, loadState, stateOf, workerIdOf } from '../registry/slots.js';
import { bitsWord, slabCapacity } from '../slabs/slab.js';
import { granuleOf, isLive } from './lookup.js';

/** One live block, as `heap.blocks()` yields it. */
export interface BlockInfo {
  readonly address: number;
  /** Bytes the block can hold; with full headers, bytes that were asked for. */
  readonly size: number;
  /** Size class, 1 ..; 0 for a span. */
  readonly class: number;
  /** Worker id of the owner of its slab, 0 if that left; of a span, the worker that allocated it. */
  readonly owner: number;
  /** With full headers: worker id that allocated it, though it may have left since. */
  readonly allocatedBy?: number;
  /** Place in the program that allocated it, `name (file:line:column)`, where it was recorded (option callSiteEvery). */
  readonly callSite?: string;
}

/** Worker id of the worker in a slot, 0 if there is none. */
export function ownerId(region: Region, slot: number): number {
  if (slot === 0) return 0;
  const word = loadState(region, slot);
  return stateOf(word) === SlotState.FREE ? 0 : workerIdOf(slot, generationOf(word));
}

/** Worker id of who allocated a span. */
export function spanAllocator(region: Region, head: number): number {
  return Math.abs(region.i32[sliceWord(region, head, SliceWord.FREE_BLOCKS)]);
}

export function isAnySpan(state: number): boolean {
  return kindOf(state) === Kind.SPAN || kindOf(state) === Kind.SPAN_BUSY;
}

/** Every live block, from low to high addresses. Exact when no worker is inside a call that frees or allocates. */
export function* walkBlocks(region: Region): Generator<BlockInfo> {
  for (const { head, state } of publishedHeads(region)) {
    if (isAnySpan(state))
      yield {
        address: region.addressOf(head),
        size: spanSlices(region, head) * Geometry.SLICE_BYTES,
        class: 0,
        owner: spanAllocator(region, head),
      };
    else if (isSlab(state)) yield* walkSlab(region, head, state);
  }
}

function* walkSlab(region: Region, head: number, state: number): Generator<BlockInfo> {
  const classId = kindOf(state);
  const size = CLASS_BYTES[classId];
  const owner = ownerId(region, ownerOf(state));
  const capacity = slabCapacity(region, head, classId);
  for (let block = 0; block < capacity; block++) {
    const granule = head * Geometry.SLICE_GRANULES + (block * size) / Geometry.GRANULE_BYTES;
    if (isLive(region, granule)) yield { address: granule * Geometry.GRANULE_BYTES, size, class: classId, owner };
  }
}

interface FreeBlock {
  readonly address: number;
  readonly size: number;
}

/** Every block that is free, with its size: in slabs, and where slabs and spans went back and nothing else has come since. */
export function* walkFree(region: Region): Generator<FreeBlock> {
  const limit = atomics.load(region.i32, region.header + HeaderWord.X_LIMIT);
  let slice = region.firstSlice;
  while (slice < limit) {
    const state = atomics.load(region.i32, sliceWord(region, slice, SliceWord.X_STATE));
    const word = region.i32[region.map + slice];
    const kind = state === 0 ? word & Kind.MASK : kindOf(state);
    const count = region.i32[sliceWord(region, slice, SliceWord.X_COUNT)];
    const isRun = state !== 0 || isWholeRun(region, slice, count, word);
    if (isRun && isSlab(kind)) yield* freeOfSlab(region, slice, kind, count);
    else if (isRun && state === 0) yield { address: region.addressOf(slice), size: count * Geometry.SLICE_BYTES };
    slice += isRun ? Math.max(1, count) : 1;
  }
}

/** True if a slab or span that went back began here, and all of it is still free. */
function isWholeRun(region: Region, head: number, count: number, word: number): boolean {
  const kind = word & Kind.MASK;
  if ((word & Kind.WAS) === 0 || (kind !== Kind.SPAN && !isSlab(kind))) return false;
  if (count < 1 || count > region.endSlice - head) return false;
  for (let slice = head; slice < head + count; slice++)
    if (
      region.i32[region.map + slice] !== word ||
      region.i32[sliceWord(region, slice, SliceWord.HEAD)] !== head ||
      isClaimed(region, slice)
    )
      return false;
  return true;
}

function* freeOfSlab(region: Region, head: number, classId: number, slices: number): Generator<FreeBlock> {
  const size = CLASS_BYTES[classId];
  const first = region.addressOf(head);
  for (let address = first; address < first + capacityBlocks(classId, slices) * size; address += size)
    if (!isLive(region, granuleOf(address))) yield { address, size };
}

/** What a slab holds, counted from its bits. */
export interface SlabCount {
  /** Live blocks, not counting those that another worker freed. */
  readonly live: number;
  /** Blocks freed by other workers that have not come home. */
  readonly remote: number;
}

/** Counts the blocks that begin in these slices of a slab. */
export function countBlocks(region: Region, firstSlice: number, slices: number): SlabCount {
  const { i32 } = region;
  const first = bitsWord(region, firstSlice * Geometry.SLICE_GRANULES);
  const words = slices * BIT_WORDS_PER_SLICE;
  let live = 0;
  let remote = 0;
  for (let word = first; word < first + words; word += 2) {
    live += popcount(i32[word] & ~i32[word + 1]);
    remote += popcount(i32[word] & i32[word + 1]);
  }
  return { live, remote };
}
