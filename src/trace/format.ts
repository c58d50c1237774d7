import { TraceOp } from '../layout/format.js';

/** What a program allocated and freed, in order: the contents of a trace file, which bench/traces/README.md describes. */
export interface Trace {
  readonly name: string;
  readonly events: number;
  readonly threads: number;
  readonly slots: number;
  /** As asked for, not as allocated. */
  readonly peakLiveBytes: number;
  readonly peakLiveBlocks: number;
  /** Operation, log2 of the alignment from bit 3 on, thread from bit 8 on. */
  readonly ops: Uint16Array;
  /** The slot a realloc or free names; allocations are resolved by a stack of free slots. */
  readonly slotOf: Uint32Array;
  readonly sizes: Uint32Array;
}

/** Threads that the format tells apart. */
export const TRACE_THREADS = 256;

const HEADER_BYTES = 32;
const MAGIC = 'MTR1';

interface Places {
  readonly slotsAt: number;
  readonly sizesAt: number;
  readonly bytes: number;
}

function placesOf(events: number): Places {
  const slotsAt = (HEADER_BYTES + events * 2 + 3) & ~3;
  const sizesAt = slotsAt + events * 4;
  return { slotsAt, sizesAt, bytes: sizesAt + events * 4 };
}

/** A trace as the bytes of a file, not compressed. */
export function encodeTrace(trace: Omit<Trace, 'name'>): Uint8Array<ArrayBuffer> {
  const { events, threads, slots, peakLiveBytes, peakLiveBlocks } = trace;
  const { slotsAt, sizesAt, bytes } = placesOf(events);
  const file = new ArrayBuffer(bytes);
  new Uint8Array(file).set(Array.from(MAGIC, (letter) => letter.charCodeAt(0)));
  new Uint32Array(file, 4, 5).set([events, threads, slots, peakLiveBytes, peakLiveBlocks]);
  new Uint16Array(file, HEADER_BYTES, events).set(trace.ops);
  new Uint32Array(file, slotsAt, events).set(trace.slotOf);
  new Uint32Array(file, sizesAt, events).set(trace.sizes);
  return new Uint8Array(file);
}

/** The trace in these bytes; `name` goes into errors. Throws an Error that says why they are none. */
export function decodeTrace(file: Uint8Array, name: string): Trace {
  if (file.length < HEADER_BYTES || String.fromCharCode(...file.subarray(0, 4)) !== MAGIC)
    throw new Error(`${name} is no trace: it does not begin with ${MAGIC}`);
  // A buffer of its own, because views must be aligned and the bytes may lie anywhere.
  const { buffer } = file.slice();
  const [events, threads, slots, peakLiveBytes, peakLiveBlocks] = new Uint32Array(buffer, 4, 5);
  const { slotsAt, sizesAt, bytes } = placesOf(events);
  if (file.length < bytes)
    throw new Error(`${name} is cut short: ${file.length} bytes, but ${events} events take ${bytes}`);
  const trace: Trace = {
    name,
    events,
    threads,
    slots,
    peakLiveBytes,
    peakLiveBlocks,
    ops: new Uint16Array(buffer, HEADER_BYTES, events),
    slotOf: new Uint32Array(buffer, slotsAt, events),
    sizes: new Uint32Array(buffer, sizesAt, events),
  };
  checkEvents(trace);
  return trace;
}

/** Frees of what was never allocated would be told of the heap that replays them. */
function checkEvents({ name, events, slots, threads, ops, slotOf }: Trace): void {
  if (slots > events) throw new Error(`${name} is damaged: ${slots} slots for ${events} events`);
  const isLive = new Uint8Array(slots);
  const free: number[] = [];
  let next = 0;
  for (let event = 0; event < events; event++) {
    const op = ops[event] & TraceOp.MASK;
    const names = op === TraceOp.FREE || op === TraceOp.REALLOC;
    const slot = names ? slotOf[event] : (free.pop() ?? next++);
    const isRight = op >= TraceOp.MALLOC && op <= TraceOp.FREE && ops[event] >>> 8 < threads && slot < slots;
    if (!isRight || isLive[slot] !== Number(names))
      throw new Error(`${name} is damaged: event ${event} has operation ${ops[event]} on slot ${slot}`);
    if (op === TraceOp.FREE) free.push(slot);
    isLive[slot] = op === TraceOp.FREE ? 0 : 1;
  }
}
