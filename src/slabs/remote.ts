import * as atomics from '#atomics';
import { popcount } from '../base/bits.js';
import { corrupt } from '../base/errors.js';
import { StateBits } from '../layout/format.js';
import { Geometry } from '../layout/geometry.js';
import { SliceWord, SlotWord } from '../layout/offsets.generated.js';
import type { Region } from '../memory/region.js';
import { checkedSlice, kindOf, ownerOf, sliceWord } from '../pages/descriptor.js';
import type { Owner } from './owner.js';
import { addFree, bitsWord, settleEmpty, slabSlices } from './slab.js';

/*
 * Remote free, the protocol:
 *
 *   freeing worker                                     owner
 *   1  remote bit := 1 (or)                            a  queue -> 0, the whole stack is mine (exchange)
 *   2  slab clean -> dirty (cas on X_STATE)            b  for each slab: next := X_NEXT; dirty -> clean (cas)
 *   3  only who made it dirty: push on owner's queue   c  for the slices that were dirty: live &= ~remote; remote := 0
 *
 * Lost wake-ups: 1 comes before 2 and b before c. If the freeing worker finds the slab dirty at 2, its bit lands in X_STATE
 * before b, so c sees its remote bit; if not, it queues the slab itself.
 * ABA: the queue is pushed to and taken whole, never popped. A push compares the head it linked to; if the stack was
 * taken and the same slab pushed again in between, the link is still right. A slab can't be on the queue twice: only the
 * change from clean to dirty pushes, and only the owner makes it clean, after taking it off.
 * Pinning: slabs change class or owner only from a clean state, so a slab on a queue is its owner's and keeps its class.
 * A late step 2 may meet a slab that was drained, retired and made again: of another class, nothing is done; of the
 * same class, its owner finds a dirty slab with nothing to drain, which is harmless.
 * Kills: between 1 and 2 the bit waits for the next drain or scan of the slab; between 2 and 3 the slab is dirty and on
 * no queue: X_INTENT, stored before 2, lets the owner tell this from a push still to come (`isIntended`).
 */

/** Dirty bit of a slice within its slab. */
function dirtyBit(head: number, slice: number): number {
  return 1 << (StateBits.DIRTY_SHIFT + ((slice - head) >>> StateBits.DIRTY_SLICES_SHIFT));
}

/**
 * Step 1. False if the block was already freed: of other workers racing to free it exactly one gets true. A race with the
 * owner's own free can't be told from a free that the owner has already brought home: both find the live bit off right
 * after. So if owner and another worker free the same block in the same instant, both succeed.
 */
export function markRemote(region: Region, granule: number): boolean {
  const mask = 1 << granule;
  return (atomics.or(region.i32, bitsWord(region, granule) + 1, mask) & mask) === 0;
}

/** Steps 2 and 3, for a block whose remote bit is set. */
export function announceRemote(owner: Owner, head: number, classId: number, granule: number): void {
  const { region } = owner;
  const { i32 } = region;
  const stateWord = sliceWord(region, head, SliceWord.X_STATE);
  const intentWord = region.slotWord(owner.slot) + SlotWord.X_INTENT;
  // A slice that has become part of a long span meanwhile: its slab is gone, and its block came home before.
  if ((granule >>> 8) - head >= Geometry.SLAB_SLICES_MAX) return;
  const bit = dirtyBit(head, granule >>> 8);
  let intended = false;
  for (;;) {
    const state = atomics.load(i32, stateWord);
    // Another class: drained and retired meanwhile. Already dirty here: whoever did that queues it.
    if (kindOf(state) !== classId || (state & bit) !== 0) break;
    const target = ownerOf(state);
    if (target > region.maxWorkers) corrupt('a slab belongs to a slot that is none', { slice: head, owner: target });
    const mustPush = state >>> StateBits.DIRTY_SHIFT === 0 && target !== 0;
    if (mustPush && !intended) atomics.store(i32, intentWord, head);
    intended ||= mustPush;
    // Publishes the remote bit to the owner, or to whoever adopts the slab.
    if (atomics.compareExchange(i32, stateWord, state, state | bit) !== state) continue;
    if (mustPush) pushQueue(region, target, head);
    break;
  }
  if (intended) atomics.store(i32, intentWord, 0);
}

/** Treiber, "Systems Programming: Coping with Parallelism" (1986), push only. */
function pushQueue(region: Region, slot: number, head: number): void {
  const { i32 } = region;
  const queueWord = region.slotWord(slot) + SlotWord.X_QUEUE;
  const nextWord = sliceWord(region, head, SliceWord.X_NEXT);
  let first = atomics.load(i32, queueWord);
  for (;;) {
    atomics.store(i32, nextWord, first);
    // Publishes the slab and its link to the owner.
    const before = atomics.compareExchange(i32, queueWord, first, head);
    if (before === first) return;
    first = before;
  }
}

/**
 * Step a: takes the whole queue of a slot. Its slabs are dirty, so nobody queues them again before the caller makes them clean,
 * and the links can be read in advance.
 */
export function takeQueue(region: Region, slot: number): number[] {
  const heads: number[] = [];
  let head = atomics.exchange(region.i32, region.slotWord(slot) + SlotWord.X_QUEUE, 0);
  while (head !== 0) {
    if (heads.length > region.endSlice) corrupt('a queue of remote frees has a cycle', { slot, slice: head });
    heads.push(checkedSlice(region, head, 'an entry in a queue of remote frees'));
    head = atomics.load(region.i32, sliceWord(region, head, SliceWord.X_NEXT));
  }
  return heads;
}

/**
 * Step c over a range of slices: brings home blocks with both bits set. The live bit goes first, so a kill between the two
 * stores leaves a free block with a stale remote bit, never a block lost. A remote bit without a live one is what a racing
 * double free leaves; it is erased.
 */
export function drainBits(region: Region, firstSlice: number, count: number): number {
  const { i32 } = region;
  const first = bitsWord(region, firstSlice * Geometry.SLICE_GRANULES);
  let drained = 0;
  // The plain read sees every bit whose dirty mark the caller has taken: mark and take are ordered by X_STATE.
  for (let word = first; word < first + count * 16; word += 2) {
    const remote = i32[word + 1];
    if (remote === 0) continue;
    const home = remote & i32[word];
    i32[word] ^= home;
    atomics.and(i32, word + 1, ~remote);
    drained += popcount(home);
  }
  return drained;
}

/** Steps b and c for one slab that the caller owns and that is on no queue. Returns the blocks that came home. */
export function drainSlab(owner: Owner, head: number): number {
  const { region } = owner;
  // Makes the slab clean: a mark made from here on queues it again.
  const state = atomics.and(region.i32, sliceWord(region, head, SliceWord.X_STATE), StateBits.IDENTITY_MASK);
  const dirty = state >>> StateBits.DIRTY_SHIFT;
  const classId = kindOf(state);
  const slices = Math.min(Geometry.SLAB_SLICES_MAX, slabSlices(region, head));
  let drained = 0;
  for (let pair = 0; pair * 2 < slices; pair++)
    if ((dirty & (1 << pair)) !== 0) drained += drainBits(region, head + pair * 2, Math.min(2, slices - pair * 2));
  if (drained > 0 && addFree(owner, head, classId, drained)) settleEmpty(owner, head, classId);
  return drained;
}

/** Brings home what other workers freed. A plain look at the queue first: empty costs no atomic operation. */
export function drainQueue(owner: Owner): number {
  const { region } = owner;
  if (region.i32[region.slotWord(owner.slot) + SlotWord.X_QUEUE] === 0) return 0;
  let drained = 0;
  for (const head of takeQueue(region, owner.slot)) drained += drainSlab(owner, head);
  return drained;
}

/** True if some worker is between steps 2 and 3 for this slab, or died there and isn't reclaimed yet. */
export function isIntended(region: Region, head: number): boolean {
  for (let slot = 1; slot <= region.maxWorkers; slot++)
    if (atomics.load(region.i32, region.slotWord(slot) + SlotWord.X_INTENT) === head) return true;
  return false;
}

/** Marks a block of the caller's own slab as come home to the caller's cache. False if it had not been freed remotely. */
export function takeRemote(region: Region, granule: number): boolean {
  const word = bitsWord(region, granule);
  const mask = 1 << granule;
  if ((atomics.load(region.i32, word + 1) & mask) === 0) return false;
  const wasLive = (region.i32[word] & mask) !== 0;
  region.i32[word] &= ~mask;
  atomics.and(region.i32, word + 1, ~mask);
  return wasLive;
}
