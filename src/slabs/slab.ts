import * as atomics from '#atomics';
import { lowestBit } from '../base/bits.js';
import { corrupt } from '../base/errors.js';
import { Headers } from '../config/options.js';
import { eraseTrailer, writeCanary } from '../debug/trailer.js';
import { CLASS_BYTES, START_PATTERN, capacityBlocks, nextSlabSlices } from '../layout/classes.js';
import { Kind } from '../layout/format.js';
import { Geometry } from '../layout/geometry.js';
import { CacheWord, SliceWord } from '../layout/offsets.generated.js';
import type { Region } from '../memory/region.js';
import {
  checkedCount,
  checkedSlice,
  fillMap,
  forgetRun,
  identity,
  publishRun,
  sliceWord,
} from '../pages/descriptor.js';
import type { Owner } from './owner.js';

/*
 * Blocks of a slab. The only truth about a block is its live bit, which only the slab's owner stores:
 *
 *     live + cached + free = capacity        FREE_BLOCKS = free        remote frees are still live
 *
 * A block with its live bit off is free or in one of its owner's caches. Which of the two needs no word of its own,
 * because slabs are refilled from only when both tiers of the class's cache are empty: then every block with its bit off
 * in a slab on the list is free. So spilling a block is forgetting it, and what a dead worker's caches held is free the
 * moment its slabs are adopted.
 *
 * A slab is on its class's list exactly when FREE_BLOCKS > 0.
 */

/** Word index of the live bits of a granule's word; the remote bits are in the next word. */
export function bitsWord(region: Region, granule: number): number {
  return region.bits + ((granule >>> 5) << 1);
}

/** Slices of a slab. */
export function slabSlices(region: Region, head: number): number {
  return checkedCount(region, head, region.i32[sliceWord(region, head, SliceWord.X_COUNT)]);
}

export function slabCapacity(region: Region, head: number, classId: number): number {
  return capacityBlocks(classId, slabSlices(region, head));
}

/** Puts a slab at the head of its class's list. */
function link(owner: Owner, head: number, classId: number): void {
  const { i32 } = owner.region;
  const list = owner.cache(classId) + CacheWord.SLABS;
  const next = i32[list];
  i32[sliceWord(owner.region, head, SliceWord.PREVIOUS)] = 0;
  i32[sliceWord(owner.region, head, SliceWord.NEXT)] = next;
  if (next !== 0) i32[sliceWord(owner.region, next, SliceWord.PREVIOUS)] = head;
  i32[list] = head;
}

function unlink(owner: Owner, head: number, classId: number): void {
  const { i32 } = owner.region;
  const previous = i32[sliceWord(owner.region, head, SliceWord.PREVIOUS)];
  const next = i32[sliceWord(owner.region, head, SliceWord.NEXT)];
  if (previous === 0) i32[owner.cache(classId) + CacheWord.SLABS] = next;
  else i32[sliceWord(owner.region, previous, SliceWord.NEXT)] = next;
  if (next !== 0) i32[sliceWord(owner.region, next, SliceWord.PREVIOUS)] = previous;
}

/** Slices of the next slab of a class by demand. */
export function wantedSlices(owner: Owner, classId: number): number {
  return nextSlabSlices(classId, owner.region.i32[owner.cache(classId) + CacheWord.SLAB_SLICES]);
}

/** Claims `count` slices and makes them a slab of this class, owned by the caller. Returns its head, or 0 if there is no room. */
export function createSlab(owner: Owner, classId: number, count: number): number {
  const { region } = owner;
  const head = owner.slices.claim(count, 1);
  if (head === 0) return 0;
  clearResidue(region, head, count);
  if (owner.settings.headers !== Headers.NONE) stamp(owner, head, count, classId);
  publishRun(region, head, count, classId, owner.slot);
  owner.slices.close();
  region.cover(head + count);
  takeIn(owner, head, classId, capacityBlocks(classId, count));
  if (owner.learning !== undefined) owner.learning.slabMade(classId);
  return head;
}

/** Light headers are written here, once in the life of a slab; what a former slab left in the place of full ones is erased. */
function stamp(owner: Owner, head: number, count: number, classId: number): void {
  const { region } = owner;
  const stampBlock = owner.settings.headers === Headers.LIGHT ? writeCanary : eraseTrailer;
  forgetRun(region, head, count);
  region.cover(head + count);
  const first = region.addressOf(head);
  const end = first + capacityBlocks(classId, count) * CLASS_BYTES[classId];
  for (let address = first; address < end; address += CLASS_BYTES[classId])
    stampBlock(region, address, CLASS_BYTES[classId]);
}

/** A slab that the caller owns from now on joins its books. */
export function takeIn(owner: Owner, head: number, classId: number, freeBlocks: number): void {
  const { i32 } = owner.region;
  i32[sliceWord(owner.region, head, SliceWord.CURSOR)] = 0;
  i32[sliceWord(owner.region, head, SliceWord.FREE_BLOCKS)] = freeBlocks;
  i32[owner.cache(classId) + CacheWord.SLAB_SLICES] += i32[sliceWord(owner.region, head, SliceWord.X_COUNT)];
  if (freeBlocks === slabCapacity(owner.region, head, classId)) i32[owner.cache(classId) + CacheWord.EMPTY_SLABS]++;
  if (freeBlocks > 0) link(owner, head, classId);
}

/** Remote bits that frees of blocks long gone left behind must not meet new blocks. Live bits are all off in free slices. */
function clearResidue(region: Region, head: number, count: number): void {
  const first = bitsWord(region, head * Geometry.SLICE_GRANULES);
  for (let word = first; word < first + count * 16; word += 2)
    if (region.i32[word + 1] !== 0) atomics.store(region.i32, word + 1, 0);
}

/**
 * Adds `count` blocks to the free blocks of a slab: they left a cache or came home. Returns true if the slab has no
 * block live or cached any more.
 */
export function addFree(owner: Owner, head: number, classId: number, count: number): boolean {
  const { i32 } = owner.region;
  const at = sliceWord(owner.region, head, SliceWord.FREE_BLOCKS);
  const before = i32[at];
  i32[at] = before + count;
  if (before === 0) link(owner, head, classId);
  if (before + count < slabCapacity(owner.region, head, classId)) return false;
  i32[owner.cache(classId) + CacheWord.EMPTY_SLABS]++;
  return true;
}

/**
 * Takes up to `want` free blocks of a slab and puts them on the class's stack, lowest address on top. Called only when
 * both tiers of the cache are empty. Returns how many.
 */
export function takeFree(owner: Owner, head: number, classId: number, want: number): number {
  const { i32 } = owner.region;
  const at = sliceWord(owner.region, head, SliceWord.FREE_BLOCKS);
  const free = i32[at];
  const capacity = slabCapacity(owner.region, head, classId);
  if (free < 1 || free > capacity)
    corrupt('a listed slab has an impossible number of free blocks', { slice: head, free });
  const count = Math.min(want, free);
  const cache = owner.cache(classId);
  const bottom = cache + CacheWord.WORDS + owner.region.i32[cache + CacheWord.COUNT];
  if (free === capacity) i32[cache + CacheWord.EMPTY_SLABS]--;
  i32[at] = free - count;
  if (free === count) unlink(owner, head, classId);
  if (CLASS_BYTES[classId] < 32 * Geometry.GRANULE_BYTES) gatherByWord(owner.region, head, classId, bottom, count);
  else gatherByBlock(owner.region, head, classId, bottom, count);
  i32[cache + CacheWord.COUNT] += count;
  return count;
}

/** Blocks under 512 bytes: a word of live bits covers several, so free ones are found 32 granules at a time. */
function gatherByWord(region: Region, head: number, classId: number, bottom: number, count: number): void {
  const { i32 } = region;
  const step = CLASS_BYTES[classId] >>> Geometry.GRANULE_SHIFT;
  const pattern = START_PATTERN[step];
  const shift = 32 % step;
  const first = head * Geometry.SLICE_GRANULES;
  const end = slabCapacity(region, head, classId) * step;
  const cursor = sliceWord(region, head, SliceWord.CURSOR);
  let granule = i32[cursor] >>> 0;
  // Position of the first block that starts in this word: block starts are the multiples of `step`.
  let offset = (step - (granule % step)) % step;
  let left = count;
  let wraps = 0;
  while (left > 0) {
    if (granule >= end) {
      wraps = checkWraps(head, wraps);
      granule = 0;
      offset = 0;
    }
    let free = ~i32[bitsWord(region, first + granule)] & (pattern << offset);
    while (free !== 0 && left > 0) {
      const bit = free & -free;
      const found = granule + lowestBit(bit);
      if (found >= end) break;
      free ^= bit;
      i32[bottom + --left] = first + found;
    }
    if (left === 0) break;
    granule += 32;
    offset -= shift;
    if (offset < 0) offset += step;
  }
  i32[cursor] = granule;
}

/** Blocks of 512 bytes and more: each has a word of its own. */
function gatherByBlock(region: Region, head: number, classId: number, bottom: number, count: number): void {
  const { i32 } = region;
  const step = CLASS_BYTES[classId] >>> Geometry.GRANULE_SHIFT;
  const first = head * Geometry.SLICE_GRANULES;
  const end = slabCapacity(region, head, classId) * step;
  const cursor = sliceWord(region, head, SliceWord.CURSOR);
  let granule = i32[cursor] >>> 0;
  let left = count;
  let wraps = 0;
  while (left > 0) {
    if (granule >= end) {
      wraps = checkWraps(head, wraps);
      granule = 0;
    }
    const block = first + granule;
    if ((i32[bitsWord(region, block)] & (1 << block)) === 0) i32[bottom + --left] = block;
    granule += step;
  }
  i32[cursor] = granule;
}

/** A search that comes round twice means that FREE_BLOCKS promises more than the bits: stop instead of searching for ever. */
function checkWraps(head: number, wraps: number): number {
  if (wraps === 2) corrupt('a slab has fewer free blocks than its descriptor says', { slice: head });
  return wraps + 1;
}

/**
 * Returns an empty slab's slices. False if it has remote frees under way: a dirty slab is on a queue or about to be, so it
 * stays until its owner has drained it.
 */
export function retireSlab(owner: Owner, head: number, classId: number): boolean {
  const { region } = owner;
  const { i32 } = region;
  const count = slabSlices(region, head);
  const clean = identity(classId, owner.slot);
  owner.slices.open(head, count);
  // From here on nobody can queue the slab: a late remote free finds no slab of its class and has nothing left to do,
  // since its block was drained before the slab could become empty.
  if (atomics.compareExchange(i32, sliceWord(region, head, SliceWord.X_STATE), clean, 0) !== clean) {
    owner.slices.close();
    return false;
  }
  unlink(owner, head, classId);
  i32[owner.cache(classId) + CacheWord.EMPTY_SLABS]--;
  i32[owner.cache(classId) + CacheWord.SLAB_SLICES] -= count;
  fillMap(region, head, count, Kind.WAS | classId, 0);
  owner.slices.release(head, count);
  return true;
}

/** Retires a slab if it is empty and the class may not keep it. */
export function settleEmpty(owner: Owner, head: number, classId: number): void {
  const free = owner.region.i32[sliceWord(owner.region, head, SliceWord.FREE_BLOCKS)];
  if (free !== slabCapacity(owner.region, head, classId)) return;
  if (owner.region.i32[owner.cache(classId) + CacheWord.EMPTY_SLABS] <= owner.emptySlabsKept[classId]) return;
  if (retireSlab(owner, head, classId) && owner.learning !== undefined) owner.learning.slabReturned(classId);
}

/** Retires every slab of a class that has no live or cached block. Returns the slices that went back. */
export function retireEmpties(owner: Owner, classId: number): number {
  const { i32 } = owner.region;
  let slices = 0;
  let seen = 0;
  let head = i32[owner.cache(classId) + CacheWord.SLABS];
  while (head !== 0) {
    checkedSlice(owner.region, head, 'an entry in a list of slabs');
    if (++seen > owner.region.endSlice) corrupt('a list of slabs has a cycle', { class: classId, slice: head });
    const next = i32[sliceWord(owner.region, head, SliceWord.NEXT)];
    const count = slabSlices(owner.region, head);
    const isEmpty =
      i32[sliceWord(owner.region, head, SliceWord.FREE_BLOCKS)] === slabCapacity(owner.region, head, classId);
    if (isEmpty && retireSlab(owner, head, classId)) slices += count;
    head = next;
  }
  return slices;
}
