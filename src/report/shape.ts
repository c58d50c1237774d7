/** What is counted, of a class, of a worker, or of the whole heap. Numbers since the heap was made, modulo 2^32. */
export interface CallCounts {
  /** Allocations that a cache served; from profileLevel 1 on, 0 below. */
  cacheHits: number;
  /** Allocations that found their cache empty. */
  cacheMisses: number;
  /** Frees that found their cache full. */
  cacheSpills: number;
  /** Blocks freed; from profileLevel 1 on, 0 below. */
  frees: number;
  /** Those of them that were of another worker, at any profileLevel. */
  remoteFrees: number;
}

export interface ClassStats extends CallCounts {
  readonly class: number;
  readonly blockBytes: number;
  slabs: number;
  committedBytes: number;
  capacityBlocks: number;
  liveBlocks: number;
  remoteFreesPending: number;
  /** Freed blocks that workers hold back (option quarantineBytes). */
  quarantinedBlocks: number;
}

/** What a worker holds and did. Those that are gone are in the counts of classes and of the heap only. */
export interface WorkerStats extends CallCounts {
  readonly workerId: number;
  readonly slot: number;
  readonly state: string;
  slabs: number;
  committedBytes: number;
  liveBlocks: number;
  cachedBlocks: number;
  remoteFreesPending: number;
}

/** One segment of 4 MiB: `slabBytes + spanBytes + freeBytes + metadataBytes = reservedBytes`. */
export interface SegmentStats {
  /** Of its first byte. */
  readonly address: number;
  readonly reservedBytes: number;
  /** Slabs and spans that begin here; their bytes may lie in the next segments too. */
  slabs: number;
  spans: number;
  slabBytes: number;
  spanBytes: number;
  freeBytes: number;
  /** Tables, also those parts of them that nothing needs yet, and control blocks. */
  metadataBytes: number;
  /** Of blocks that begin here, and of spans what lies here. */
  liveBytes: number;
}

/** What `heap.stats()` returns: a plain object, JSON-serialisable. Exact when the workers are at rest. */
export interface HeapStats extends Readonly<CallCounts> {
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
  /** How cacheHits and frees are counted: not at all, estimated without bias from samples, or one by one. */
  readonly counting: 'none' | 'sampled' | 'exact';
  /** Calls that each counted one stands for: 0 for none, 1 for exact. */
  readonly sampleEvery: number;
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
    /** Blocks allocated and freed that no slab serves. */
    readonly largeAllocations: number;
    readonly largeFrees: number;
    /** Events that trace rings took, and those that found them full. */
    readonly tracedEvents: number;
    readonly droppedEvents: number;
  };
  /** Classes that have slabs, or had. */
  readonly classes: readonly ClassStats[];
  readonly workers: readonly WorkerStats[];
  readonly segments: readonly SegmentStats[];
}
