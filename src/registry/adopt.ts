import * as atomics from '#atomics';
import { popcount } from '../base/bits.js';
import { fillAdopted } from '../debug/adopted.js';
import { CLASS_BYTES, Classes } from '../layout/classes.js';
import { StateBits } from '../layout/format.js';
import { Geometry } from '../layout/geometry.js';
import { HeaderWord, SliceWord } from '../layout/offsets.generated.js';
import { nameOf, type Region } from '../memory/region.js';
import { announce, isHeard } from '../platform/diagnostics.js';
import { checkedCount, fillMap, identity, kindOf, ownerOf, sliceWord } from '../pages/descriptor.js';
import type { Owner } from '../slabs/owner.js';
import { drainBits, drainQueue, drainSlab, isIntended, takeQueue } from '../slabs/remote.js';
import { addFree, bitsWord, settleEmpty, slabCapacity, slabSlices, takeIn } from '../slabs/slab.js';

/*
 * Slabs without an owner. A worker that leaves, or the one that reclaims a dead worker, makes slabs nobody's (owner 0);
 * whoever needs blocks of their class next adopts them, each exactly once, by compare-and-swap on X_STATE. What the old
 * owner's caches held is free: live bits are the only truth, so the adopter counts them and is done.
 *
 * The map may lag behind X_STATE: map owner is 0 or the owner in X_STATE, never a third. So it is set to 0 before the owner
 * goes and to the new owner after it came, and a slot that is used again never meets map words of its former life.
 */

/** The first slice of a published slab, span or control block, its X_STATE, and how many slices it has. */
export interface Head {
  readonly head: number;
  readonly state: number;
  readonly count: number;
}

/** Heads of everything published below the limit, with their states. Plain reads are hints: who acts on one swaps X_STATE. */
export function* publishedHeads(region: Region): Generator<Head> {
  const { i32 } = region;
  const limit = atomics.load(i32, region.header + HeaderWord.X_LIMIT);
  let slice = region.firstSlice;
  while (slice < limit) {
    const word = sliceWord(region, slice, SliceWord.X_STATE);
    // Read again as an atomic if there is anything, so that the count below is not older than the state.
    const state = i32[word] === 0 ? 0 : atomics.load(i32, word);
    const count =
      state === 0 ? 1 : checkedCount(region, slice, atomics.load(i32, sliceWord(region, slice, SliceWord.X_COUNT)));
    if (state !== 0) yield { head: slice, state, count };
    slice += count;
  }
}

export function isSlab(state: number): boolean {
  const kind = kindOf(state);
  return kind >= 1 && kind <= Classes.COUNT;
}

function hintWord(region: Region, classId: number): number {
  return region.header + (classId < 32 ? HeaderWord.X_ABANDONED_LOW : HeaderWord.X_ABANDONED_HIGH);
}

/**
 * Makes a slab of a leaving or dead owner nobody's; dirty slices stay marked for the adopter. A dirty slab may be on a
 * queue or on its way there: only a caller who knows that it is on none passes `evenDirty`. False if nothing was done.
 */
export function abandonSlab(region: Region, head: number, formerOwner: number, evenDirty: boolean): boolean {
  const { i32 } = region;
  const word = sliceWord(region, head, SliceWord.X_STATE);
  for (;;) {
    const state = atomics.load(i32, word);
    if (!isSlab(state) || ownerOf(state) !== formerOwner) return false;
    if (!evenDirty && state >>> StateBits.DIRTY_SHIFT !== 0) return false;
    const classId = kindOf(state);
    fillMap(region, head, slabSlices(region, head), classId, 0);
    const abandoned = identity(classId, 0) | (state & ~StateBits.IDENTITY_MASK);
    if (atomics.compareExchange(i32, word, state, abandoned) !== state) continue;
    // Tells workers in need of this class that a look round is worth it.
    atomics.or(i32, hintWord(region, classId), 1 << classId);
    return true;
  }
}

/** Makes a slab of nobody the caller's. False if somebody else was faster. */
function adoptSlab(owner: Owner, head: number): boolean {
  const { region } = owner;
  const { i32 } = region;
  const word = sliceWord(region, head, SliceWord.X_STATE);
  for (;;) {
    const state = atomics.load(i32, word);
    if (!isSlab(state) || ownerOf(state) !== 0) return false;
    const classId = kindOf(state);
    // Takes the slab and its dirty marks in one step: marks made from here on queue it for the new owner.
    if (atomics.compareExchange(i32, word, state, identity(classId, owner.slot)) !== state) continue;
    const count = slabSlices(region, head);
    region.cover(head + count);
    drainBits(region, head, count);
    if (owner.settings.poison === 1) markBlocks(owner, head, classId);
    recount(owner, head, classId, count);
    settleEmpty(owner, head, classId);
    atomics.add(i32, region.header + HeaderWord.X_ADOPTIONS, 1);
    if (isHeard('adopt'))
      announce('adopt', {
        ...nameOf(region),
        class: classId,
        address: region.addressOf(head),
        bytes: region.addressOf(count),
      });
    return true;
  }
}

/** What the former owner's caches held and what was free looks adopted from now on. */
function markBlocks(owner: Owner, head: number, classId: number): void {
  const { region } = owner;
  const { headers } = owner.settings;
  const capacity = slabCapacity(region, head, classId);
  for (let block = 0; block < capacity; block++) {
    const address = region.addressOf(head) + block * CLASS_BYTES[classId];
    const granule = address >>> Geometry.GRANULE_SHIFT;
    const isLive = (region.i32[bitsWord(region, granule)] & (1 << granule)) !== 0;
    if (!isLive) fillAdopted(region, address, CLASS_BYTES[classId], headers);
  }
}

/** A slab whose owner is the caller joins its books, counted from its bits, as if it were new. */
export function recount(owner: Owner, head: number, classId: number, count: number): void {
  fillMap(owner.region, head, count, classId, owner.slot);
  takeIn(owner, head, classId, slabCapacity(owner.region, head, classId) - countLive(owner.region, head, count));
}

function countLive(region: Region, head: number, count: number): number {
  const first = bitsWord(region, head * Geometry.SLICE_GRANULES);
  let live = 0;
  for (let word = first; word < first + count * 16; word += 2) live += popcount(region.i32[word]);
  return live;
}

/** Adopts all abandoned slabs of a class, if the hint says there are any. Returns how many. */
export function adoptClass(owner: Owner, classId: number): number {
  const { region } = owner;
  const hint = hintWord(region, classId);
  if ((atomics.load(region.i32, hint) & (1 << classId)) === 0) return 0;
  // Cleared before the look round: a slab abandoned during it sets the hint again.
  atomics.and(region.i32, hint, ~(1 << classId));
  let adopted = 0;
  for (const { head, state } of publishedHeads(region))
    if (state !== 0 && (state & StateBits.IDENTITY_MASK) === classId && adoptSlab(owner, head)) adopted++;
  return adopted;
}

/** Adopts every abandoned slab; empty ones go back. For the last resort before a heap is called full. */
export function adoptAll(owner: Owner): number {
  let adopted = 0;
  for (const { head, state } of publishedHeads(owner.region))
    if (isSlab(state) && ownerOf(state) === 0 && adoptSlab(owner, head)) adopted++;
  return adopted;
}

/** Adopts the abandoned slabs in which every block was freed since, for the caller to return. */
export function adoptEmpty(owner: Owner): void {
  for (const { head, state, count } of publishedHeads(owner.region))
    if (isSlab(state) && ownerOf(state) === 0 && countHeld(owner.region, head, count) === 0) adoptSlab(owner, head);
}

/** Blocks live and not freed by another worker. A hint: plain reads of what others may be freeing. */
function countHeld(region: Region, head: number, count: number): number {
  const first = bitsWord(region, head * Geometry.SLICE_GRANULES);
  let held = 0;
  for (let word = first; word < first + count * 16; word += 2)
    held += popcount(region.i32[word] & ~region.i32[word + 1]);
  return held;
}

/**
 * Brings home every remote free of the caller's slabs, queued or not: also those of workers that died between marking a
 * block and queueing its slab.
 */
export function drainEverything(owner: Owner): number {
  const { region } = owner;
  let drained = drainQueue(owner);
  const mine = [...publishedHeads(region)].filter(({ state }) => isSlab(state) && ownerOf(state) === owner.slot);
  const isDirty = (head: number): boolean =>
    atomics.load(region.i32, sliceWord(region, head, SliceWord.X_STATE)) >>> StateBits.DIRTY_SHIFT !== 0;
  const dirty = mine.map(({ head }) => head).filter(isDirty);
  // Intents are read between seeing a slab dirty and taking the queue: whoever made it dirty and still means to push it
  // shows here, whoever has pushed it shows in the queue, and a slab in neither was left behind by a dead worker.
  const orphans = new Set(dirty.filter((head) => !isIntended(region, head)));
  for (const head of takeQueue(region, owner.slot)) {
    orphans.delete(head);
    drained += drainSlab(owner, head);
  }
  for (const head of orphans) drained += drainSlab(owner, head);
  return drained + drainUnmarked(owner);
}

/** Remote bits whose slab nobody marked dirty, because the freeing worker died before. */
function drainUnmarked(owner: Owner): number {
  const { region } = owner;
  let drained = 0;
  for (const { head, state, count } of [...publishedHeads(region)]) {
    if (!isSlab(state) || ownerOf(state) !== owner.slot) continue;
    const home = drainBits(region, head, count);
    if (home === 0) continue;
    drained += home;
    if (addFree(owner, head, kindOf(state), home)) settleEmpty(owner, head, kindOf(state));
  }
  return drained;
}
