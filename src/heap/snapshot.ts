import * as atomics from '#atomics';
import { capacityBlocks, CLASS_BYTES, Classes } from '../layout/classes.js';
import { MapBits, SlotState } from '../layout/format.js';
import { Geometry } from '../layout/geometry.js';
import { CacheWord, HeaderWord, SliceWord } from '../layout/offsets.generated.js';
import type { Region } from '../memory/region.js';
import { kindOf, ownerOf, sliceWord } from '../pages/descriptor.js';
import { isSlab, publishedHeads, type Head } from '../registry/adopt.js';
import { loadControl, loadState, stateOf } from '../registry/slots.js';
import { magazineCapacity, type Owner } from '../slabs/owner.js';
import { bitsWord } from '../slabs/slab.js';
import { gatherStats, type HeapStats } from './stats.js';
import { isAnySpan, ownerId } from './walk.js';

/** What a run of slices is, and what a block of a slab is: the numbers in a snapshot's columns are places in these lists. */
const RUN_KINDS = ['slab', 'span', 'control'] as const;
const BLOCK_STATES = ['free', 'live', 'remote', 'cached'] as const;

const enum RunCode {
  SLAB,
  SPAN,
  CONTROL,
}

const enum BlockCode {
  FREE,
  LIVE,
  REMOTE,
  CACHED,
  COUNT,
}

/**
 * The slabs, spans and control blocks of a heap in columns: element i of each describes the same run of slices, from low to
 * high addresses. Blocks are counted by state: `live + remote + cached + free = capacity`.
 */
export interface SnapshotRuns {
  /** First slice, counted from the start of the buffer. */
  readonly start: Uint32Array;
  readonly slices: Uint32Array;
  /** Place in `runKinds`. */
  readonly kind: Uint8Array;
  /** Size class of a slab, 0 for anything else. */
  readonly class: Uint8Array;
  /** Worker id of the owner; 0 for a slab of a worker that left. Of a span, the worker that allocated it. */
  readonly owner: Uint32Array;
  readonly live: Uint32Array;
  /** Freed by other workers, not yet back with the owner. */
  readonly remote: Uint32Array;
  /** In the caches of the owner. */
  readonly cached: Uint32Array;
  readonly free: Uint32Array;
  /** Byte in `blocks` where the states of a slab's blocks begin. */
  readonly blocksAt: Uint32Array;
}

/** What `heap.snapshot()` returns: plain, structured-cloneable. `sabmalloc/inspect` writes it to a file and draws it. */
export interface HeapSnapshot {
  readonly kind: 'sabmalloc-snapshot';
  readonly version: 1;
  readonly heapId: string;
  /** Milliseconds since 1970. */
  readonly takenAt: number;
  /** Worker id of the worker that took it. */
  readonly takenBy: number;
  readonly sliceBytes: number;
  /** Slices, counted from the start of the buffer: where the region begins, its tables end, and it ends now. */
  readonly baseSlice: number;
  readonly firstSlice: number;
  readonly limitSlice: number;
  readonly runKinds: readonly string[];
  readonly blockStates: readonly string[];
  /** Bytes of a block, by size class. */
  readonly classBytes: readonly number[];
  readonly stats: HeapStats;
  readonly runs: SnapshotRuns;
  /** Two bits for each block of each slab, the first block lowest: its place in `blockStates`. Empty without `blocks`. */
  readonly blocks: Uint8Array;
  /** Where live blocks were allocated, by address. Absent where the heap doesn't record it. */
  readonly callSites?: Readonly<Record<string, string>>;
}

export interface SnapshotOptions {
  /** False leaves out the state of each single block, which takes up to a 64th of the memory in use. */
  readonly blocks?: boolean;
}

/** Counts read while their owner changes them may be anything: no more are believed than can be. */
const atMost = (count: number, most: number): number => Math.max(0, Math.min(count, most));

/** Granules of the blocks that lie in the caches of their owners. */
function cachedGranules({ region, shape, settings }: Owner): Set<number> {
  const granules = new Set<number>();
  const { i32 } = region;
  for (let slot = 1; slot <= region.maxWorkers; slot++) {
    const control = loadControl(region, slot, shape.slices);
    if (control === 0 || stateOf(loadState(region, slot)) === SlotState.FREE) continue;
    const base = region.addressOf(control) / 4;
    for (let classId = 1; classId <= Classes.COUNT; classId++) {
      const cache = base + classId * shape.cacheWords;
      const stacked = atMost(i32[cache + CacheWord.COUNT], settings.cacheCapacity);
      for (let i = 0; i < stacked; i++) addCached(region, slot, classId, i32[cache + CacheWord.WORDS + i], granules);
      const ring = magazineCapacity(settings, classId);
      const magazine = base + shape.magazineOffset + (classId - Classes.FIRST_MID) * settings.magazineCapacity;
      const ringed = atMost(i32[cache + CacheWord.RING_COUNT], ring);
      for (let i = 0; i < ringed; i++) {
        const place = (i32[cache + CacheWord.RING_HEAD] + i) % ring;
        addCached(region, slot, classId, i32[magazine + place], granules);
      }
    }
  }
  return granules;
}

/** What the caches of a worker hold that lost its slabs is as free as any other block of them. */
function addCached(region: Region, slot: number, classId: number, granule: number, to: Set<number>): void {
  const word = region.i32[region.map + (granule >>> (Geometry.SLICE_SHIFT - Geometry.GRANULE_SHIFT))];
  if (word === (classId | (slot << MapBits.OWNER_SHIFT))) to.add(granule);
}

function columns(count: number): SnapshotRuns {
  const words = (): Uint32Array => new Uint32Array(count);
  return {
    start: words(),
    slices: words(),
    kind: new Uint8Array(count),
    class: new Uint8Array(count),
    owner: words(),
    live: words(),
    remote: words(),
    cached: words(),
    free: words(),
    blocksAt: words(),
  };
}

/** Bytes of the states of so many blocks. */
const stateBytes = (blocks: number): number => Math.ceil(blocks / BlockCode.COUNT);

/** Counts the blocks of a slab by state, and writes their states from byte `at` on if there is room for them. */
function readSlab(
  region: Region,
  row: number,
  runs: SnapshotRuns,
  cached: ReadonlySet<number>,
  into: Uint8Array,
): void {
  const { i32 } = region;
  const classId = runs.class[row];
  const capacity = capacityBlocks(classId, runs.slices[row]);
  const first = runs.start[row] * Geometry.SLICE_GRANULES;
  const step = CLASS_BYTES[classId] / Geometry.GRANULE_BYTES;
  const counts = [0, 0, 0, 0];
  const at = runs.blocksAt[row];
  for (let block = 0; block < capacity; block++) {
    const granule = first + block * step;
    const word = bitsWord(region, granule);
    const bit = 1 << granule;
    let code = BlockCode.FREE;
    if ((i32[word] & bit) !== 0) code = (i32[word + 1] & bit) === 0 ? BlockCode.LIVE : BlockCode.REMOTE;
    else if (cached.has(granule)) code = BlockCode.CACHED;
    counts[code]++;
    if (into.length > 0) into[at + (block >>> 2)] |= code << ((block & 3) << 1);
  }
  runs.live[row] = counts[BlockCode.LIVE];
  runs.remote[row] = counts[BlockCode.REMOTE];
  runs.cached[row] = counts[BlockCode.CACHED];
  runs.free[row] = counts[BlockCode.FREE];
}

/** Describes one run but for the blocks of a slab. */
function readRun(region: Region, row: number, runs: SnapshotRuns, { head, state, count }: Head): void {
  runs.start[row] = head;
  runs.slices[row] = count;
  if (isAnySpan(state)) {
    runs.kind[row] = RunCode.SPAN;
    runs.live[row] = 1;
    runs.owner[row] = region.i32[sliceWord(region, head, SliceWord.FREE_BLOCKS)];
    return;
  }
  runs.kind[row] = isSlab(state) ? RunCode.SLAB : RunCode.CONTROL;
  runs.class[row] = isSlab(state) ? kindOf(state) : 0;
  runs.owner[row] = ownerId(region, ownerOf(state));
}

/**
 * Takes the picture. Exact when the workers are at rest; while they run, rows may be of different instants, and nothing
 * worse: every number that another worker may be changing is bounded before it is used.
 */
export function takeSnapshot(owner: Owner, heapId: string, withBlocks: boolean): HeapSnapshot {
  const { region } = owner;
  const stats = gatherStats(region, owner.shape, owner.settings.maxBytes);
  const cached = cachedGranules(owner);
  const found = [...publishedHeads(region)];
  const runs = columns(found.length);
  let bytes = 0;
  for (let row = 0; row < found.length; row++) {
    readRun(region, row, runs, found[row]);
    runs.blocksAt[row] = bytes;
    if (withBlocks && runs.class[row] !== 0) bytes += stateBytes(capacityBlocks(runs.class[row], runs.slices[row]));
  }
  const states = new Uint8Array(bytes);
  for (let row = 0; row < found.length; row++) if (runs.class[row] !== 0) readSlab(region, row, runs, cached, states);
  return {
    kind: 'sabmalloc-snapshot',
    version: 1,
    heapId,
    takenAt: Date.now(),
    takenBy: owner.workerId,
    sliceBytes: Geometry.SLICE_BYTES,
    baseSlice: region.baseSlice,
    firstSlice: region.firstSlice,
    limitSlice: atomics.load(region.i32, region.header + HeaderWord.X_LIMIT),
    runKinds: RUN_KINDS,
    blockStates: BLOCK_STATES,
    classBytes: Array.from(CLASS_BYTES),
    stats,
    runs,
    blocks: states,
  };
}
