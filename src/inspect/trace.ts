import { gunzipSync } from 'node:zlib';
import { type CreateOptions, Heap } from '../index.js';
import { type PageData, type Picture, type Sample, sampleOf } from './page-data.js';
import { InspectError } from './snapshot-text.js';

/** Operations of a recorded trace. */
const FREE = 5;
const REALLOC = 3;
const CALLOC = 2;

const HEADER_BYTES = 32;
const SAMPLES = 240;

interface Trace {
  readonly events: number;
  /** Operation, log2 of the alignment from bit 3 on, thread from bit 8 on. */
  readonly ops: Uint16Array;
  readonly slotOf: Uint32Array;
  readonly sizes: Uint32Array;
}

function unpack(file: Uint8Array): Buffer {
  try {
    return gunzipSync(file);
  } catch (error) {
    throw new InspectError(`it is no trace: it can't be unpacked as gzip (${(error as Error).message})`);
  }
}

function readTrace(file: Uint8Array): Trace {
  const bytes = unpack(file);
  if (bytes.length < HEADER_BYTES || bytes.toString('latin1', 0, 4) !== 'MTR1')
    throw new InspectError('it is no trace: it does not begin with MTR1');
  const events = bytes.readUInt32LE(4);
  const slotsAt = (HEADER_BYTES + events * 2 + 3) & ~3;
  const end = slotsAt + events * 8;
  if (bytes.length < end)
    throw new InspectError(`it is cut short: ${bytes.length} bytes, but ${events} events take ${end}`);
  const column = (from: number, size: number): ArrayBuffer => new Uint8Array(bytes.subarray(from, from + size)).buffer;
  return {
    events,
    ops: new Uint16Array(column(HEADER_BYTES, events * 2)),
    slotOf: new Uint32Array(column(slotsAt, events * 4)),
    sizes: new Uint32Array(column(slotsAt + events * 4, events * 4)),
  };
}

/** Makes the calls of a trace one by one. */
class Replay {
  private readonly addresses: number[] = [];
  private readonly sizes: number[] = [];
  private readonly vacant: number[] = [];
  /** Bytes that the program has asked for and not freed. */
  wantedBytes = 0;

  constructor(
    private readonly trace: Trace,
    private readonly heap: Heap | undefined,
  ) {}

  step(event: number): void {
    const { ops, slotOf, sizes } = this.trace;
    const op = ops[event] & 7;
    const isNew = op !== FREE && op !== REALLOC;
    const slot = isNew ? (this.vacant.pop() ?? this.sizes.length) : slotOf[event];
    this.wantedBytes += sizes[event] - (isNew ? 0 : this.sizes[slot]);
    this.sizes[slot] = sizes[event];
    if (op === FREE) this.vacant.push(slot);
    if (this.heap !== undefined) this.addresses[slot] = this.call(this.heap, op, event, this.addresses[slot]);
  }

  private call(heap: Heap, op: number, event: number, address: number): number {
    const bytes = this.trace.sizes[event];
    if (op === FREE) heap.free(address);
    if (op === FREE) return 0;
    if (op === REALLOC) return heap.realloc(address, bytes);
    return op === CALLOC ? heap.calloc(bytes) : heap.malloc(bytes, 2 ** ((this.trace.ops[event] >>> 3) & 31) || 16);
  }
}

/** The event after which the program wanted most bytes. */
function peakOf(trace: Trace): number {
  const replay = new Replay(trace, undefined);
  let peak = { event: 0, bytes: -1 };
  for (let event = 0; event < trace.events; event++) {
    replay.step(event);
    if (replay.wantedBytes > peak.bytes) peak = { event, bytes: replay.wantedBytes };
  }
  return peak.event;
}

/**
 * Replays a recorded trace (`.bin.gz`, all its threads as one) on a heap of its own: a page with the time line and the heap at
 * the peak and at the end. Throws InspectError for what is no trace, and what the heap throws.
 */
export function pageOfTrace(title: string, file: Uint8Array, options: CreateOptions = {}): PageData {
  const trace = readTrace(file);
  if (trace.events === 0) throw new InspectError('it has no events');
  const heap = Heap.create(options);
  const replay = new Replay(trace, heap);
  const every = Math.max(1, Math.floor(trace.events / SAMPLES));
  const peak = peakOf(trace);
  const samples: Sample[] = [sampleOf(0, heap.stats())];
  const pictures: Picture[] = [];
  for (let event = 0; event < trace.events; event++) {
    replay.step(event);
    const isLast = event === trace.events - 1;
    if (event % every === every - 1 || isLast || event === peak) samples.push(sampleOf(event + 1, heap.stats()));
    if (event === peak) pictures.push({ label: 'at the peak', at: event + 1, snapshot: heap.snapshot() });
    if (isLast) pictures.push({ label: 'at the end', at: event + 1, snapshot: heap.snapshot() });
  }
  heap.detach();
  return { title, pictures, timeline: { unit: 'events', samples } };
}
