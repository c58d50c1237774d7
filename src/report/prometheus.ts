import type { CallCounts, ClassStats, HeapStats, SegmentStats, WorkerStats } from './shape.js';

type Labels = Readonly<Record<string, string | number>>;
type Row = readonly [labels: Labels, value: number];
type Kind = 'gauge' | 'counter';

/** A metric: name, kind, help, and its rows. */
type Metric = readonly [name: string, kind: Kind, help: string, rows: readonly Row[]];

const one = (value: number): readonly Row[] => [[{}, value]];

const CALLS: readonly (readonly [keyof CallCounts, string, string])[] = [
  ['cacheHits', 'cache_hits', 'Allocations that a cache served, as far as profileLevel counts them.'],
  ['cacheMisses', 'cache_misses', 'Allocations that found their cache empty.'],
  ['cacheSpills', 'cache_spills', 'Frees that found their cache full.'],
  ['frees', 'frees', 'Blocks of slabs freed, as far as profileLevel counts them.'],
  ['remoteFrees', 'remote_frees', 'Blocks freed by workers that do not own them.'],
];

function callMetrics(prefix: string, rowsOf: (count: (of: CallCounts) => number) => readonly Row[]): Metric[] {
  return CALLS.map(([field, name, help]) => [`${prefix}${name}_total`, 'counter', help, rowsOf((of) => of[field])]);
}

function heapMetrics(stats: HeapStats): Metric[] {
  const { counters } = stats;
  return [
    ['reserved_bytes', 'gauge', 'Size of the shared memory.', one(stats.reservedBytes)],
    ['max_bytes', 'gauge', 'Size that the shared memory may grow to.', one(stats.maxBytes)],
    ['committed_bytes', 'gauge', 'Memory of slabs, spans and metadata.', one(stats.committedBytes)],
    ['peak_committed_bytes', 'gauge', 'Most memory ever committed.', one(stats.peakCommittedBytes)],
    ['metadata_bytes', 'gauge', 'Memory of tables and control blocks.', one(stats.metadataBytes)],
    ['live_bytes', 'gauge', 'Memory that live blocks can hold.', one(stats.liveBytes)],
    ['live_blocks', 'gauge', 'Live blocks.', one(stats.liveBlocks)],
    ['large_blocks', 'gauge', 'Live blocks that no slab serves.', one(stats.largeBlocks)],
    ['large_bytes', 'gauge', 'Memory of live blocks that no slab serves.', one(stats.largeBytes)],
    ['fragmentation_ratio', 'gauge', 'Share of block memory without a live block.', one(stats.fragmentation)],
    ['abandoned_slabs', 'gauge', 'Slabs of workers that left, not yet adopted.', one(stats.abandonedSlabs)],
    [
      'counted_every',
      'gauge',
      'Calls that each counted hit and free stands for; 0: none counted.',
      one(stats.sampleEvery),
    ],
    ['growths_total', 'counter', 'Times the memory grew.', one(counters.growths)],
    ['adoptions_total', 'counter', 'Slabs adopted from workers that left.', one(counters.adoptions)],
    ['reclaims_total', 'counter', 'Workers whose part of the heap was taken over.', one(counters.reclaims)],
    ['large_allocations_total', 'counter', 'Allocations that no slab serves.', one(counters.largeAllocations)],
    ['large_frees_total', 'counter', 'Frees of blocks that no slab serves.', one(counters.largeFrees)],
    ['traced_events_total', 'counter', 'Events recorded in trace rings.', one(counters.tracedEvents)],
    ['dropped_events_total', 'counter', 'Events that found their trace ring full.', one(counters.droppedEvents)],
  ];
}

function classMetrics(classes: readonly ClassStats[]): Metric[] {
  const rows = (numberOf: (of: ClassStats) => number): readonly Row[] =>
    classes.map((each) => [{ class: each.class, block_bytes: each.blockBytes }, numberOf(each)]);
  return [
    ['class_slabs', 'gauge', 'Slabs of a size class.', rows((of) => of.slabs)],
    ['class_committed_bytes', 'gauge', 'Memory of the slabs of a size class.', rows((of) => of.committedBytes)],
    ['class_capacity_blocks', 'gauge', 'Blocks that the slabs of a size class hold.', rows((of) => of.capacityBlocks)],
    ['class_live_blocks', 'gauge', 'Live blocks of a size class.', rows((of) => of.liveBlocks)],
    ...callMetrics('class_', rows),
  ];
}

function workerMetrics(workers: readonly WorkerStats[]): Metric[] {
  const rows = (numberOf: (of: WorkerStats) => number): readonly Row[] =>
    workers.map((each) => [{ worker: each.workerId, state: each.state }, numberOf(each)]);
  return [
    ['worker_slabs', 'gauge', 'Slabs that a worker owns.', rows((of) => of.slabs)],
    ['worker_committed_bytes', 'gauge', 'Memory of the slabs that a worker owns.', rows((of) => of.committedBytes)],
    ['worker_live_blocks', 'gauge', 'Live blocks in slabs that a worker owns.', rows((of) => of.liveBlocks)],
    ['worker_cached_blocks', 'gauge', 'Free blocks in the caches of a worker.', rows((of) => of.cachedBlocks)],
    [
      'worker_remote_frees_pending',
      'gauge',
      'Blocks of a worker that others freed and it has not brought home.',
      rows((of) => of.remoteFreesPending),
    ],
    ...callMetrics('worker_', rows),
  ];
}

function segmentMetrics(segments: readonly SegmentStats[]): Metric[] {
  const rows = (numberOf: (of: SegmentStats) => number): readonly Row[] =>
    segments.map((each) => [{ address: each.address }, numberOf(each)]);
  return [
    ['segment_slab_bytes', 'gauge', 'Memory of slabs in a segment.', rows((of) => of.slabBytes)],
    ['segment_span_bytes', 'gauge', 'Memory of spans in a segment.', rows((of) => of.spanBytes)],
    ['segment_free_bytes', 'gauge', 'Unclaimed memory in a segment.', rows((of) => of.freeBytes)],
    [
      'segment_metadata_bytes',
      'gauge',
      'Memory of tables and control blocks in a segment.',
      rows((of) => of.metadataBytes),
    ],
    ['segment_live_bytes', 'gauge', 'Memory of live blocks in a segment.', rows((of) => of.liveBytes)],
  ];
}

const escaped = (value: string | number): string =>
  String(value).replace(/[\\"\n]/g, (letter) => (letter === '\n' ? '\\n' : `\\${letter}`));

function labelled(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

/**
 * Statistics in the text format of Prometheus (version 0.0.4). Names begin with `sabmalloc_` and end in their base unit, or
 * in `_total` if they only rise. `labels` are put on every row, as `{ heap: 'textures' }` where there are several heaps.
 */
export function prometheusText(stats: HeapStats, labels: Readonly<Record<string, string>> = {}): string {
  const metrics = [
    ...heapMetrics(stats),
    ...classMetrics(stats.classes),
    ...workerMetrics(stats.workers),
    ...segmentMetrics(stats.segments),
  ];
  const blocks = metrics.map(([name, kind, help, rows]) => {
    const full = `sabmalloc_${name}`;
    const lines = rows.map(([own, value]) => `${full}${labelled({ ...labels, ...own })} ${value}`);
    return [`# HELP ${full} ${help}`, `# TYPE ${full} ${kind}`, ...lines].join('\n');
  });
  return `${blocks.join('\n')}\n`;
}
