import { OPTIONS, type HeapSettings } from '../config/options.js';
import { CLASS_BYTES, Classes, SLAB_SLICES_FULL } from '../layout/classes.js';
import { Geometry } from '../layout/geometry.js';
import { CacheWord } from '../layout/offsets.generated.js';
import { Learning, type KnobBounds } from '../learning/learning.js';
import type { Region } from '../memory/region.js';
import { TraceRing } from '../memory/ring.js';
import { MID_CLASSES } from '../memory/tables.js';
import { type Slices } from '../pages/slices.js';

/** Shape of a control block: the caches of all classes, then the magazines of the Mid classes. Class 0 has no cache, only the counters of spans. */
export interface ControlShape {
  /** Words of one class's cache. */
  readonly cacheWords: number;
  readonly magazineOffset: number;
  readonly slices: number;
}

export function controlShape(settings: HeapSettings): ControlShape {
  const lines = Math.ceil((CacheWord.WORDS + settings.cacheCapacity) / Geometry.LINE_WORDS);
  // An odd number of cache lines: with an even one the records that every call touches would share few sets of the cache.
  const cacheWords = (lines | 1) * Geometry.LINE_WORDS;
  const magazineOffset = (Classes.COUNT + 1) * cacheWords;
  const words = magazineOffset + MID_CLASSES * settings.magazineCapacity;
  return { cacheWords, magazineOffset, slices: Math.ceil((words * 4) / Geometry.SLICE_BYTES) };
}

/** Shares of the region that a tier of one class may hold by `cacheBytes`, and that its stack may hold whatever that says. */
const TIER_SHARE = 1 / 64;
const LEAST_SHARE = 1 / 256;

/** Blocks of a class that one tier of its cache may hold by their size. */
function blocksBySize({ maxBytes, cacheBytes }: HeapSettings, classId: number): number {
  return Math.floor(Math.min(cacheBytes, maxBytes * TIER_SHARE) / CLASS_BYTES[classId]);
}

/** Most blocks on the stack of a class. */
function cacheCapacity(settings: HeapSettings, classId: number): number {
  const least = Math.max(1, Math.min(4, Math.floor((settings.maxBytes * LEAST_SHARE) / CLASS_BYTES[classId])));
  return Math.min(settings.cacheCapacity, Math.max(least, blocksBySize(settings, classId)));
}

/** Most blocks in the magazine of a class; 0 for none. */
export function magazineCapacity(settings: HeapSettings, classId: number): number {
  return classId < Classes.FIRST_MID ? 0 : Math.min(settings.magazineCapacity, blocksBySize(settings, classId));
}

/** Most blocks one refill takes: falls from refillMax for the smallest class to a quarter of it for the biggest. */
function refillBlocks(settings: HeapSettings, classId: number): number {
  const isHot = CLASS_BYTES[classId] <= 128;
  const falling = settings.refillMax * (1 - (0.75 * (classId - 1)) / (Classes.COUNT - 1));
  return Math.max(1, Math.min(cacheCapacity(settings, classId), Math.round(isHot ? settings.refillMaxHot : falling)));
}

/** Growth of the heap that makes a trim due, as a shift: a sixteenth. */
const TRIM_SHIFT = 4;

/** Tiers of one class that all stacks of a worker may hold together when they learn. */
const LEARNED_TIERS = 16;
/** Share of the region that the empty slabs of a class may hold when it learns how many. */
const KEPT_SHARE = 1 / 64;

function learningBounds({ maxBytes, cacheBytes, emptySlabsKept }: HeapSettings): KnobBounds {
  const keptSlices = (maxBytes * KEPT_SHARE) / Geometry.SLICE_BYTES;
  return {
    cachedBytes: LEARNED_TIERS * Math.min(cacheBytes, maxBytes * TIER_SHARE),
    emptySlabsKept: SLAB_SLICES_FULL.map((slices) =>
      Math.max(emptySlabsKept, Math.min(OPTIONS.emptySlabsKept.max, Math.floor(keptSlices / Math.max(1, slices)))),
    ),
  };
}

/**
 * The calling worker as owner of slabs: its slot, its control block inside the region, and numbers derived from the
 * settings. Data only; what is done with it is in the other files of this room.
 */
export class Owner {
  readonly region: Region;
  readonly slices: Slices;
  readonly slot: number;
  readonly settings: HeapSettings;
  readonly shape: ControlShape;
  /** Word index of the control block. */
  readonly control: number;
  /** Names the attachment in what it leaves behind. */
  readonly workerId: number;
  /**
   * True while this worker changes its own books, so still true after a call that a stack overflow cut short: then the
   * next one repairs them first. (A worker that is killed doesn't need it: whoever reclaims it believes only the bits.)
   */
  isMidway = false;
  /** Committed slices of the heap from which on this worker trims before it claims more. */
  trimAtSlices = 0;
  /** Growth of the heap between two trims, as a shift. */
  trimShift = TRIM_SHIFT;
  /** Blocks on their way out of a full stack. */
  readonly spilled = new Int32Array(256);
  /** Where this worker's calls are recorded; undefined below profileLevel 3. */
  readonly ring: TraceRing | undefined;
  readonly refill: Int32Array;
  readonly capacity: Int32Array;
  readonly magazineCapacity: Int32Array;
  /** Slabs without a block that a class keeps. */
  readonly emptySlabsKept: Int32Array;
  /** Turns the knobs above; undefined where they stay as they are. */
  readonly learning: Learning | undefined;

  constructor(
    region: Region,
    slot: number,
    workerId: number,
    settings: HeapSettings,
    controlSlice: number,
    slices: Slices,
  ) {
    this.region = region;
    this.slices = slices;
    this.slot = slot;
    this.workerId = workerId;
    this.settings = settings;
    this.shape = controlShape(settings);
    this.ring = region.ringEvents === 0 ? undefined : new TraceRing(region, slot, workerId);
    this.control = region.addressOf(controlSlice) / 4;
    this.refill = CLASS_BYTES.map((_, classId) => (classId === 0 ? 0 : refillBlocks(settings, classId)));
    this.capacity = CLASS_BYTES.map((_, classId) => (classId === 0 ? 0 : cacheCapacity(settings, classId)));
    this.magazineCapacity = CLASS_BYTES.map((_, classId) => magazineCapacity(settings, classId));
    this.emptySlabsKept = CLASS_BYTES.map(() => settings.emptySlabsKept);
    const isLearning = settings.learnCaches === 1 || settings.learnMemory === 1;
    this.learning = isLearning ? new Learning(region, settings, this, learningBounds(settings)) : undefined;
  }

  /** Word index of a class's cache record. */
  cache(classId: number): number {
    return this.control + classId * this.shape.cacheWords;
  }

  magazine(classId: number): number {
    return this.control + this.shape.magazineOffset + (classId - Classes.FIRST_MID) * this.settings.magazineCapacity;
  }

  /** Starts with empty caches. The control block's memory may hold anything before. */
  initialise(): void {
    const { i32 } = this.region;
    i32.fill(0, this.control, this.control + (this.shape.slices * Geometry.SLICE_BYTES) / 4);
    for (let classId = 1; classId <= Classes.COUNT; classId++)
      i32[this.cache(classId) + CacheWord.CAPACITY] = this.capacity[classId]!;
  }
}
