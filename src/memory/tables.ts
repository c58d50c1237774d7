import { alignUp } from '../base/bits.js';
import type { HeapSettings } from '../config/options.js';
import { Classes } from '../layout/classes.js';
import { ProfileLevel } from '../layout/format.js';
import { Geometry } from '../layout/geometry.js';
import {
  GoneWord,
  HeaderWord,
  SliceWord,
  SlotWord,
  TraceEventWord,
  TraceRingWord,
} from '../layout/offsets.generated.js';

/** Words of block bits a slice has: one live and one remote bit a granule, interleaved word by word. */
export const BIT_WORDS_PER_SLICE = (2 * Geometry.SLICE_GRANULES) / 32;

/** Classes that have transfer slots. */
export const MID_CLASSES = Classes.COUNT - Classes.FIRST_MID + 1;

/** The options that decide how large the tables are. */
export type TableSettings = Pick<
  HeapSettings,
  'maxWorkers' | 'transferSlots' | 'callSiteEvery' | 'profileLevel' | 'traceCapacity'
>;

/** Share of the region that trace rings may take, but for a few events each. */
const RINGS_SHARE = 1 / 16;
const RING_LEAST_EVENTS = 8;

/** Where the tables at the start of a region lie, in words from its first byte. */
export interface TableLayout {
  readonly slots: number;
  /** What workers that are gone have counted, a record a class. */
  readonly gone: number;
  readonly transfer: number;
  readonly bitmap: number;
  readonly map: number;
  readonly slices: number;
  readonly bits: number;
  /** Table of what heap.intern() was given, and its words. */
  readonly interned: number;
  readonly internedWords: number;
  /** Table of call sites, and its words; 0 words where none are recorded. */
  readonly sites: number;
  readonly siteWords: number;
  readonly rings: number;
  /** Words of each ring; 0 without tracing. */
  readonly ringWords: number;
  readonly ringEvents: number;
  readonly headSlices: number;
}

/** Events that a trace ring holds; 0 without tracing. */
function ringCapacity(regionSlices: number, { maxWorkers, profileLevel, traceCapacity }: TableSettings): number {
  if (profileLevel < ProfileLevel.TRACED) return 0;
  const words = (regionSlices * Geometry.SLICE_BYTES * RINGS_SHARE) / 4 / maxWorkers - TraceRingWord.WORDS;
  return Math.min(traceCapacity, Math.max(RING_LEAST_EVENTS, Math.floor(words / TraceEventWord.WORDS)));
}

/** Of a region the table of call sites takes at most a 128th, up to what a thousand places of the usual length need. */
const SITE_SHARE_SLICES = 128;
const SITE_SLICES_MAX = 32;

function siteWordsOf(regionSlices: number, callSiteEvery: number): number {
  if (callSiteEvery === 0) return 0;
  const slices = Math.max(1, Math.min(SITE_SLICES_MAX, Math.floor(regionSlices / SITE_SHARE_SLICES)));
  return (slices * Geometry.SLICE_BYTES) / 4;
}

/** The table of interned texts takes a 1024th of a region: a slice of the smallest, room for hundreds of definitions in larger ones. */
const INTERNED_SHARE_SLICES = 1024;
const INTERNED_SLICES_MAX = 8;

function internedWordsOf(regionSlices: number): number {
  const slices = Math.max(1, Math.min(INTERNED_SLICES_MAX, Math.floor(regionSlices / INTERNED_SHARE_SLICES)));
  return (slices * Geometry.SLICE_BYTES) / 4;
}

/**
 * All tables lie at the start of the region and are sized for its final length, so an address is turned into its table
 * words by shifts alone, runs of slices may cross segments, and growth moves nothing. They take
 * 4 + 1/8 + 32 + 64 bytes for each slice of 4096: 2.44 %, and trace rings at profileLevel 3 up to 6.25 %. Pages of them that no slice in use needs are never touched.
 */
export function tableLayout(regionSlices: number, settings: TableSettings): TableLayout {
  const { maxWorkers, transferSlots } = settings;
  const slots = HeaderWord.WORDS;
  const gone = slots + maxWorkers * SlotWord.WORDS;
  const transfer = gone + (Classes.COUNT + 1) * GoneWord.WORDS;
  const bitmap = transfer + maxWorkers * MID_CLASSES * transferSlots;
  const map = bitmap + Math.ceil(regionSlices / 32) + 1;
  // Pairs of bit words and descriptors are kept within cache lines of 16 words.
  const slices = alignUp(map + regionSlices, 16);
  const bits = slices + regionSlices * SliceWord.WORDS;
  const rings = alignUp(bits + regionSlices * BIT_WORDS_PER_SLICE, Geometry.LINE_WORDS);
  const ringEvents = ringCapacity(regionSlices, settings);
  // Each a line of its own: no worker writes what another one does.
  const ringWords =
    ringEvents === 0 ? 0 : alignUp(TraceRingWord.WORDS + ringEvents * TraceEventWord.WORDS, Geometry.LINE_WORDS);
  const interned = rings + maxWorkers * ringWords;
  const internedWords = internedWordsOf(regionSlices);
  const sites = interned + internedWords;
  const siteWords = siteWordsOf(regionSlices, settings.callSiteEvery);
  const headSlices = Math.ceil(((sites + siteWords) * 4) / Geometry.SLICE_BYTES);
  return {
    slots,
    gone,
    transfer,
    bitmap,
    map,
    slices,
    bits,
    rings,
    ringWords,
    ringEvents,
    interned,
    internedWords,
    sites,
    siteWords,
    headSlices,
  };
}
