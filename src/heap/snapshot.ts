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
import type { DebugLayer } from './debug.js';
import type { HeapStats } from '../report/shape.js';
import { gatherStats } from './stats.js';
import { countBlocks as countRange, isAnySpan, ownerId, spanAllocator } from './walk.js';

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

/** Granules of the blocks that lie in the caches of their owners, by the head of their slab. */
type CachedBySlab = Map<number, number[]>;

function cachedBlocks({ region, shape, settings }: Owner): CachedBySlab {
  const cached: CachedBySlab = new Map();
  const { i32 } = region;
  for (let slot = 1; slot <= region.maxWorkers; slot++) {
    const control = loadControl(region, slot, shape.slices);
    if (control === 0 || stateOf(loadState(region, slot)) === SlotState.FREE) continue;
    const base = region.addressOf(control) / 4;
    for (let classId = 1; classId <= Classes.COUNT; classId++) {
      const cache = base + classId * shape.cacheWords;
      const stacked = atMost(i32[cache + CacheWord.COUNT], settings.cacheCapacity);
      for (let i = 0; i < stacked; i++) addCached(region, slot, classId, i32[cache + CacheWord.WORDS + i], cached);
      const ring = magazineCapacity(settings, classId);
      const magazine = base + shape.magazineOffset + (classId - Classes.FIRST_MID) * settings.magazineCapacity;
      const ringed = atMost(i32[cache + CacheWord.RING_COUNT], ring);
      for (let i = 0; i < ringed; i++) {
        const place = (i32[cache + CacheWord.RING_HEAD] + i) % ring;
        addCached(region, slot, classId, i32[magazine + place], cached);
      }
    }
  }
  return cached;
}

/** What the caches of a worker hold that lost its slabs is as free as any other block of them. */
function addCached(region: Region, slot: number, classId: number, granule: number, to: CachedBySlab): void {
  const slice = granule >>> (Geometry.SLICE_SHIFT - Geometry.GRANULE_SHIFT);
  if (region.i32[region.map + slice] !== (classId | (slot << MapBits.OWNER_SHIFT))) return;
  const head = region.i32[sliceWord(region, slice, SliceWord.HEAD)];
  const known = to.get(head);
  if (known === undefined) to.set(head, [granule]);
  else known.push(granule);
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
const stateBytes = (blocks: number): number => Math.ceil(blocks / 4);

/** Counts the blocks of a slab by state, by 32 granules at a time. */
function countBlocks(region: Region, row: number, runs: SnapshotRuns, cached: readonly number[]): void {
  const capacity = capacityBlocks(runs.class[row], runs.slices[row]);
  const { live, remote } = countRange(region, runs.start[row], runs.slices[row]);
  runs.live[row] = atMost(live, capacity);
  runs.remote[row] = atMost(remote, capacity - runs.live[row]);
  runs.cached[row] = atMost(cached.length, capacity - runs.live[row] - runs.remote[row]);
  runs.free[row] = capacity - runs.live[row] - runs.remote[row] - runs.cached[row];
}

/** The same one by one, with the state of each written into its place. */
function listBlocks(
  region: Region,
  row: number,
  runs: SnapshotRuns,
  cached: readonly number[],
  into: Uint8Array,
): void {
  const { i32 } = region;
  const classId = runs.class[row];
  const capacity = capacityBlocks(classId, runs.slices[row]);
  const first = runs.start[row] * Geometry.SLICE_GRANULES;
  const step = CLASS_BYTES[classId] / Geometry.GRANULE_BYTES;
  const at = runs.blocksAt[row];
  let live = 0;
  let remote = 0;
  for (let block = 0; block < capacity; block++) {
    const granule = first + block * step;
    const word = bitsWord(region, granule);
    const bit = 1 << granule;
    if ((i32[word] & bit) === 0) continue;
    const isRemote = (i32[word + 1] & bit) !== 0;
    if (isRemote) remote++;
    else live++;
    into[at + (block >>> 2)] |= (isRemote ? BlockCode.REMOTE : BlockCode.LIVE) << ((block & 3) << 1);
  }
  let inCache = 0;
  for (const granule of cached) {
    const block = (granule - first) / step;
    const shift = (block & 3) << 1;
    if (!Number.isInteger(block) || block < 0 || block >= capacity) continue;
    // On its way out of the cache it may be live by now.
    if (((into[at + (block >>> 2)] >>> shift) & 3) !== BlockCode.FREE) continue;
    into[at + (block >>> 2)] |= BlockCode.CACHED << shift;
    inCache++;
  }
  runs.live[row] = live;
  runs.remote[row] = remote;
  runs.cached[row] = inCache;
  runs.free[row] = capacity - live - remote - inCache;
}

const NONE: readonly number[] = [];

/** Describes one run but for the blocks of a slab. */
function readRun(region: Region, row: number, runs: SnapshotRuns, { head, state, count }: Head): void {
  runs.start[row] = head;
  runs.slices[row] = count;
  if (isAnySpan(state)) {
    runs.kind[row] = RunCode.SPAN;
    runs.live[row] = 1;
    runs.owner[row] = spanAllocator(region, head);
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
export function takeSnapshot(
  owner: Owner,
  heapId: string,
  withBlocks: boolean,
  debug: DebugLayer | undefined,
): HeapSnapshot {
  const { region } = owner;
  const stats = gatherStats(region, owner.shape, owner.settings, debug);
  const cached = cachedBlocks(owner);
  const found = [...publishedHeads(region)];
  const runs = columns(found.length);
  let bytes = 0;
  for (let row = 0; row < found.length; row++) {
    readRun(region, row, runs, found[row]);
    runs.blocksAt[row] = bytes;
    if (withBlocks && runs.class[row] !== 0) bytes += stateBytes(capacityBlocks(runs.class[row], runs.slices[row]));
  }
  const states = new Uint8Array(bytes);
  for (let row = 0; row < found.length; row++) {
    if (runs.class[row] === 0) continue;
    const inCaches = cached.get(runs.start[row]) ?? NONE;
    if (withBlocks) listBlocks(region, row, runs, inCaches, states);
    else countBlocks(region, row, runs, inCaches);
  }
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
    ...(withBlocks && debug !== undefined ? { callSites: callSitesOf(debug) } : {}),
  };
}

/** Where live blocks were allocated, by address, as far as that was recorded. */
function callSitesOf(debug: DebugLayer): Record<string, string> {
  const sites: Record<string, string> = {};
  for (const { address, callSite } of debug.blocks()) if (callSite !== undefined) sites[address] = callSite;
  return sites;
}
