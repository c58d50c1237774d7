import * as atomics from '#atomics';
import { CLASS_BYTES, Classes } from '../layout/classes.js';
import { ProfileLevel, SlotState } from '../layout/format.js';
import { Geometry } from '../layout/geometry.js';
import { CacheWord, GoneWord, HeaderWord } from '../layout/offsets.generated.js';
import type { HeapSettings } from '../config/options.js';
import type { Region } from '../memory/region.js';
import { countTraced } from '../memory/ring.js';
import { kindOf, ownerOf } from '../pages/descriptor.js';
import { countClaimed } from '../pages/slices.js';
import { isSlab, publishedHeads } from '../registry/adopt.js';
import { generationOf, loadControl, loadState, stateOf, workerIdOf } from '../registry/slots.js';
import type { CallCounts, ClassStats, HeapStats, WorkerStats } from '../report/shape.js';
import type { ControlShape } from '../slabs/owner.js';
import { slabCapacity } from '../slabs/slab.js';
import { Segments } from './segments.js';
import type { DebugLayer } from './debug.js';
import { countBlocks, isAnySpan } from './walk.js';

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

const NOTHING: Readonly<CallCounts> = { cacheHits: 0, cacheMisses: 0, cacheSpills: 0, frees: 0, remoteFrees: 0 };

const SOURCES: readonly (readonly [keyof CallCounts, CacheWord, GoneWord])[] = [
  ['cacheHits', CacheWord.HITS, GoneWord.X_HITS],
  ['cacheMisses', CacheWord.MISSES, GoneWord.X_MISSES],
  ['cacheSpills', CacheWord.SPILLS, GoneWord.X_SPILLS],
  ['frees', CacheWord.FREES, GoneWord.X_FREES],
  ['remoteFrees', CacheWord.REMOTE_FREES, GoneWord.X_REMOTE_FREES],
];

function add(into: CallCounts, from: Readonly<CallCounts>): void {
  for (const [field] of SOURCES) into[field] += from[field];
}

function readGone(region: Region, classId: number): CallCounts {
  const counts = { ...NOTHING };
  for (const [field, , word] of SOURCES)
    counts[field] = atomics.load(region.i32, region.goneWord(classId) + word) >>> 0;
  return counts;
}

function readCache(region: Region, cache: number): CallCounts {
  const counts = { ...NOTHING };
  for (const [field, word] of SOURCES) counts[field] = region.u32[cache + word];
  return counts;
}

/** A worker's row; what it counted goes to the classes too, by their number: 0 for spans. */
function readWorker(region: Region, slot: number, shape: ControlShape, classes: readonly CallCounts[]): WorkerStats {
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
    ...NOTHING,
  };
  const control = loadControl(region, slot, shape.slices);
  if (control === 0) return worker;
  for (let classId = 0; classId <= Classes.COUNT; classId++) {
    const cache = region.addressOf(control) / 4 + classId * shape.cacheWords;
    const counts = readCache(region, cache);
    add(classes[classId], counts);
    if (classId === 0) continue;
    add(worker, counts);
    worker.cachedBlocks += region.i32[cache + CacheWord.COUNT] + region.i32[cache + CacheWord.RING_COUNT];
  }
  return worker;
}

/** A row for each class, with what workers that are gone have counted; row 0 is for spans and has counts only. */
function emptyClasses(region: Region): ClassStats[] {
  return Array.from({ length: Classes.COUNT + 1 }, (_, classId) => ({
    class: classId,
    blockBytes: CLASS_BYTES[classId],
    slabs: 0,
    committedBytes: 0,
    capacityBlocks: 0,
    liveBlocks: 0,
    remoteFreesPending: 0,
    quarantinedBlocks: 0,
    ...readGone(region, classId),
  }));
}

interface Slab {
  readonly head: number;
  readonly state: number;
  readonly count: number;
}

function addSlab(
  region: Region,
  slab: Slab,
  into: ClassStats,
  worker: WorkerStats | undefined,
  segments: Segments,
  debug: DebugLayer | undefined,
): void {
  const { head, count } = slab;
  const bytes = count * Geometry.SLICE_BYTES;
  let [live, remote] = [0, 0];
  segments.addSlab(head, count, (first, slices) => {
    const part = countBlocks(region, first, slices);
    live += part.live;
    remote += part.remote;
    return part.live * into.blockBytes;
  });
  const held = debug === undefined ? 0 : debug.heldIn(head, into.class);
  const pending = remote - held;
  into.slabs++;
  into.committedBytes += bytes;
  into.capacityBlocks += slabCapacity(region, head, into.class);
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

const wasUsed = (entry: ClassStats): boolean => entry.slabs > 0 || SOURCES.some(([field]) => entry[field] > 0);

/** How hits and frees are counted. */
function countingOf({ profileLevel, sampleEvery }: HeapSettings): Pick<HeapStats, 'counting' | 'sampleEvery'> {
  if (profileLevel === ProfileLevel.SAMPLED) return { counting: 'sampled', sampleEvery };
  return profileLevel === ProfileLevel.NONE
    ? { counting: 'none', sampleEvery: 0 }
    : { counting: 'exact', sampleEvery: 1 };
}

/** Walks the heap and counts. */
export function gatherStats(
  region: Region,
  shape: ControlShape,
  settings: HeapSettings,
  debug: DebugLayer | undefined,
): HeapStats {
  // Control blocks of other workers may lie in memory that this one has not seen yet.
  if (region.isStale()) region.renew();
  const counter = (word: HeaderWord): number => atomics.load(region.i32, region.header + word);
  const limit = counter(HeaderWord.X_LIMIT);
  const [spans, ...classes] = emptyClasses(region);
  const workers = new Map<number, WorkerStats>();
  for (let slot = 1; slot <= region.maxWorkers; slot++)
    if (stateOf(loadState(region, slot)) !== SlotState.FREE)
      workers.set(slot, readWorker(region, slot, shape, [spans, ...classes]));
  const segments = new Segments(region, limit);
  let [largeBlocks, largeBytes, abandonedSlabs] = [0, 0, 0];
  for (const run of publishedHeads(region)) {
    if (isSlab(run.state)) {
      addSlab(region, run, classes[kindOf(run.state) - 1], workers.get(ownerOf(run.state)), segments, debug);
      if (ownerOf(run.state) === 0) abandonedSlabs++;
    } else if (isAnySpan(run.state)) {
      largeBlocks++;
      largeBytes += run.count * Geometry.SLICE_BYTES;
      segments.addSpan(run.head, run.count);
    }
  }
  const used = classes.filter(wasUsed);
  const slabBytes = sum(used, (entry) => entry.committedBytes);
  const classBytes = largeBytes + sum(used, (entry) => entry.liveBlocks * entry.blockBytes);
  const liveBytes = debug === undefined ? classBytes : debug.countLiveBytes();
  const committedBytes = committedFor(region, countClaimed(region), limit);
  const peak = committedFor(region, counter(HeaderWord.X_PEAK_COMMITTED), limit);
  const calls = { ...NOTHING };
  for (const entry of used) add(calls, entry);
  return {
    reservedBytes: (limit - region.baseSlice) * Geometry.SLICE_BYTES,
    maxBytes: settings.maxBytes,
    committedBytes,
    peakCommittedBytes: Math.max(peak, committedBytes),
    metadataBytes: committedBytes - slabBytes - largeBytes,
    liveBytes,
    liveBlocks: largeBlocks + sum(used, (entry) => entry.liveBlocks),
    remoteFreesPending: sum(used, (entry) => entry.remoteFreesPending),
    quarantinedBlocks: sum(used, (entry) => entry.quarantinedBlocks),
    cachedBlocks: sum(workers.values(), (worker) => worker.cachedBlocks),
    ...calls,
    ...countingOf(settings),
    fragmentation: slabBytes + largeBytes === 0 ? 0 : 1 - liveBytes / (slabBytes + largeBytes),
    largeBlocks,
    largeBytes,
    abandonedSlabs,
    counters: {
      growths: counter(HeaderWord.X_GROWTHS),
      adoptions: counter(HeaderWord.X_ADOPTIONS),
      reclaims: counter(HeaderWord.X_RECLAIMS),
      damages: counter(HeaderWord.X_DAMAGES),
      remoteFrees: calls.remoteFrees,
      largeAllocations: spans.cacheMisses,
      largeFrees: spans.frees,
      ...countTraced(region),
    },
    classes: used,
    workers: [...workers.values()],
    segments: segments.rows(),
  };
}
