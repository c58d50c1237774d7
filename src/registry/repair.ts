import * as atomics from '#atomics';
import { Classes } from '../layout/classes.js';
import { CacheWord, HeaderWord, SlotWord } from '../layout/offsets.generated.js';
import { kindOf, ownerOf } from '../pages/descriptor.js';
import { recoverJournal } from '../pages/slices.js';
import { recoverBusySpan } from '../pages/spans.js';
import type { Owner } from '../slabs/owner.js';
import { drainEverything, isSlab, publishedHeads, recount } from './adopt.js';
import { generationOf, loadState, noticeOf, packState, reclaimerOf, swapState, waitingState } from './slots.js';

/**
 * Makes the books of the calling worker right again after a call that an exception of the engine (stack overflow) cut
 * short between any two steps. The same beliefs as when a dead worker is reclaimed: what is published is true, live bits
 * are true, the journal says what was in hand; caches, lists and counts are made anew from these.
 */
export function repairBooks(owner: Owner): void {
  const { region } = owner;
  recoverJournal(region, owner.slot);
  // If another journal names the same slices, it is that of a worker that finds them taken, or of a dead one whose reclaimer
  // returns them: then they may be in no other hand.
  owner.slices.close();
  atomics.store(region.i32, region.slotWord(owner.slot) + SlotWord.X_INTENT, 0);
  for (let classId = 1; classId <= Classes.COUNT; classId++) forget(owner, classId);
  for (const { head, state, count } of [...publishedHeads(region)]) {
    recoverBusySpan(region, owner.slot, head);
    if (isSlab(state) && ownerOf(state) === owner.slot) recount(owner, head, kindOf(state), count);
  }
  handBackClaims(owner);
  drainEverything(owner);
}

/** Empties the caches and lists of a class: what they held is free or listed again when its slab is counted. */
function forget(owner: Owner, classId: number): void {
  const cache = owner.cache(classId);
  const fields = [
    CacheWord.COUNT,
    CacheWord.RING_HEAD,
    CacheWord.RING_COUNT,
    CacheWord.SLABS,
    CacheWord.SLAB_SLICES,
    CacheWord.EMPTY_SLABS,
  ];
  for (const field of fields) owner.region.i32[cache + field] = 0;
}

/** Reclaims that were cut short are dead slots again, for whoever comes next. */
function handBackClaims(owner: Owner): void {
  const { region } = owner;
  for (let slot = 1; slot <= region.maxWorkers; slot++) {
    const word = loadState(region, slot);
    const notice = noticeOf(word);
    if (slot === owner.slot || reclaimerOf(word) !== owner.slot || notice === undefined) continue;
    swapState(region, slot, word, packState(waitingState(notice), generationOf(word)));
    atomics.store(region.i32, region.header + HeaderWord.X_DEAD, 1);
  }
}
