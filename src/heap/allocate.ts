import { Headers } from '../config/options.js';
import { CLASS_BYTES, CLASS_OF, Classes, alignedClass } from '../layout/classes.js';
import { Geometry } from '../layout/geometry.js';
import { CacheWord } from '../layout/offsets.generated.js';
import { allocateSpan, slicesFor } from '../pages/spans.js';
import { deliver } from '../platform/diagnostics.js';
import { adoptAll, adoptClass, adoptEmpty, drainEverything } from '../registry/adopt.js';
import { repairBooks } from '../registry/repair.js';
import { reclaimLeftovers } from '../registry/reclaim.js';
import { cachedBytes, flush, refillFresh, refillOwned, refillSmall } from '../slabs/cache.js';
import type { Owner } from '../slabs/owner.js';
import { drainQueue } from '../slabs/remote.js';
import { bitsWord, retireEmpties } from '../slabs/slab.js';

/** The growth that makes a trim due is a share of what is committed, or the same share of so many slices if that is more. */
const TRIM_SLICES = 256;

/** Class that serves a request; 0 if it takes a span. */
export function classFor(bytes: number, alignment: number): number {
  if (alignment > Geometry.GRANULE_BYTES) return alignedClass(bytes, alignment);
  return bytes <= Geometry.SLAB_BLOCK_MAX_BYTES ? CLASS_OF[(bytes + 15) >>> 4] : 0;
}

/** Address of a block of at least `bytes` bytes, or 0 if the heap is full. Sizes and alignment are valid. */
export function allocate(owner: Owner, bytes: number, alignment: number): number {
  begin(owner);
  const classId = classFor(bytes, alignment);
  const address =
    classId === 0 ? allocateLarge(owner, bytes, alignment) : allocateBlock(owner, classId) * Geometry.GRANULE_BYTES;
  end(owner);
  return address;
}

/** Before the books of a worker are changed. */
export function begin(owner: Owner): void {
  mend(owner);
  owner.isMidway = true;
}

/** The books of a worker are in order again; what was to be said meanwhile is said. */
export function end(owner: Owner): void {
  owner.isMidway = false;
  deliver();
}

/** Before the books of a worker are looked at: repairs them if a stack overflow cut the last change short. */
export function mend(owner: Owner): void {
  if (!owner.isMidway) return;
  repairBooks(owner);
  owner.isMidway = false;
}

/** A block of the class, out of the cache if it holds one; its granule, or 0. */
function allocateBlock(owner: Owner, classId: number): number {
  const { i32 } = owner.region;
  const cache = owner.cache(classId);
  if (i32[cache + CacheWord.COUNT] === 0) {
    i32[cache + CacheWord.MISSES]++;
    if (refill(owner, classId) === 0) return 0;
  } else i32[cache + CacheWord.HITS]++;
  return popLive(owner, cache);
}

/** Pops the stack and sets the live bit: in this order, so that a kill in between leaves a free block. */
function popLive(owner: Owner, cache: number): number {
  const { i32 } = owner.region;
  const count = i32[cache + CacheWord.COUNT] - 1;
  const granule = i32[cache + CacheWord.WORDS + count];
  i32[cache + CacheWord.COUNT] = count;
  i32[bitsWord(owner.region, granule)] |= 1 << granule;
  return granule;
}

/**
 * The one order in which an empty cache is filled: what others freed comes home; own slabs; slabs of workers that left; a
 * new slab, after a trim if one is due; growth; and when the region is at its end, whatever can be scraped together.
 */
function refill(owner: Owner, classId: number): number {
  if (owner.learning !== undefined) owner.learning.atRefill(classId, owner.cache(classId));
  drainQueue(owner);
  const owned = refillOwned(owner, classId) || (adoptClass(owner, classId) > 0 ? refillOwned(owner, classId) : 0);
  if (owned > 0) return owned;
  trimIfDue(owner);
  return (
    refillFresh(owner, classId) ||
    refillGrowing(owner, classId) ||
    (scrape(owner), refillOwned(owner, classId) || refillFresh(owner, classId) || refillSmall(owner, classId))
  );
}

/**
 * Before the heap commits more: each time it has grown by a sixteenth since this worker's last trim, what the caches and
 * empty slabs of other classes hold goes back. So a class that was busy once doesn't keep its memory while another one
 * grows, and classes that stay as they are keep theirs. Every trim pays for a growth of a sixteenth: their number is
 * logarithmic in the size of the heap.
 */
function trimIfDue(owner: Owner): void {
  const { slices } = owner;
  if (slices.committedSlices < owner.trimAtSlices) return;
  const before = slices.releasedSlices;
  for (let classId = 1; classId <= Classes.COUNT; classId++) {
    if (cachedBytes(owner, classId) >= Geometry.SLICE_BYTES) flush(owner, classId);
    retireEmpties(owner, classId);
  }
  if (owner.learning !== undefined)
    owner.trimShift = owner.learning.trimmed(owner.trimShift, trimStep(owner), slices.releasedSlices - before);
  owner.trimAtSlices = slices.committedSlices + trimStep(owner);
}

/** Slices by which the heap grows from one trim to the next. */
function trimStep({ slices, trimShift }: Owner): number {
  return Math.max(slices.committedSlices, TRIM_SLICES) >>> trimShift;
}

/** Grows until there is room: what one growth adds, other workers may have taken by the time this one looks. */
function refillGrowing(owner: Owner, classId: number): number {
  while (owner.region.grow(1)) {
    const got = refillFresh(owner, classId);
    if (got > 0) return got;
  }
  return 0;
}

/** Frees everything that only this worker's convenience holds, and what workers that left still hold. */
function scrape(owner: Owner): void {
  reclaimLeftovers(owner);
  bringHome(owner);
  adoptAll(owner);
  for (let classId = 1; classId <= Classes.COUNT; classId++) retireEmpties(owner, classId);
  owner.slices.resetHint();
}

/** Brings home all remote frees, empties the caches and returns empty slabs, those of workers that left included. */
function bringHome(owner: Owner): void {
  drainEverything(owner);
  adoptEmpty(owner);
  for (let classId = 1; classId <= Classes.COUNT; classId++) {
    flush(owner, classId);
    retireEmpties(owner, classId);
  }
  owner.slices.resetHint();
}

/** Fills the caches of all classes up to a size, as far as there is room. */
export function warmCaches(owner: Owner, largestBytes: number): void {
  begin(owner);
  for (let classId = 1; classId <= Classes.COUNT && CLASS_BYTES[classId] <= largestBytes; classId++)
    if (owner.region.i32[owner.cache(classId) + CacheWord.COUNT] === 0 && refill(owner, classId) === 0) break;
  owner.isMidway = false;
}

/** What `collect()` does. */
export function collect(owner: Owner): void {
  begin(owner);
  reclaimLeftovers(owner);
  bringHome(owner);
  end(owner);
}

function allocateLarge(owner: Owner, bytes: number, alignment: number): number {
  const { region, slices } = owner;
  const count = slicesFor(bytes);
  if (count > region.endSlice) return 0;
  const alignedSlices = Math.max(1, alignment / Geometry.SLICE_BYTES);
  // With full headers negative until there is one.
  const allocator = owner.settings.headers === Headers.FULL ? -owner.workerId : owner.workerId;
  trimIfDue(owner);
  let start = allocateSpan(region, slices, allocator, count, alignedSlices);
  while (start === 0 && region.grow(count + alignedSlices - 1))
    start = allocateSpan(region, slices, allocator, count, alignedSlices);
  if (start === 0) {
    scrape(owner);
    start = allocateSpan(region, slices, allocator, count, alignedSlices);
  }
  if (start === 0) return 0;
  region.i32[owner.cache(0) + CacheWord.MISSES]++;
  return region.addressOf(start);
}
