import * as atomics from '#atomics';
import { Classes } from '../layout/classes.js';
import { Kind, SlotState } from '../layout/format.js';
import { CacheWord, GoneWord, HeaderWord, SliceWord, SlotWord } from '../layout/offsets.generated.js';
import type { Region } from '../memory/region.js';
import { threadTag } from '../platform/host.js';
import { fillMap, kindOf, ownerOf, sliceWord } from '../pages/descriptor.js';
import { recoverJournal } from '../pages/slices.js';
import { recoverBusySpan } from '../pages/spans.js';
import type { Owner } from '../slabs/owner.js';
import { isIntended, takeQueue } from '../slabs/remote.js';
import { abandonSlab, isSlab, publishedHeads } from './adopt.js';
import {
  dropNames,
  freeSlot,
  generationOf,
  loadControl,
  loadState,
  nextGeneration,
  noticeOf,
  packState,
  parseWorkerId,
  reclaimerOf,
  reclaimingState,
  slotsOfThread,
  stateOf,
  swapState,
  waitingState,
  type Notice,
} from './slots.js';

/**
 * Takes over what a slot owns: finishes or undoes what its worker had in hand, makes its slabs nobody's, frees its control
 * block and the slot. Exactly one worker does this at a time, the claimant named in the slot's state; if that one dies,
 * reclaiming it hands its claims on. Returns true if this call changed anything.
 */
export function reclaimSlot(owner: Owner, slot: number, generation: number, notice: Notice): boolean {
  const { region } = owner;
  const claimed = claimReclaim(owner, slot, generation, notice);
  if (claimed === 0) return false;
  // A dead worker has no push to come; what it left half done is for its slab's owner to find.
  atomics.store(region.i32, region.slotWord(slot) + SlotWord.X_INTENT, 0);
  const thread = atomics.load(region.i32, region.slotWord(slot) + SlotWord.X_THREAD);
  if (thread > 0 && slot !== owner.slot) dropNames(region, thread);
  handOnClaims(owner, slot);
  if (notice === 'by hand') silence(owner, slot);
  const journalDone = recoverJournal(region, slot);
  const slabsDone = abandonAll(owner, slot);
  if (!journalDone || !slabsDone) {
    // Somebody else's step is still under way; whoever next runs short of memory or collects comes back here.
    swapState(region, slot, claimed, packState(waitingState(notice), generationOf(claimed)));
    announceDead(region);
    return true;
  }
  releaseControlBlocks(owner, slot, notice);
  freeSlot(region, slot, claimed, threadTag());
  // This one may have died just before it announced a slot that waits.
  announceDead(region);
  atomics.add(region.i32, region.header + HeaderWord.X_RECLAIMS, 1);
  return true;
}

/** After a slot waits, not before: who looks round meanwhile takes the hint back. */
function announceDead(region: Region): void {
  atomics.store(region.i32, region.header + HeaderWord.X_DEAD, 1);
}

/** Makes the caller the one who reclaims this attachment; returns the slot's state from then on, or 0. */
function claimReclaim(owner: Owner, slot: number, generation: number, notice: Notice): number {
  const { region } = owner;
  for (;;) {
    const word = loadState(region, slot);
    if (generationOf(word) !== generation || !isReclaimable(region, word, slot)) return 0;
    // A free slot gets the next number at once: whoever is about to take it sees that it has changed.
    const next = stateOf(word) === SlotState.FREE ? nextGeneration(generation) : generation;
    const claimed = packState(reclaimingState(notice), next, owner.slot);
    if (swapState(region, slot, word, claimed)) return claimed;
  }
}

/**
 * A claim by the slot itself is a worker that died while it detached; a name in a free slot is one that died in the very last
 * step of that.
 */
function isReclaimable(region: Region, word: number, slot: number): boolean {
  const reclaimer = reclaimerOf(word);
  if (reclaimer !== 0) return reclaimer === slot;
  if (stateOf(word) !== SlotState.FREE) return true;
  return atomics.load(region.i32, region.slotWord(slot) + SlotWord.X_THREAD) !== 0;
}

/** Reclaims that the dead worker had begun become dead slots again, and are done now. */
function handOnClaims(owner: Owner, deadSlot: number): void {
  const { region } = owner;
  for (let slot = 1; slot <= region.maxWorkers; slot++) {
    const word = loadState(region, slot);
    const notice = noticeOf(word);
    if (slot === deadSlot || reclaimerOf(word) !== deadSlot || notice === undefined) continue;
    if (swapState(region, slot, word, packState(waitingState(notice), generationOf(word))))
      reclaimSlot(owner, slot, generationOf(word), notice);
  }
}

/**
 * Empties and closes the caches of a slot that was reclaimed by hand. Nothing is lost by it, and should its worker be alive
 * after all (a wrong notice), its next malloc or free takes the slow path and learns there that it was reclaimed.
 */
function silence(owner: Owner, slot: number): void {
  const { region } = owner;
  const control = loadControl(region, slot, owner.shape.slices);
  if (control === 0) return;
  region.cover(control + owner.shape.slices);
  for (let classId = 1; classId <= Classes.COUNT; classId++) {
    const cache = region.addressOf(control) / 4 + classId * owner.shape.cacheWords;
    atomics.store(region.i32, cache + CacheWord.COUNT, 0);
    atomics.store(region.i32, cache + CacheWord.CAPACITY, 0);
  }
}

/** Makes all slabs of a slot nobody's. False if some are pinned by a push that a living worker has yet to make. */
function abandonAll(owner: Owner, slot: number): boolean {
  const { region } = owner;
  const suspects: number[] = [];
  for (const { head } of publishedHeads(region)) {
    recoverBusySpan(region, slot, head);
    if (isOwned(region, head, slot) && !abandonSlab(region, head, slot, false)) suspects.push(head);
  }
  // Same order as in drainEverything: dirty seen, intents read, queue taken; what is in neither is nobody's push.
  const pinned = new Set(suspects.filter((head) => isIntended(region, head)));
  for (const head of takeQueue(region, slot)) abandonSlab(region, head, slot, true);
  for (const head of suspects) if (!pinned.has(head)) abandonSlab(region, head, slot, true);
  return ![...pinned].some((head) => isOwned(region, head, slot));
}

function isOwned(region: Region, head: number, slot: number): boolean {
  const state = atomics.load(region.i32, sliceWord(region, head, SliceWord.X_STATE));
  return isSlab(state) && ownerOf(state) === slot;
}

/** Returns the control blocks of a slot, found by their state: also one that was never entered in the slot. */
function releaseControlBlocks(owner: Owner, slot: number, notice: Notice): void {
  const { region } = owner;
  const controlWord = region.slotWord(slot) + SlotWord.X_CONTROL;
  const kept = notice === 'by hand' ? atomics.load(region.i32, controlWord) : 0;
  atomics.store(region.i32, controlWord, kept);
  for (const { head, state, count } of publishedHeads(region)) {
    if (kindOf(state) !== Kind.CONTROL || ownerOf(state) !== slot || head === kept) continue;
    keepCounters(owner, head);
    owner.slices.open(head, count);
    if (atomics.compareExchange(region.i32, sliceWord(region, head, SliceWord.X_STATE), state, 0) !== state) {
      owner.slices.close();
      continue;
    }
    fillMap(region, head, count, Kind.WAS | Kind.CONTROL, 0);
    owner.slices.release(head, count);
  }
}

/** Where each counter of a cache goes when its worker is gone. */
const KEPT: readonly (readonly [GoneWord, CacheWord])[] = [
  [GoneWord.X_HITS, CacheWord.HITS],
  [GoneWord.X_MISSES, CacheWord.MISSES],
  [GoneWord.X_SPILLS, CacheWord.SPILLS],
  [GoneWord.X_FREES, CacheWord.FREES],
  [GoneWord.X_REMOTE_FREES, CacheWord.REMOTE_FREES],
];

/** Adds what a worker that is gone has counted to the heap's own counters. */
function keepCounters(owner: Owner, control: number): void {
  const { region } = owner;
  region.cover(control + owner.shape.slices);
  for (let classId = 0; classId <= Classes.COUNT; classId++) {
    const cache = region.addressOf(control) / 4 + classId * owner.shape.cacheWords;
    const gone = region.goneWord(classId);
    for (const [total, field] of KEPT) {
      const count = region.i32[cache + field];
      if (count !== 0) atomics.add(region.i32, gone + total, count);
    }
  }
}

/** Takes over the attachment a worker id names. Unknown, old, repeated and own ids change nothing. */
export function reclaimWorker(owner: Owner, workerId: unknown, notice: Notice): boolean {
  const id = parseWorkerId(owner.region, workerId);
  if (id === undefined || id.slot === owner.slot) return false;
  return reclaimSlot(owner, id.slot, id.generation, notice);
}

/** Takes over all attachments of a thread that has ended. */
export function reclaimThread(owner: Owner, thread: number): boolean {
  const { region } = owner;
  let changed = dropNames(region, thread);
  for (const slot of slotsOfThread(region, thread)) {
    if (slot === owner.slot) continue;
    const word = loadState(region, slot);
    // Another reclaimer may have been faster, and a newcomer have the slot by now. A dead thread takes no name, so one that is
    // still there after the state was read was there when it was: the generation is that of the dead.
    if (atomics.load(region.i32, region.slotWord(slot) + SlotWord.X_THREAD) !== thread) continue;
    changed = reclaimSlot(owner, slot, generationOf(word), 'exited') || changed;
  }
  return changed;
}

/** Comes back to slots that could not be reclaimed wholly before. */
export function reclaimLeftovers(owner: Owner): void {
  const { region } = owner;
  const hint = region.header + HeaderWord.X_DEAD;
  if (atomics.load(region.i32, hint) === 0) return;
  atomics.store(region.i32, hint, 0);
  for (let slot = 1; slot <= region.maxWorkers; slot++) {
    const word = loadState(region, slot);
    const notice = noticeOf(word);
    // Only those that wait: what somebody reclaims at this moment, a worker that detaches its own slot say, is in good hands.
    if (notice !== undefined && reclaimerOf(word) === 0) reclaimSlot(owner, slot, generationOf(word), notice);
  }
}
