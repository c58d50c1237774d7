import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** Operations of a trace; `bench/traces/README.md` describes the file. */
export enum TraceOp {
  MALLOC = 1,
  CALLOC,
  REALLOC,
  MEMALIGN,
  FREE,
}

const HEADER_BYTES = 32;
const MAGIC = 'MTR1';

export interface Trace {
  readonly name: string;
  readonly events: number;
  readonly threads: number;
  readonly slots: number;
  readonly peakLiveBytes: number;
  /** Operation, log2 of the alignment from bit 3 on, thread from bit 8 on. */
  readonly ops: Uint16Array;
  /** The slot a realloc or free names; allocations are resolved by a stack of free slots. */
  readonly slotOf: Uint32Array;
  readonly sizes: Uint32Array;
}

/** Reads the trace in a file. */
export function readTrace(path: string): Trace {
  const bytes = gunzipSync(readFileSync(path));
  if (bytes.length < HEADER_BYTES || bytes.toString('latin1', 0, 4) !== MAGIC) {
    throw new Error(`${path} is no trace: it does not begin with ${MAGIC}.`);
  }
  const events = bytes.readUInt32LE(4);
  const slotsAt = (HEADER_BYTES + events * 2 + 3) & ~3;
  const sizesAt = slotsAt + events * 4;
  if (bytes.length < sizesAt + events * 4) {
    throw new Error(`${path} is cut short: ${bytes.length} bytes, but ${events} events take ${sizesAt + events * 4}.`);
  }
  // Own buffers, because a view must be aligned and the unpacked file may lie anywhere.
  const column = (from: number, size: number): ArrayBuffer => new Uint8Array(bytes.subarray(from, from + size)).buffer;
  return {
    name: basename(path, '.bin.gz'),
    events,
    threads: bytes.readUInt32LE(8),
    slots: bytes.readUInt32LE(12),
    peakLiveBytes: bytes.readUInt32LE(16),
    ops: new Uint16Array(column(HEADER_BYTES, events * 2)),
    slotOf: new Uint32Array(column(slotsAt, events * 4)),
    sizes: new Uint32Array(column(sizesAt, events * 4)),
  };
}
