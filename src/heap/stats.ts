import * as atomics from '#atomics';
import { CLASS_BYTES, Classes } from '../layout/classes.js';
import { SlotState } from '../layout/format.js';
import { Geometry } from '../layout/geometry.js';
import { CacheWord, HeaderWord } from '../layout/offsets.generated.js';
import type { Region } from '../memory/region.js';
import { kindOf, ownerOf } from '../pages/descriptor.js';
import { countClaimed } from '../pages/slices.js';
import { spanSlices } from '../pages/spans.js';
import { isSlab, publishedHeads } from '../registry/adopt.js';
import { generationOf, loadControl, loadState, stateOf, workerIdOf } from '../registry/slots.js';
import type { ControlShape } from '../slabs/owner.js';
import { slabCapacity, slabSlices } from '../slabs/slab.js';
import type { DebugLayer } from './debug.js';
import { countSlab, isAnySpan } from './walk.js';

export interface ClassStats {
  readonly class: number;
  readonly blockBytes: number;
  slabs: number;
  committedBytes: number;
  capacityBlocks: number;
  liveBlocks: number;
  remoteFreesPending: number;
  quarantinedBlocks: number;
}

export interface WorkerStats {
  readonly workerId: number;
  readonly slot: number;
  readonly state: string;
  slabs: number;
  committedBytes: number;
  liveBlocks: number;
  cachedBlocks: number;
  remoteFreesPending: number;
  cacheHits: number;
  cacheMisses: number;
  cacheSpills: number;
  remoteFrees: number;
}

/** What `heap.stats()` returns: a plain object, JSON-serialisable. Exact when the workers are at rest. */
export interface HeapStats {
  /** Bytes the shared memory has now; grows up to maxBytes. */
  readonly reservedBytes: number;
  readonly maxBytes: number;
  /** Bytes of slabs, spans and metadata (tables of the grown part, control blocks). */
  readonly committedBytes: number;
  readonly peakCommittedBytes: number;
  readonly metadataBytes: number;
  /** Bytes that all live blocks can hold. */
  readonly liveBytes: number;
  readonly liveBlocks: number;
  /** Blocks freed by other workers that have not yet come home to their owner. */
  readonly remoteFreesPending: number;
  /** Freed blocks that workers hold back (option quarantineBytes). */
  readonly quarantinedBlocks: number;
  readonly cachedBlocks: number;
  /** Allocations that a cache served. Counted only with the option countHits: the fast path counts nothing. */
  readonly cacheHits: number;
  readonly cacheMisses: number;
  /** Share of the committed block memory that holds no live block, 0 .. 1. */
  readonly fragmentation: number;
  readonly largeBlocks: number;
  readonly largeBytes: number;
  /** Slabs of workers that left, waiting to be adopted. */
  readonly abandonedSlabs: number;
  readonly counters: {
    readonly growths: number;
    readonly adoptions: number;
    readonly reclaims: number;
    readonly remoteFrees: number;
    /** Blocks found written past their end, or after they were freed: counted where headers are full. */
    readonly damages: number;
  };
  readonly classes: readonly ClassStats[];
  readonly workers: readonly WorkerStats[];
}

const STATE_NAMES: Record<SlotState, string> = {
  [SlotState.FREE]: 'free',
  [SlotState.RESERVED]: 'reserved',
  [SlotState.ATTACHING]: 'attaching',
  [SlotState.LIVE]: 'live',
  [SlotState.DEAD]: 'dead',
  [SlotState.RECLAIMING]: 'reclaiming',
  [SlotState.SILENCED]: 'silenced',
  [SlotState.SILENCING]: 'reclaiming',
};

/** Bytes of the tables that describe slices for blocks below the limit: the rest of the tables is untouched. */
function tableBytes(region: Region, limit: number): number {
  const share = (limit - region.firstSlice) / (region.endSlice - region.firstSlice);
  return Math.max(1, Math.ceil((region.firstSlice - region.baseSlice) * share)) * Geometry.SLICE_BYTES;
}

/** Bytes committed for a number of claimed slices: of the tables only the part that describes what exists counts. */
function committedFor(region: Region, claimedSlices: number, limit: number): number {
  return (claimedSlices - (region.firstSlice - region.baseSlice)) * Geometry.SLICE_BYTES + tableBytes(region, limit);
}

function readWorker(region: Region, slot: number, shape: ControlShape): WorkerStats {
  const word = loadState(region, slot);
  const worker: WorkerStats = {
    workerId: workerIdOf(slot, generationOf(word)),
    slot,
    state: STATE_NAMES[stateOf(word)],
    slabs: 0,
    committedBytes: 0,
    liveBlocks: 0,
    cachedBlocks: 0,
    remoteFreesPending: 0,
    cacheHits: 0,
    cacheMisses: 0,
    cacheSpills: 0,
    remoteFrees: 0,
  };
  const control = loadControl(region, slot, shape.slices);
  if (control === 0) return worker;
  for (let classId = 1; classId <= Classes.COUNT; classId++) {
    const cache = region.addressOf(control) / 4 + classId * shape.cacheWords;
    worker.cachedBlocks += region.i32[cache + CacheWord.COUNT] + region.i32[cache + CacheWord.RING_COUNT];
    worker.cacheHits += region.u32[cache + CacheWord.HITS];
    worker.cacheMisses += region.u32[cache + CacheWord.MISSES];
    worker.cacheSpills += region.u32[cache + CacheWord.SPILLS];
    worker.remoteFrees += region.u32[cache + CacheWord.REMOTE_FREES];
  }
  return worker;
}

function emptyClasses(): ClassStats[] {
  return Array.from({ length: Classes.COUNT }, (_, index) => ({
    class: index + 1,
    blockBytes: CLASS_BYTES[index + 1],
    slabs: 0,
    committedBytes: 0,
    capacityBlocks: 0,
    liveBlocks: 0,
    remoteFreesPending: 0,
    quarantinedBlocks: 0,
  }));
}

function addSlab(
  region: Region,
  head: number,
  state: number,
  into: ClassStats,
  worker: WorkerStats | undefined,
  held: number,
): void {
  const { live, remote } = countSlab(region, head);
  const pending = remote - held;
  const bytes = slabSlices(region, head) * Geometry.SLICE_BYTES;
  into.slabs++;
  into.committedBytes += bytes;
  into.capacityBlocks += slabCapacity(region, head, kindOf(state));
  into.liveBlocks += live;
  into.remoteFreesPending += pending;
  into.quarantinedBlocks += held;
  if (worker === undefined) return;
  worker.slabs++;
  worker.committedBytes += bytes;
  worker.liveBlocks += live;
  worker.remoteFreesPending += pending;
}

const sum = <Item>(items: Iterable<Item>, of: (item: Item) => number): number => {
  let total = 0;
  for (const item of items) total += of(item);
  return total;
};

/** Walks the heap and counts. */
export function gatherStats(
  region: Region,
  shape: ControlShape,
  maxBytes: number,
  debug: DebugLayer | undefined,
): HeapStats {
  // Control blocks of other workers may lie in memory that this one has not seen yet.
  if (region.isStale()) region.renew();
  const { i32, header } = region;
  const limit = atomics.load(i32, header + HeaderWord.X_LIMIT);
  const classes = emptyClasses();
  const workers = new Map<number, WorkerStats>();
  for (let slot = 1; slot <= region.maxWorkers; slot++)
    if (stateOf(loadState(region, slot)) !== SlotState.FREE) workers.set(slot, readWorker(region, slot, shape));
  let largeBlocks = 0;
  let largeBytes = 0;
  let abandonedSlabs = 0;
  for (const { head, state } of publishedHeads(region)) {
    if (isSlab(state)) {
      const classId = kindOf(state);
      const held = debug?.heldIn(head, classId) ?? 0;
      addSlab(region, head, state, classes[classId - 1], workers.get(ownerOf(state)), held);
      if (ownerOf(state) === 0) abandonedSlabs++;
    } else if (isAnySpan(state)) {
      largeBlocks++;
      largeBytes += spanSlices(region, head) * Geometry.SLICE_BYTES;
    }
  }
  const used = classes.filter((entry) => entry.slabs > 0);
  const slabBytes = sum(used, (entry) => entry.committedBytes);
  const liveBytes = debug?.liveBytes() ?? largeBytes + sum(used, (entry) => entry.liveBlocks * entry.blockBytes);
  const committedBytes = committedFor(region, countClaimed(region), limit);
  const peak = committedFor(region, atomics.load(i32, header + HeaderWord.X_PEAK_COMMITTED), limit);
  const counter = (word: HeaderWord): number => atomics.load(i32, header + word);
  const gone = (word: HeaderWord): number => counter(word) >>> 0;
  return {
    reservedBytes: (limit - region.baseSlice) * Geometry.SLICE_BYTES,
    maxBytes,
    committedBytes,
    peakCommittedBytes: Math.max(peak, committedBytes),
    metadataBytes: committedBytes - slabBytes - largeBytes,
    liveBytes,
    liveBlocks: largeBlocks + sum(used, (entry) => entry.liveBlocks),
    remoteFreesPending: sum(used, (entry) => entry.remoteFreesPending),
    quarantinedBlocks: sum(used, (entry) => entry.quarantinedBlocks),
    cachedBlocks: sum(workers.values(), (worker) => worker.cachedBlocks),
    cacheHits: gone(HeaderWord.X_GONE_HITS) + sum(workers.values(), (worker) => worker.cacheHits),
    cacheMisses: gone(HeaderWord.X_GONE_MISSES) + sum(workers.values(), (worker) => worker.cacheMisses),
    fragmentation: slabBytes + largeBytes === 0 ? 0 : 1 - liveBytes / (slabBytes + largeBytes),
    largeBlocks,
    largeBytes,
    abandonedSlabs,
    counters: {
      growths: counter(HeaderWord.X_GROWTHS),
      adoptions: counter(HeaderWord.X_ADOPTIONS),
      reclaims: counter(HeaderWord.X_RECLAIMS),
      damages: counter(HeaderWord.X_DAMAGES),
      remoteFrees: gone(HeaderWord.X_GONE_REMOTE_FREES) + sum(workers.values(), (worker) => worker.remoteFrees),
    },
    classes: used,
    workers: [...workers.values()],
  };
}
