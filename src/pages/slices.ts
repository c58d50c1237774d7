import * as atomics from '#atomics';
import { lowestBit, maskOf, popcount, runStarts } from '../base/bits.js';
import { corrupt } from '../base/errors.js';
import { JournalBits, SlotBits, SlotState } from '../layout/format.js';
import { HeaderWord, SlotWord } from '../layout/offsets.generated.js';
import type { Region } from '../memory/region.js';
import { isPublished } from './descriptor.js';

/** Every 1st, 2nd, 4th, 8th, 16th bit: where runs aligned to that many slices may start. */
const ALIGNED_STARTS: Readonly<Record<number, number>> = {
  1: -1,
  2: 0x55555555,
  4: 0x11111111,
  8: 0x01010101,
  16: 0x00010001,
};

/** Runs up to this long are looked for within single words; longer ones across them. */
const SMALL_RUN = 8;

/**
 * One worker's way to claim and release slices. The bitmap is the truth (bit set = claimed); runs are claimed and
 * returned by compare-and-swap on its words, so no lock is held and neighbouring free runs are one run by construction.
 *
 * Kill safety: `bit set and slice not published => the run is in the journal of the worker that works on it`. The
 * journal is written before the first bit changes and erased after the run is published or returned, so a reclaimer
 * finds whatever a worker killed in between had in its hands (`recoverJournal`).
 */
export class Slices {
  private readonly region: Region;
  private readonly journal: number;
  /** How often the journal was opened, in the upper bits of its word. */
  private opened: number;
  /** Bitmap word where the search begins: first in the home segment of this worker, then where it last found room. */
  private hint: number;
  private readonly home: number;
  /** Slices this worker has returned so far. */
  releasedSlices = 0;
  /** Slices that all workers held, the region's head not counted, when this one last claimed or returned some. */
  committedSlices = 0;

  constructor(region: Region, slot: number) {
    this.region = region;
    this.journal = region.slotWord(slot);
    this.opened = atomics.load(region.i32, this.journal + SlotWord.X_JOURNAL_START) & ~JournalBits.START_MASK;
    this.home = slot;
    this.hint = this.homeWord();
  }

  /**
   * Workers begin a bitmap word apart, so that their first slabs share no cache lines of the tables, but all in the first
   * eighth of the region, so that the rest stays in one piece for large blocks.
   */
  private homeWord(): number {
    const first = this.region.firstSlice >>> 5;
    const homes = Math.max(1, ((this.region.endSlice >>> 5) - first) >>> 3);
    return first + ((this.home - 1) % homes);
  }

  /** Forgets where room was found last, so that the same requests get the same places again. */
  resetHint(): void {
    this.hint = this.homeWord();
  }

  /**
   * Claims `count` adjacent slices whose first address is a multiple of `alignment` slices (1, 2, 4, 8 or 16). Returns
   * the first slice, or 0 if there is no such run below the limit. The journal stays open: `close` after publishing.
   */
  claim(count: number, alignment: number): number {
    if (count <= SMALL_RUN) {
      const start = this.claimInWord(count, alignment);
      if (start !== 0) return start;
    }
    for (;;) {
      const start = count <= 32 ? this.findRun(count, alignment) : this.findBestRun(count, alignment);
      if (start === 0 || this.takeBits(start, count)) return start;
    }
  }

  /** Claims exactly the slices from `start` on; false if one of them is taken or not there. The journal stays open. */
  claimAt(start: number, count: number): boolean {
    if (start + count > atomics.load(this.region.i32, this.region.header + HeaderWord.X_LIMIT)) return false;
    return this.takeBits(start, count);
  }

  /** Opens the journal for a run that is about to be taken back from its state. */
  open(start: number, count: number): void {
    const { i32 } = this.region;
    this.opened = (this.opened + JournalBits.NUMBER) | 0;
    // Order: a reclaimer that sees a start sees the count that belongs to it.
    atomics.store(i32, this.journal + SlotWord.X_JOURNAL_COUNT, count);
    atomics.store(i32, this.journal + SlotWord.X_JOURNAL_START, start | this.opened);
  }

  /** The run in the journal is published or returned: nothing is in this worker's hands. */
  close(): void {
    atomics.store(this.region.i32, this.journal + SlotWord.X_JOURNAL_START, this.opened);
  }

  /** Returns a run whose state is gone. The journal was opened before the state went. */
  release(start: number, count: number): void {
    clearBits(this.region, start, count);
    this.countCommitted(-count);
    this.close();
    this.releasedSlices += count;
    if (start >>> 5 < this.hint) this.hint = start >>> 5;
  }

  private claimInWord(count: number, alignment: number): number {
    const { region } = this;
    const first = region.firstSlice >>> 5;
    const limit = atomics.load(region.i32, region.header + HeaderWord.X_LIMIT);
    const end = (limit + 31) >>> 5;
    const from = Math.min(Math.max(this.hint, first), end);
    return (
      this.searchWords(from, end, limit, count, alignment) || this.searchWords(first, from, limit, count, alignment)
    );
  }

  private searchWords(from: number, end: number, limit: number, count: number, alignment: number): number {
    const { i32, bitmap } = this.region;
    for (let word = from; word < end; word++) {
      for (;;) {
        let free = ~i32[bitmap + word];
        if (word * 32 + 32 > limit) free &= maskOf(0, limit - word * 32);
        if (word === this.region.firstSlice >>> 5) free &= -1 << (this.region.firstSlice & 31);
        let starts = runStarts(free, count);
        if (alignment > 1) starts &= ALIGNED_STARTS[alignment];
        if (starts === 0) break;
        const start = word * 32 + lowestBit(starts);
        if (!this.takeBits(start, count)) continue;
        this.hint = word;
        return start;
      }
    }
    return 0;
  }

  /** First fit from the hint on, then from the start, across words: for runs that would leave much of a word unused. */
  private findRun(count: number, alignment: number): number {
    const { region } = this;
    const limit = atomics.load(region.i32, region.header + HeaderWord.X_LIMIT);
    const from = Math.min(Math.max(this.hint << 5, region.firstSlice), limit);
    const found =
      this.findRunIn(from, limit, count, alignment) || this.findRunIn(region.firstSlice, limit, count, alignment);
    if (found !== 0) this.hint = found >>> 5;
    return found;
  }

  private findRunIn(from: number, limit: number, count: number, alignment: number): number {
    for (let slice = from; slice < limit;) {
      const free = this.skip(slice, limit, 0);
      const start = free + (-free & (alignment - 1));
      slice = this.skip(free, Math.min(limit, start + count), 1);
      if (slice - start >= count) return start;
    }
    return 0;
  }

  /** Best fit over all runs, so that large blocks leave the largest runs whole. */
  private findBestRun(count: number, alignment: number): number {
    const { region } = this;
    const limit = atomics.load(region.i32, region.header + HeaderWord.X_LIMIT);
    let best = 0;
    let bestLength = Infinity;
    let slice = region.firstSlice;
    while (slice < limit) {
      const start = this.skip(slice, limit, 0);
      slice = this.skip(start, limit, 1);
      const aligned = start + (-start & (alignment - 1));
      const length = slice - start;
      if (slice - aligned < count || length >= bestLength) continue;
      best = aligned;
      bestLength = length;
      if (length === count) break;
    }
    return best;
  }

  /** First slice from `slice` on whose bit is `bit`, or `limit`. */
  private skip(slice: number, limit: number, bit: 0 | 1): number {
    const { i32, bitmap } = this.region;
    while (slice < limit) {
      const word = bit === 0 ? ~i32[bitmap + (slice >>> 5)] : i32[bitmap + (slice >>> 5)];
      const rest = word & (-1 << (slice & 31));
      if (rest !== 0) return Math.min(limit, (slice & ~31) + lowestBit(rest));
      slice = (slice & ~31) + 32;
    }
    return limit;
  }

  private takeBits(start: number, count: number): boolean {
    const { region } = this;
    this.open(start, count);
    for (let at = start; at < start + count;) {
      const inWord = Math.min(32 - (at & 31), start + count - at);
      if (!takeWord(region.i32, region.bitmap + (at >>> 5), maskOf(at & 31, inWord))) {
        clearBits(region, start, at - start);
        this.close();
        return false;
      }
      at += inWord;
    }
    this.countCommitted(count);
    return true;
  }

  private countCommitted(count: number): void {
    const { i32, header, firstSlice, baseSlice } = this.region;
    const committed = atomics.add(i32, header + HeaderWord.X_COMMITTED, count) + count;
    this.committedSlices = committed - (firstSlice - baseSlice);
    let peak = atomics.load(i32, header + HeaderWord.X_PEAK_COMMITTED);
    while (committed > peak) {
      const before = atomics.compareExchange(i32, header + HeaderWord.X_PEAK_COMMITTED, peak, committed);
      if (before === peak) return;
      peak = before;
    }
  }
}

/** Sets all bits of `mask`, or none. The plain read is a hint; the compare-and-swap decides. */
function takeWord(i32: Int32Array, index: number, mask: number): boolean {
  let word = i32[index];
  while ((word & mask) === 0) {
    // Claims the slices: whoever loses the race sees the bits and looks elsewhere.
    const before = atomics.compareExchange(i32, index, word, word | mask);
    if (before === word) return true;
    word = before;
  }
  return false;
}

function clearBits(region: Region, start: number, count: number): void {
  for (let at = start; at < start + count;) {
    const inWord = Math.min(32 - (at & 31), start + count - at);
    // Publishes the slices as free, together with everything stored about them before.
    atomics.and(region.i32, region.bitmap + (at >>> 5), ~maskOf(at & 31, inWord));
    at += inWord;
  }
}

/** Slices claimed right now. */
export function countClaimed(region: Region): number {
  const limit = atomics.load(region.i32, region.header + HeaderWord.X_LIMIT);
  // Slices before the region that share its first word are marked, but not the region's.
  let claimed = -(region.baseSlice & 31);
  for (let word = region.baseSlice >>> 5; word < (limit + 31) >>> 5; word++)
    claimed += popcount(region.i32[region.bitmap + word]);
  return claimed;
}

export function isClaimed(region: Region, slice: number): boolean {
  return (atomics.load(region.i32, region.bitmap + (slice >>> 5)) & (1 << (slice & 31))) !== 0;
}

/** First slice of the run in a journal; 0 if it is closed. */
export function journalStart(word: number): number {
  return word & JournalBits.START_MASK;
}

/** Looks at all journals at once that `recoverJournal` makes before it gives up for now. */
const RECOVERY_TRIES = 16;

/**
 * Returns the slices a dead worker had claimed but not published, or unpublished but not returned. False if a living
 * worker, or a dead one whose turn is first, has some of them in its journal, so that the caller tries again later.
 */
export function recoverJournal(region: Region, deadSlot: number): boolean {
  const { i32 } = region;
  const at = region.slotWord(deadSlot) + SlotWord.X_JOURNAL_START;
  const word = atomics.load(i32, at);
  const start = journalStart(word);
  if (start === 0) return true;
  if (start < region.firstSlice || start >= region.endSlice)
    corrupt('a journal begins outside the region', { slot: deadSlot, slice: start });
  let tries = 0;
  while (!returnLeaked(region, deadSlot)) if (++tries === RECOVERY_TRIES) return false;
  recountCommitted(region);
  atomics.store(i32, at, word & ~JournalBits.START_MASK);
  return true;
}

/**
 * A slice whose bit is set and that belongs to nothing published is in somebody's journal; if in no other one, it was the dead
 * worker's, and nobody else will ever touch it. For this the bit, the state and all journals must be seen at one
 * instant: journals that are the same before and after (Afek et al., "Atomic snapshots of shared memory", 1993; their numbers tell a
 * journal that was opened meanwhile) were so in between, and slices only change under a journal.
 */
function returnLeaked(region: Region, deadSlot: number): boolean {
  const dead = region.slotWord(deadSlot);
  const start = journalStart(atomics.load(region.i32, dead + SlotWord.X_JOURNAL_START));
  const end = Math.min(region.endSlice, start + atomics.load(region.i32, dead + SlotWord.X_JOURNAL_COUNT));
  const before = allJournals(region);
  const leaked: number[] = [];
  for (let slice = start; slice < end; slice++) {
    if (!isClaimed(region, slice) || isPublished(region, slice)) continue;
    if (isInOtherJournal(region, deadSlot, slice)) return false;
    leaked.push(slice);
  }
  const after = allJournals(region);
  if (before.some((word, i) => word !== after[i])) return false;
  for (const slice of leaked) clearBits(region, slice, 1);
  return true;
}

function allJournals(region: Region): number[] {
  const words: number[] = [];
  for (let slot = 1; slot <= region.maxWorkers; slot++)
    words.push(atomics.load(region.i32, region.slotWord(slot) + SlotWord.X_JOURNAL_START));
  return words;
}

/** Of two dead workers that had the same slices in their journals the one with the lower slot gives them back. */
function yieldsTo(region: Region, slot: number, deadSlot: number): boolean {
  const state = atomics.load(region.i32, region.slotWord(slot) + SlotWord.X_STATE) & SlotBits.STATE_MASK;
  return slot > deadSlot && state >= SlotState.DEAD;
}

/** A killed worker may have counted what it didn't claim or the reverse. Not stored if anyone counts meanwhile. */
function recountCommitted(region: Region): void {
  const word = region.header + HeaderWord.X_COMMITTED;
  const counted = atomics.load(region.i32, word);
  atomics.compareExchange(region.i32, word, counted, countClaimed(region));
}

function isInOtherJournal(region: Region, deadSlot: number, slice: number): boolean {
  for (let slot = 1; slot <= region.maxWorkers; slot++) {
    if (slot === deadSlot || yieldsTo(region, slot, deadSlot)) continue;
    const at = region.slotWord(slot);
    const start = journalStart(atomics.load(region.i32, at + SlotWord.X_JOURNAL_START));
    if (start === 0) continue;
    const count = atomics.load(region.i32, at + SlotWord.X_JOURNAL_COUNT);
    if (slice >= start && slice < start + count) return true;
  }
  return false;
}
