import { gunzipSync } from 'node:zlib';
import { type CreateOptions, Heap } from '../index.js';
import { alignmentOf, decodeTrace, TraceOp, type Trace } from '../trace/index.js';
import { type PageData, type Picture, type Sample, sampleOf } from './page-data.js';
import { InspectError } from './snapshot-text.js';

const SAMPLES = 240;

function readTrace(title: string, file: Uint8Array): Trace {
  try {
    return decodeTrace(gunzipSync(file), title);
  } catch (error) {
    throw new InspectError(`it is no trace: ${(error as Error).message}`);
  }
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
    const isNew = op !== TraceOp.FREE && op !== TraceOp.REALLOC;
    const slot = isNew ? (this.vacant.pop() ?? this.sizes.length) : slotOf[event];
    this.wantedBytes += sizes[event] - (isNew ? 0 : this.sizes[slot]);
    this.sizes[slot] = sizes[event];
    if (op === TraceOp.FREE) this.vacant.push(slot);
    if (this.heap !== undefined) this.addresses[slot] = this.call(this.heap, op, event, this.addresses[slot]);
  }

  private call(heap: Heap, op: number, event: number, address: number): number {
    const bytes = this.trace.sizes[event];
    if (op === TraceOp.FREE) heap.free(address);
    if (op === TraceOp.FREE) return 0;
    if (op === TraceOp.REALLOC) return heap.realloc(address, bytes);
    if (op === TraceOp.CALLOC) return heap.calloc(bytes);
    return op === TraceOp.MALLOC ? heap.malloc(bytes) : heap.malloc(bytes, alignmentOf(this.trace.ops[event]));
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
  const trace = readTrace(title, file);
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
