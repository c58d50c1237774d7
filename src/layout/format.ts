import { fingerprint } from '../base/bits.js';
import { CLASS_BYTES } from './classes.js';
import { geometryText } from './geometry.js';
import { layoutText } from './schema.js';

/** "SABM", little-endian. */
export const MAGIC = 0x4d424153;
/** Raised with every change that makes old regions unreadable. */
export const FORMAT_VERSION = 1;
export const LAYOUT_HASH: number = fingerprint(layoutText());
export const GEOMETRY_HASH: number = fingerprint(geometryText(CLASS_BYTES));

/**
 * What a slice holds: the low bits of its word in the slice map and of its descriptor's X_STATE.
 * 1 .. Classes.COUNT mean "slab of that class".
 */
export const enum Kind {
  NONE = 0,
  CONTROL = 60,
  SPAN = 61,
  /** A span that its holder is resizing at this moment. */
  SPAN_BUSY = 62,
  HEAD = 63,
  MASK = 63,
  /** In the slice map only: the slice is free now, and this is what it was. Tells a double free from a wild one. */
  WAS = 64,
}

/** Fields inside the words of the slice map. */
export const enum MapBits {
  OWNER_SHIFT = 8,
  /** Local frees know their own slabs by `(map ^ tag) < KINDS`, tag being `slot << OWNER_SHIFT`. */
  KINDS = 64,
}

/** Fields inside X_STATE of a slice descriptor. */
export const enum StateBits {
  OWNER_SHIFT = 6,
  OWNER_MASK = 1023,
  /** Kind and owner together. */
  IDENTITY_MASK = 0xffff,
  DIRTY_SHIFT = 16,
  /** One dirty bit stands for this many slices, as a shift. */
  DIRTY_SLICES_SHIFT = 1,
}

/** Fields inside X_JOURNAL_START of a worker slot. */
export const enum JournalBits {
  /** First slice; 0 for a closed journal. */
  START_MASK = 0xfffff,
  /** One opening, in the number of openings above it. */
  NUMBER = 0x100000,
}

/** Fields inside X_STATE of a worker slot. */
export const enum SlotBits {
  STATE_MASK = 7,
  CLAIMANT_SHIFT = 3,
  CLAIMANT_MASK = 1023,
  GENERATION_SHIFT = 13,
}

/** Operations of traced events, as in trace files, and where the alignment of MEMALIGN lies above them. */
export const enum TraceOp {
  MALLOC = 1,
  CALLOC,
  REALLOC,
  MEMALIGN,
  FREE,
  MASK = 7,
  ALIGN_SHIFT = 3,
  ALIGN_MASK = 31,
}

/** profileLevel of the options table. */
export const enum ProfileLevel {
  NONE = 0,
  SAMPLED,
  EXACT,
  TRACED,
}

export const enum SlotState {
  FREE = 0,
  RESERVED = 1,
  ATTACHING = 2,
  LIVE = 3,
  DEAD = 4,
  RECLAIMING = 5,
  /** Dead by somebody's word: like DEAD, but the worker may be alive, so its control block stays. */
  SILENCED = 6,
  /** The same while it is reclaimed. */
  SILENCING = 7,
}

/** A worker id is `generation << ID_SLOT_BITS | slot`. */
export const enum WorkerIdBits {
  SLOT_BITS = 10,
  SLOT_MASK = 1023,
}

/** Fields inside X_STATE of a handle's record. */
export const enum HandleBits {
  HOLDERS_MASK = 0xffff,
  TAG_SHIFT = 16,
}

/** Fields inside X_LENGTH of a sub-heap's record: first its generation, later the worker that drops it, 0 when all is done. */
export const enum DropBits {
  IS_OPEN = 1 << 31,
  IS_DROPPED = 3 << 30,
  WORKER_MASK = 0x1fffffff,
}

/** Fields inside X_TOP of a sub-heap's record. */
export const enum TopBits {
  CLOSED = 1,
}

/** A handle is `generation * HANDLE_RECORDS + record`, where record is its record's address in units of 32 bytes: 26 and 27 bits. */
export const HANDLE_RECORDS = 0x8000000;
export const HANDLE_RECORD_SHIFT = 5;
/** A record that has had so many objects is used no more, so no handle ever names a second one. */
export const HANDLE_GENERATION_MAX = 0x3ffffff;
