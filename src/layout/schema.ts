/**
 * The schema of every record in shared memory: the one place from which the offsets (`offsets.generated.ts`), the layout
 * fingerprint and `docs/LAYOUT.md` come. All fields are 32-bit words. Geometry and vocabulary: geometry.ts.
 *
 * How a field may be touched:
 * - `atomic`: by several workers, only through `#atomics`; its name starts with `X_`.
 * - `owner`: plain loads and stores of one worker at a time. Ownership passes on through an atomic field of the same
 *   record, so the next owner sees everything the last one stored before.
 * - `once`: written before the record is published by an atomic store, read-only afterwards.
 */
export type Sync = 'atomic' | 'owner' | 'once';

export interface FieldSpec {
  readonly name: string;
  readonly sync: Sync;
  /** Who stores it. */
  readonly writer: string;
  readonly doc: string;
  /** Words it takes, 1 unless said. */
  readonly words?: number;
}

export interface RecordSpec {
  readonly name: string;
  readonly doc: string;
  readonly fields: readonly FieldSpec[];
  /** Size of the record in words, at least the sum of its fields; unused words are reserved and zero. */
  readonly words: number;
}

const once = (name: string, writer: string, doc: string, words = 1): FieldSpec => ({
  name,
  sync: 'once',
  writer,
  doc,
  words,
});
const owner = (name: string, doc: string): FieldSpec => ({ name, sync: 'owner', writer: 'owner', doc });
const holder = (name: string, doc: string): FieldSpec => ({ name, sync: 'owner', writer: 'holder of the block', doc });
const atomic = (name: string, writer: string, doc: string, words = 1): FieldSpec => ({
  name,
  sync: 'atomic',
  writer,
  doc,
  words,
});

export const HEADER: RecordSpec = {
  name: 'HeaderWord',
  doc: 'Start of the region. Everything a worker must know to attach.',
  words: 128,
  fields: [
    atomic('X_MAGIC', 'creator', 'Magic number; stored last, so whoever reads it sees a complete header.'),
    once('FORMAT_VERSION', 'creator', 'Version of the format of the region.'),
    once('LAYOUT_HASH', 'creator', 'Fingerprint of this schema.'),
    once('GEOMETRY_HASH', 'creator', 'Fingerprint of the geometry and the size classes.'),
    once('HEAP_ID', 'creator', 'Random number that names this heap.', 4),
    once('REGION_SLICES', 'creator', 'Slices of the whole region when fully grown.'),
    once('HEAD_SLICES', 'creator', 'Slices taken by the header and the tables behind it.'),
    once('BASE_SLICE', 'creator', 'Where in the buffer the region begins, in slices.'),
    once('OPTIONS_HASH', 'creator', 'Fingerprint of the option words.'),
    atomic('X_LIMIT', 'any worker', 'Slices that exist so far: grows, never shrinks. Publishes the growth.'),
    atomic(
      'X_COMMITTED',
      'any worker',
      'Slices claimed by slabs, spans and metadata; for the peak. Kills may leave it a few off until the next reclaim; the bitmap is exact.',
    ),
    atomic('X_PEAK_COMMITTED', 'any worker', 'Largest X_COMMITTED so far.'),
    atomic('X_ABANDONED_LOW', 'any worker', 'Hint, a bit a class (0-31): there may be abandoned slabs of it.'),
    atomic('X_ABANDONED_HIGH', 'any worker', 'The same for classes 32-63.'),
    atomic('X_DEAD', 'any worker', 'Hint: some slot may be dead and not wholly reclaimed.'),
    atomic('X_GROWTHS', 'any worker', 'Times the region grew.'),
    atomic('X_ADOPTIONS', 'any worker', 'Slabs adopted from workers that left or died.'),
    atomic('X_RECLAIMS', 'any worker', 'Slots whose part of the heap was taken over.'),
    atomic('X_DAMAGES', 'any worker', 'Blocks found overwritten, past their end or after they were freed.'),
    atomic(
      'X_TRACE_CLOCK',
      'any worker',
      'Number of the next traced event, modulo 2^32: the order of the events of all workers.',
    ),
    atomic(
      'X_HANDLES',
      'any worker',
      'First slice of the newest chunk of the handle table; 0 before there is one. Chunks are put in front and never go.',
    ),
    once('OPTIONS', 'creator', 'The heap-wide options, in the order of the options table.', 40),
  ],
};

export const SLOT: RecordSpec = {
  name: 'SlotWord',
  doc: 'One worker slot of the registry.',
  words: 16,
  fields: [
    atomic(
      'X_THREAD',
      'attaching worker, reclaimer',
      'Thread holding the slot: its tag, or minus the tag of the reserver; 0 is free. Claimed by compare-and-swap, so a worker killed inside attach can be named.',
    ),
    atomic('X_STATE', 'attaching worker, reclaimer', 'Bits 0-2 state, 3-12 slot that reclaims it, 13-31 generation.'),
    atomic('X_CONTROL', 'owner, reclaimer', "First slice of the worker's control block; 0 before there is one."),
    atomic(
      'X_JOURNAL_START',
      'owner, reclaimer',
      'Bits 0-19 first slice of the run being claimed or released, 0 when none is; above, how often the journal was opened, so that a reclaimer sees changes.',
    ),
    atomic('X_JOURNAL_COUNT', 'owner', 'Slices of that run.'),
    atomic(
      'X_INTENT',
      'owner',
      'Head slice of the slab this worker is about to put on a remote-free queue; 0 when none.',
    ),
    atomic(
      'X_QUEUE',
      'any worker',
      "Treiber stack of the owner's slabs with remote frees: head slice of the first, 0 when empty.",
    ),
    atomic('X_PROBE', 'owner', 'Scratch word: proves that two SharedArrayBuffer objects are the same memory.'),
  ],
};

export const SLICE: RecordSpec = {
  name: 'SliceWord',
  doc: 'Descriptor of one slice. Only HEAD is used in slices that do not begin a slab or span.',
  words: 8,
  fields: [
    once('HEAD', 'claimer', 'Slice that begins the slab or span this slice belongs to.'),
    atomic(
      'X_STATE',
      'owner, freeing and adopting workers',
      'Bits 0-5 kind (class of a slab, or span, control), 6-15 owner slot (0 nobody; a control block of nobody holds handles), 16-31 dirty: two slices a bit with remote frees to drain. 0: no slab or span begins here.',
    ),
    atomic(
      'X_NEXT',
      'the worker that made X_STATE dirty',
      'Next slab on the remote-free queue. Written only between making the slab dirty and putting it on the queue.',
    ),
    atomic('X_COUNT', 'claimer, worker that resizes a span', 'Slices of this slab or span.'),
    owner(
      'FREE_BLOCKS',
      'Of a slab: blocks neither live nor in a cache, capacity - live - cached. Of a span: the worker id that allocated it; with headers `full`, negative until it has one.',
    ),
    owner('PREVIOUS', 'Slab before this one in the list of slabs with free blocks; 0 at its head.'),
    owner('NEXT', 'Slab after this one in that list; 0 at its end.'),
    owner('CURSOR', 'Where the next refill begins to look for free blocks.'),
  ],
};

export const CACHE: RecordSpec = {
  name: 'CacheWord',
  doc: "One size class in a worker's control block; the stack of cached blocks follows right behind it, the newest last.",
  words: 12,
  fields: [
    owner('COUNT', 'Cached blocks.'),
    owner('CAPACITY', 'Most blocks the stack may hold. 0 sends every free to the slow path.'),
    owner('HITS', 'Allocations served by the stack, as far as profileLevel counts them.'),
    owner('MISSES', 'Allocations that found the stack empty.'),
    owner('SPILLS', 'Frees that found the stack full.'),
    owner('FREES', 'Blocks that this worker freed, as far as profileLevel counts them.'),
    owner('REMOTE_FREES', 'Blocks of other workers that this worker freed.'),
    owner('SLABS', 'First slab in the list of slabs with free blocks; 0 when none.'),
    owner('SLAB_SLICES', 'Slices of all slabs of this class that this worker owns.'),
    owner('EMPTY_SLABS', 'Slabs of this class kept although they have no live block.'),
    owner('RING_HEAD', 'Magazine: position of the oldest block.'),
    owner('RING_COUNT', 'Magazine: blocks in it.'),
  ],
};

export const TRAILER: RecordSpec = {
  name: 'TrailerWord',
  doc: 'At the end of every block, with headers `full`. It outlives the block until its memory is allocated again, and then tells who freed it.',
  words: 8,
  fields: [
    holder('CHECK', 'Hash of the other words and of the address: the first thing that a write past the end destroys.'),
    holder('BYTES', 'Bytes that were asked for.'),
    holder('SERIAL', 'Number of the allocation among those of its worker.'),
    holder('ALLOCATED_BY', 'Worker id.'),
    holder('ALLOCATED_AT', 'Place in the program, a number of the table of call sites; 0 for none recorded.'),
    atomic(
      'X_FREED_BY',
      'whoever frees the block',
      'Worker id; 0 while the block is live, and negative from when that worker has begun to free it until it is free: of several that free it at once, the one that enters itself goes on.',
    ),
    holder('FREED_AT', 'Place in the program.'),
    atomic(
      'X_STATE',
      'holder, whoever frees or adopts the block',
      'Byte that fills the block: what happened to it last.',
    ),
  ],
};

export const TEXTS: RecordSpec = {
  name: 'TextsWord',
  doc: 'Head of a table of texts that only grows: definitions of structs, and call sites where callSiteEvery is not 0. Behind it one word for each text: where it begins; behind those the texts.',
  words: 2,
  fields: [
    atomic('X_USED', 'any worker', 'Words of the texts given out so far.'),
    atomic('X_LOST', 'any worker', 'Texts that found the table full.'),
  ],
};

export const GONE: RecordSpec = {
  name: 'GoneWord',
  doc: 'What workers that are gone counted for one size class, modulo 2^32.',
  words: 8,
  fields: [
    atomic('X_HITS', 'reclaimer', 'Their HITS.'),
    atomic('X_MISSES', 'reclaimer', 'Their MISSES.'),
    atomic('X_SPILLS', 'reclaimer', 'Their SPILLS.'),
    atomic('X_FREES', 'reclaimer', 'Their FREES.'),
    atomic('X_REMOTE_FREES', 'reclaimer', 'Their REMOTE_FREES.'),
  ],
};

export const TRACE_RING: RecordSpec = {
  name: 'TraceRingWord',
  doc: "A worker slot's trace ring; its events follow right behind it. Numbers count modulo 2^32.",
  words: 16,
  fields: [
    atomic('X_WRITTEN', 'holder of the slot', 'Events written so far. Publishes them.'),
    atomic(
      'X_DRAINED',
      'any worker',
      'Events taken out so far, by compare-and-swap; their places may be written again.',
    ),
    atomic('X_DROPPED', 'holder of the slot', 'Events that found the ring full.'),
  ],
};

export const TRACE_EVENT: RecordSpec = {
  name: 'TraceEventWord',
  doc: 'One event of a trace ring. The holder of the slot writes it before X_WRITTEN publishes it; nobody does while it waits to be drained.',
  words: 6,
  fields: [
    owner(
      'NUMBER',
      'Place among the events of all workers. That of an allocation is taken when it has the block, that of a free while it still has it.',
    ),
    owner('OP', 'Bits 0-2 operation, numbered as in trace files; 3-7 log2 of the alignment asked for.'),
    owner('ADDRESS', 'The block, after the call; of a free, the block that goes.'),
    owner('FROM', 'Of a realloc, where the block was; else 0.'),
    owner('BYTES', 'Asked for; 0 for a free.'),
    owner('WORKER', 'Worker id.'),
  ],
};

export const HANDLE_CHUNK: RecordSpec = {
  name: 'HandleChunkWord',
  doc: 'Head of a chunk of the handle table: a control block of one slice that belongs to no slot. Records of handles fill the rest of it, each as long as this head, which is number 0.',
  words: 8,
  fields: [
    once('NEXT', 'worker that adds the chunk', 'First slice of the chunk that was the newest before; 0 for none.'),
    atomic(
      'X_TAKEN',
      'any worker',
      "A bit for each record of the chunk that is somebody's: set before it is written, cleared when its object is gone.",
      4,
    ),
  ],
};

export const HANDLE: RecordSpec = {
  name: 'HandleWord',
  doc: 'One shared object. The fields behind X_EPOCH are written by who took the record, before X_STATE publishes them.',
  words: 8,
  fields: [
    atomic(
      'X_STATE',
      'any worker',
      'Bits 0-15 holders, 0 when the object is gone; 16-31 the lower half of the generation.',
    ),
    atomic('X_EPOCH', 'sharing worker', 'The upper half of the generation.'),
    atomic('X_BLOCK', 'sharing worker', 'Address of the block that the last release frees; 0 for a sub-heap.'),
    atomic('X_ADDRESS', 'sharing worker', 'Where the object begins in it.'),
    atomic(
      'X_TYPE',
      'sharing worker',
      'What it is: a kind of typed array, a sub-heap, or 256 and the number of the text that names its type.',
    ),
    atomic(
      'X_LENGTH',
      'sharing worker; of a sub-heap, who drops it',
      'Its length, in elements. Of a sub-heap, with bit 31 set: the generation while nobody drops it, and then, with bit 30 set too, the worker id of who does; 0 when it is empty.',
    ),
    atomic('X_ALLOCATION', 'sharing worker', 'Which allocation the block was, with headers `full`; else 0.'),
    atomic(
      'X_TOP',
      'any worker',
      'Of a sub-heap: address of its newest block, whose first word has that of the one before; bit 0: it takes no more.',
    ),
  ],
};

export const RECORDS: readonly RecordSpec[] = [
  HEADER,
  SLOT,
  SLICE,
  CACHE,
  GONE,
  TRACE_RING,
  TRACE_EVENT,
  TRAILER,
  TEXTS,
  HANDLE_CHUNK,
  HANDLE,
];

/** Word offset of each field, in the order of the schema. */
export function offsetsOf(record: RecordSpec): readonly { field: FieldSpec; offset: number }[] {
  let next = 0;
  return record.fields.map((field) => {
    const offset = next;
    next += field.words ?? 1;
    return { field, offset };
  });
}

/** Text that goes into the layout fingerprint: any change of a name, an order or a size changes it. */
export function layoutText(): string {
  return RECORDS.map(
    (record) =>
      `${record.name}:${record.words}:` +
      offsetsOf(record)
        .map(({ field, offset }) => `${field.name}@${offset}:${field.sync}`)
        .join(','),
  ).join(';');
}
