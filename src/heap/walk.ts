import { popcount } from '../base/bits.js';
import { CLASS_BYTES } from '../layout/classes.js';
import { Kind, SlotState } from '../layout/format.js';
import { Geometry } from '../layout/geometry.js';
import { SliceWord } from '../layout/offsets.generated.js';
import type { Region } from '../memory/region.js';
import { BIT_WORDS_PER_SLICE } from '../memory/tables.js';
import { kindOf, ownerOf, sliceWord } from '../pages/descriptor.js';
import { spanSlices } from '../pages/spans.js';
import { isSlab, publishedHeads } from '../registry/adopt.js';
import { generationOf, loadState, stateOf, workerIdOf } from '../registry/slots.js';
import { bitsWord, slabCapacity } from '../slabs/slab.js';
import { isLive } from './lookup.js';

/** One live block, as `heap.blocks()` yields it. */
export interface BlockInfo {
  readonly address: number;
  /** Bytes the block can hold. */
  readonly size: number;
  /** Size class, 1 ..; 0 for a span. */
  readonly class: number;
  /** Worker id of the owner of its slab, 0 if that left; of a span, the worker that allocated it. */
  readonly owner: number;
}

function ownerId(region: Region, slot: number): number {
  if (slot === 0) return 0;
  const word = loadState(region, slot);
  return stateOf(word) === SlotState.FREE ? 0 : workerIdOf(slot, generationOf(word));
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
        owner: region.i32[sliceWord(region, head, SliceWord.FREE_BLOCKS)],
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
