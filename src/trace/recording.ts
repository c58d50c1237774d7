import { TraceOp } from '../layout/format.js';
import { TraceEventWord } from '../layout/offsets.generated.js';
import { TRACE_THREADS, type Trace } from './format.js';

/** A trace, and what was missing when it was made of events. */
export interface Recording {
  readonly trace: Omit<Trace, 'name'>;
  /** Workers that made an event. The format tells 256 apart; later ones share their numbers. */
  readonly workers: number;
  /** Events between the first and the last that are not there: dropped by full rings, or lost with a process. */
  readonly lostEvents: number;
  /** Frees and reallocs left out, or made allocations, because the block's allocation is not there. */
  readonly unknownBlocks: number;
  /** Blocks freed without an event, because their place was allocated again. */
  readonly impliedFrees: number;
}

/** All whole events: a part may end in the midst of one, where its writer was killed. */
function joined(parts: readonly Uint32Array[]): Uint32Array {
  const whole = parts.map((part) => part.subarray(0, part.length - (part.length % TraceEventWord.WORDS)));
  const events = new Uint32Array(whole.reduce((words, { length }) => words + length, 0));
  whole.reduce((at, part) => (events.set(part, at), at + part.length), 0);
  return events;
}

/** Word index of each event by its number, each number once. */
function inOrder(events: Uint32Array): Uint32Array {
  const count = events.length / TraceEventWord.WORDS;
  const keys = new BigUint64Array(count);
  const halves = new Uint32Array(keys.buffer);
  for (let event = 0; event < count; event++) {
    halves[2 * event] = event * TraceEventWord.WORDS;
    halves[2 * event + 1] = events[event * TraceEventWord.WORDS + TraceEventWord.NUMBER];
  }
  keys.sort();
  let distinct = 0;
  const order = new Uint32Array(count);
  for (let event = 0; event < count; event++)
    if (event === 0 || halves[2 * event + 1] !== halves[2 * event - 1]) order[distinct++] = halves[2 * event];
  return order.subarray(0, distinct);
}

/** Writes events of a trace, keeping the slots as readers do. */
class Writer {
  readonly ops: Uint16Array;
  readonly slotOf: Uint32Array;
  readonly sizes: Uint32Array;
  events = 0;
  slots = 0;
  peakLiveBytes = 0;
  peakLiveBlocks = 0;
  private liveBytes = 0;
  private readonly free: number[] = [];
  private readonly slotAt = new Map<number, number>();
  private readonly bytesIn: number[] = [];

  constructor(most: number) {
    this.ops = new Uint16Array(most);
    this.slotOf = new Uint32Array(most);
    this.sizes = new Uint32Array(most);
  }

  isLive(address: number): boolean {
    return this.slotAt.has(address);
  }

  allocated(op: number, thread: number, address: number, bytes: number): void {
    const slot = this.free.pop() ?? this.slots++;
    this.place(slot, address, bytes);
    this.write(op, thread, 0, bytes);
  }

  moved(thread: number, from: number, to: number, bytes: number): void {
    const slot = this.slotAt.get(from)!;
    this.liveBytes -= this.bytesIn[slot];
    this.slotAt.delete(from);
    this.place(slot, to, bytes);
    this.write(TraceOp.REALLOC, thread, slot, bytes);
  }

  freed(thread: number, address: number): void {
    const slot = this.slotAt.get(address)!;
    this.liveBytes -= this.bytesIn[slot];
    this.slotAt.delete(address);
    this.free.push(slot);
    this.write(TraceOp.FREE, thread, slot, 0);
  }

  private place(slot: number, address: number, bytes: number): void {
    this.slotAt.set(address, slot);
    this.bytesIn[slot] = bytes;
    this.liveBytes += bytes;
    this.peakLiveBytes = Math.max(this.peakLiveBytes, this.liveBytes);
    this.peakLiveBlocks = Math.max(this.peakLiveBlocks, this.slotAt.size);
  }

  private write(op: number, thread: number, slot: number, bytes: number): void {
    this.ops[this.events] = op | (thread << 8);
    this.slotOf[this.events] = slot;
    this.sizes[this.events] = bytes;
    this.events++;
  }
}

/**
 * The trace of these events, six words each (TraceEventWord), in any order, also twice. Events may be missing: then blocks
 * of unknown origin are left out, and places that are allocated again are freed before.
 */
export function recordingOf(parts: readonly Uint32Array[]): Recording {
  const events = joined(parts);
  const order = inOrder(events);
  const threads = new Map<number, number>();
  // At worst each event frees a block by implication.
  const writer = new Writer(2 * order.length);
  let [unknownBlocks, impliedFrees] = [0, 0];
  for (const at of order) {
    const field = (word: TraceEventWord): number => events[at + word];
    const op = field(TraceEventWord.OP);
    const [address, from, bytes] = [TraceEventWord.ADDRESS, TraceEventWord.FROM, TraceEventWord.BYTES].map(field);
    const worker = field(TraceEventWord.WORKER);
    if (!threads.has(worker)) threads.set(worker, threads.size);
    const thread = threads.get(worker)! % TRACE_THREADS;
    const kind = op & TraceOp.MASK;
    const named = kind === TraceOp.FREE ? address : kind === TraceOp.REALLOC ? from : 0;
    if (named !== 0 && !writer.isLive(named)) unknownBlocks++;
    if (kind === TraceOp.FREE) {
      if (writer.isLive(address)) writer.freed(thread, address);
      continue;
    }
    if (address !== named && writer.isLive(address)) {
      impliedFrees++;
      writer.freed(thread, address);
    }
    if (kind !== TraceOp.REALLOC) writer.allocated(op, thread, address, bytes);
    else if (writer.isLive(from)) writer.moved(thread, from, address, bytes);
    else writer.allocated(TraceOp.MALLOC, thread, address, bytes);
  }
  const numberAt = (place: number): number => events[order[place] + TraceEventWord.NUMBER];
  const last = order.length - 1;
  return {
    trace: finished(writer, Math.min(threads.size, TRACE_THREADS)),
    workers: threads.size,
    lostEvents: last < 0 ? 0 : numberAt(last) - numberAt(0) - last,
    unknownBlocks,
    impliedFrees,
  };
}

function finished(writer: Writer, threads: number): Recording['trace'] {
  const { events, slots, peakLiveBytes, peakLiveBlocks, ops, slotOf, sizes } = writer;
  return {
    events,
    threads,
    slots,
    peakLiveBytes,
    peakLiveBlocks,
    ops: ops.slice(0, events),
    slotOf: slotOf.slice(0, events),
    sizes: sizes.slice(0, events),
  };
}
