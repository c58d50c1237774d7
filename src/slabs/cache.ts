import * as atomics from '#atomics';
import { CLASS_BYTES, Classes, SLAB_SLICES_FIRST } from '../layout/classes.js';
import { Geometry } from '../layout/geometry.js';
import { CacheWord, SliceWord } from '../layout/offsets.generated.js';
import { checkedSlice, headOf, ownerOf, sliceWord } from '../pages/descriptor.js';
import type { Owner } from './owner.js';
import { announceRemote, takeRemote } from './remote.js';
import { addFree, createSlab, settleEmpty, takeFree, wantedSlices } from './slab.js';

/*
 * The tiers above the slabs, one order on every path: stack -> magazine -> (transfer slots) -> slabs.
 * The stack is what the fast path pops and pushes. The magazine, for Mid classes, is a ring that takes what the stack
 * spills. Transfer slots, in the tables, are where other workers put Mid blocks back one by one.
 * All of them hold blocks whose live bit is off, or, in transfer slots, whose remote bit is on: losing what they hold
 * loses nothing, which is why they may be dropped when a worker dies, and why full ones drop instead of waiting.
 */

function hasMagazine(owner: Owner, classId: number): boolean {
  return owner.magazineCapacity[classId] > 0;
}

/** Blocks that leave the cache are free in their slab. */
function returnToSlab(owner: Owner, head: number, classId: number, count: number): void {
  if (addFree(owner, head, classId, count)) settleEmpty(owner, head, classId);
}

/** The same for a list of blocks. Neighbours are often of one slab, whose books are then opened once for all of them. */
function returnToSlabs(owner: Owner, list: Int32Array, first: number, count: number, classId: number): void {
  const { region } = owner;
  let head = 0;
  let run = 0;
  for (let at = first; at < first + count; at++) {
    const next = headOf(region, list[at] >>> 8);
    if (next !== head && run > 0) {
      returnToSlab(owner, head, classId, run);
      run = 0;
    }
    head = next;
    run++;
  }
  if (run > 0) returnToSlab(owner, head, classId, run);
}

/** Drops the `count` oldest blocks of the ring into their slabs. */
function shedMagazine(owner: Owner, classId: number, count: number): void {
  const { i32 } = owner.region;
  const cache = owner.cache(classId);
  const ring = owner.magazine(classId);
  const capacity = owner.magazineCapacity[classId];
  for (let left = count; left > 0; left--) {
    const head = i32[cache + CacheWord.RING_HEAD];
    const granule = i32[ring + head];
    i32[cache + CacheWord.RING_COUNT]--;
    i32[cache + CacheWord.RING_HEAD] = (head + 1) % capacity;
    returnToSlab(owner, headOf(owner.region, granule >>> 8), classId, 1);
  }
}

/** A full ring returns half of what it holds at once, so that the next spills find room. */
function pushMagazine(owner: Owner, granule: number, classId: number): void {
  const { i32 } = owner.region;
  const cache = owner.cache(classId);
  const capacity = owner.magazineCapacity[classId];
  if (i32[cache + CacheWord.RING_COUNT] === capacity) shedMagazine(owner, classId, (capacity + 1) >>> 1);
  const count = i32[cache + CacheWord.RING_COUNT];
  i32[owner.magazine(classId) + ((i32[cache + CacheWord.RING_HEAD] + count) % capacity)] = granule;
  i32[cache + CacheWord.RING_COUNT] = count + 1;
}

function pushStack(owner: Owner, granule: number, cache: number): void {
  const { i32 } = owner.region;
  const count = i32[cache + CacheWord.COUNT];
  i32[cache + CacheWord.WORDS + count] = granule;
  i32[cache + CacheWord.COUNT]++;
}

function refillFromMagazine(owner: Owner, classId: number): number {
  const { i32 } = owner.region;
  const cache = owner.cache(classId);
  const ring = owner.magazine(classId);
  const capacity = owner.magazineCapacity[classId];
  const count = Math.min(i32[cache + CacheWord.RING_COUNT], owner.refill[classId]);
  for (let i = 0; i < count; i++) {
    const head = i32[cache + CacheWord.RING_HEAD];
    i32[cache + CacheWord.RING_COUNT]--;
    i32[cache + CacheWord.RING_HEAD] = (head + 1) % capacity;
    pushStack(owner, i32[ring + head], cache);
  }
  return count;
}

/** Takes Mid blocks that other workers handed back, at most the budget. */
function refillFromTransfer(owner: Owner, classId: number): number {
  const { region, settings } = owner;
  const { i32 } = region;
  const first = region.transferWord(owner.slot, classId);
  const most = Math.min(settings.transferBudget, owner.capacity[classId]);
  let taken = 0;
  for (let i = 0; i < settings.transferSlots && taken < most; i++) {
    if (i32[first + i] === 0) continue;
    const granule = atomics.exchange(i32, first + i, 0);
    // The remote bit decides: a slot may name a block that a drain of its slab has brought home meanwhile.
    if (granule === 0 || !isOwnBlock(owner, granule, classId) || !takeRemote(region, granule)) continue;
    pushStack(owner, granule, owner.cache(classId));
    taken++;
  }
  return taken;
}

/** True if the block is of a slab of ours; if not, the slot named a former life of its slice, and its owner is told. */
function isOwnBlock(owner: Owner, granule: number, classId: number): boolean {
  const { region } = owner;
  const word = region.i32[region.map + (granule >>> 8)];
  if (word === (classId | (owner.slot << 8))) return true;
  if ((word & 63) === classId) announceRemote(owner, headOf(region, granule >>> 8), classId, granule);
  return false;
}

/**
 * A block that a worker held back after its free, its remote bit set and nobody told, goes where it would have gone: to the
 * cache if the slab is the caller's, to its owner if not. It may have come home by itself meanwhile: then nothing is done.
 */
export function releaseHeld(owner: Owner, granule: number, classId: number): void {
  if (!isOwnBlock(owner, granule, classId) || !takeRemote(owner.region, granule)) return;
  const { i32 } = owner.region;
  const cache = owner.cache(classId);
  if (i32[cache + CacheWord.COUNT] >= i32[cache + CacheWord.CAPACITY]) spill(owner, classId);
  pushStack(owner, granule, cache);
}

/** Puts a remotely freed Mid block into a transfer slot of its owner. False if all are taken: then its slab is queued. */
export function offerTransfer(
  owner: Owner,
  ownerSlot: number,
  head: number,
  granule: number,
  classId: number,
): boolean {
  const { region, settings } = owner;
  if (classId < Classes.FIRST_MID) return false;
  const first = region.transferWord(ownerSlot, classId);
  for (let i = 0; i < settings.transferSlots; i++) {
    if (region.i32[first + i] !== 0) continue;
    // Publishes the block, whose remote bit is set, to its owner.
    if (atomics.compareExchange(region.i32, first + i, 0, granule) !== 0) continue;
    // If the owner has left meanwhile nobody may look there: then the slab's new owner must be told as well.
    return ownerOf(atomics.load(region.i32, sliceWord(region, head, SliceWord.X_STATE))) === ownerSlot;
  }
  return false;
}

function refillFromSlabs(owner: Owner, classId: number): number {
  const { i32 } = owner.region;
  const want = owner.refill[classId];
  let taken = 0;
  while (taken < want) {
    const head = i32[owner.cache(classId) + CacheWord.SLABS];
    if (head === 0) break;
    checkedSlice(owner.region, head, 'an entry in a list of slabs');
    taken += takeFree(owner, head, classId, want - taken);
  }
  return taken;
}

/** Fills the empty stack of a class from what this worker already owns. Returns the blocks it got. */
export function refillOwned(owner: Owner, classId: number): number {
  if (hasMagazine(owner, classId)) {
    const fromMagazine = refillFromMagazine(owner, classId);
    if (fromMagazine > 0) return fromMagazine;
  }
  if (classId >= Classes.FIRST_MID) {
    const transferred = refillFromTransfer(owner, classId);
    if (transferred > 0) return transferred;
  }
  return refillFromSlabs(owner, classId);
}

/** Fills the empty stack of a class from a new slab. Returns the blocks it got, 0 if there is no room for a slab. */
export function refillFresh(owner: Owner, classId: number): number {
  return createSlab(owner, classId, wantedSlices(owner, classId)) === 0 ? 0 : refillFromSlabs(owner, classId);
}

/** The same from the smallest slab that holds a block, when there is no room for one of the right size. */
export function refillSmall(owner: Owner, classId: number): number {
  const least = Math.ceil(CLASS_BYTES[classId] / Geometry.SLICE_BYTES);
  for (const slices of [SLAB_SLICES_FIRST[classId], least])
    if (createSlab(owner, classId, slices) !== 0) return refillFromSlabs(owner, classId);
  return 0;
}

/** Makes room in a full stack: its oldest blocks go to the magazine or to their slabs. */
export function spill(owner: Owner, classId: number): void {
  const { i32 } = owner.region;
  const cache = owner.cache(classId);
  const count = i32[cache + CacheWord.COUNT];
  const spilled = Math.min(owner.settings.spillHysteresis, (count + 1) >>> 1);
  const bottom = cache + CacheWord.WORDS;
  i32[cache + CacheWord.SPILLS]++;
  const toMagazine = hasMagazine(owner, classId);
  // Out of the stack first: a slab that empties is retired, and then the stack must not name its blocks any more.
  for (let i = 0; i < spilled; i++) owner.spilled[i] = i32[bottom + i];
  i32.copyWithin(bottom, bottom + spilled, bottom + count);
  i32[cache + CacheWord.COUNT] -= spilled;
  if (toMagazine) for (let i = 0; i < spilled; i++) pushMagazine(owner, owner.spilled[i], classId);
  else returnToSlabs(owner, owner.spilled, 0, spilled, classId);
}

/** Bytes of the blocks in both tiers of a class. */
export function cachedBytes(owner: Owner, classId: number): number {
  const { i32 } = owner.region;
  const cache = owner.cache(classId);
  return (i32[cache + CacheWord.COUNT] + i32[cache + CacheWord.RING_COUNT]) * CLASS_BYTES[classId];
}

/** Empties both tiers of a class into its slabs. */
export function flush(owner: Owner, classId: number): void {
  const { i32 } = owner.region;
  const cache = owner.cache(classId);
  if (hasMagazine(owner, classId)) shedMagazine(owner, classId, i32[cache + CacheWord.RING_COUNT]);
  const count = i32[cache + CacheWord.COUNT];
  i32[cache + CacheWord.COUNT] -= count;
  returnToSlabs(owner, i32, cache + CacheWord.WORDS, count, classId);
}
