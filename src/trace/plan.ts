import { TraceOp } from '../layout/format.js';
import { type Trace } from './format.js';

/**
 * A trace, prepared for replay by several workers at once.
 *
 * An address lives in a **cell** from the event that makes it to the event that frees it. While both are of one thread
 * the cell is that thread's own. Where the next event on the block is another thread's, the address goes through a
 * **mailbox**, a cell used once: WAIT marks the event that must find it filled, PUBLISH the one that fills it. So a
 * free on another worker comes after its malloc, and nothing else makes workers wait for each other.
 */
export interface ReplayPlan {
  readonly name: string;
  readonly events: number;
  readonly peakLiveBytes: number;
  readonly sizeMin: number;
  readonly sizeMax: number;
  /** Cells 0 to `mailboxes` - 1 are mailboxes, emptied before each round. */
  readonly mailboxes: number;
  readonly cells: number;
  readonly threads: readonly ThreadPlan[];
}

/** Events of one thread in recorded order. */
export interface ThreadPlan {
  /** EVENT_WORDS for each event, all in one array: each further array would cost the replaying loop a bounds check an event. */
  readonly events: Uint32Array;
  /** Cells of blocks that live at the end: freed after each round, not measured. */
  readonly leftovers: Uint32Array;
}

/** Words of an event. */
export const enum EventWord {
  /** As in the trace, but with WAIT, PUBLISH and REPORT instead of the thread. */
  OP,
  /** Cell of the block that is freed or moved. */
  FROM,
  /** Cell for the block that is allocated. */
  TO,
  SIZE,
  /** Where the event was in the whole trace. */
  POSITION,
  WORDS,
}

/** Parts of EventWord.OP above the operation. */
export const enum OpBits {
  OP_MASK = 7,
  ALIGN_SHIFT = 3,
  ALIGN_MASK = 31,
  WAIT = 1 << 8,
  PUBLISH = 1 << 9,
  /** Now and then a thread that never waits says where it is. */
  REPORT = 1 << 10,
}

const REPORT_EVERY = 256;

/** Cells are given to threads in runs, so that two threads rarely write the same cache line. */
const CELL_RUN = 1024;

export function planReplay(trace: Trace, single: boolean): ReplayPlan {
  const threads = single ? 1 : trace.threads;
  const threadOf = Uint8Array.from(trace.ops, (op) => (single ? 0 : op >>> 8));
  const slotOf = resolveSlots(trace);
  const ops = markHandovers(trace, slotOf, threadOf);
  const cells = assignCells(trace.slots, slotOf, threadOf, ops, threads);
  return {
    name: trace.name,
    events: trace.events,
    peakLiveBytes: trace.peakLiveBytes,
    ...sizeRange(trace),
    mailboxes: cells.mailboxes,
    cells: cells.count,
    threads: Array.from({ length: threads }, (_, thread) => ({
      events: eventsOf(thread, threadOf, [ops, cells.from, cells.to, trace.sizes]),
      leftovers: Uint32Array.from(cells.leftovers[thread]),
    })),
  };
}

function eventsOf(thread: number, threadOf: Uint8Array, columns: readonly (Uint16Array | Uint32Array)[]): Uint32Array {
  const count = threadOf.reduce((sum, one) => sum + (one === thread ? 1 : 0), 0);
  const events = new Uint32Array(new SharedArrayBuffer(count * EventWord.WORDS * 4));
  let at = 0;
  for (let position = 0; position < threadOf.length; position++) {
    if (threadOf[position] !== thread) continue;
    columns.forEach((column, word) => (events[at + word] = column[position]));
    if ((at / EventWord.WORDS) % REPORT_EVERY === 0) events[at + EventWord.OP] |= OpBits.REPORT;
    events[at + EventWord.POSITION] = position;
    at += EventWord.WORDS;
  }
  return events;
}

function sizeRange(trace: Trace): { sizeMin: number; sizeMax: number } {
  let sizeMin = Infinity;
  let sizeMax = 0;
  for (let event = 0; event < trace.events; event++) {
    if ((trace.ops[event] & OpBits.OP_MASK) === TraceOp.FREE) continue;
    sizeMin = Math.min(sizeMin, trace.sizes[event]);
    sizeMax = Math.max(sizeMax, trace.sizes[event]);
  }
  return { sizeMin, sizeMax };
}

/** The slot of every event: an allocation takes the one freed last, or the next new one. */
function resolveSlots(trace: Trace): Uint32Array {
  const slotOf = Uint32Array.from(trace.slotOf);
  const free: number[] = [];
  let next = 0;
  for (let event = 0; event < trace.events; event++) {
    const op = trace.ops[event] & OpBits.OP_MASK;
    if (op === TraceOp.FREE) free.push(slotOf[event]);
    else if (op !== TraceOp.REALLOC) slotOf[event] = free.pop() ?? next++;
  }
  return slotOf;
}

function markHandovers(trace: Trace, slotOf: Uint32Array, threadOf: Uint8Array): Uint16Array {
  const ops = trace.ops.map((op) => op & 255);
  const last = new Uint32Array(trace.slots);
  for (let event = 0; event < trace.events; event++) {
    const op = ops[event] & OpBits.OP_MASK;
    const slot = slotOf[event];
    if ((op === TraceOp.FREE || op === TraceOp.REALLOC) && threadOf[last[slot]] !== threadOf[event]) {
      ops[last[slot]] |= OpBits.PUBLISH;
      ops[event] |= OpBits.WAIT;
    }
    last[slot] = event;
  }
  return ops;
}

interface Cells {
  readonly from: Uint32Array;
  readonly to: Uint32Array;
  readonly leftovers: readonly (readonly number[])[];
  readonly mailboxes: number;
  readonly count: number;
}

/** Gives out the cells of one thread: the one that became free last, or a new one. */
class CellSupply {
  readonly #free: number[] = [];
  readonly #newRun: () => number;
  #next = 0;

  constructor(newRun: () => number) {
    this.#newRun = newRun;
  }

  take(): number {
    const cell = this.#free.pop();
    if (cell !== undefined) return cell;
    if (this.#next % CELL_RUN === 0) this.#next = this.#newRun();
    return this.#next++;
  }

  give(cell: number): void {
    this.#free.push(cell);
  }
}

function assignCells(
  slots: number,
  slotOf: Uint32Array,
  threadOf: Uint8Array,
  ops: Uint16Array,
  threads: number,
): Cells {
  const mailboxes = ops.reduce((sum, op) => sum + (op & OpBits.PUBLISH ? 1 : 0), 0);
  let end = Math.ceil(mailboxes / CELL_RUN) * CELL_RUN;
  const newRun = (): number => (end += CELL_RUN) - CELL_RUN;
  const supplies = Array.from({ length: threads }, () => new CellSupply(newRun));
  const [from, to] = [new Uint32Array(ops.length), new Uint32Array(ops.length)];
  const live = new Map<number, { cell: number; thread: number }>();
  let mailbox = 0;
  for (let event = 0; event < ops.length; event++) {
    const [op, thread, slot] = [ops[event], threadOf[event], slotOf[event]];
    const known = live.get(slot);
    if (known !== undefined) {
      from[event] = known.cell;
      if ((op & OpBits.WAIT) === 0) supplies[thread].give(known.cell);
      live.delete(slot);
    }
    if ((op & OpBits.OP_MASK) === TraceOp.FREE) continue;
    to[event] = op & OpBits.PUBLISH ? mailbox++ : supplies[thread].take();
    live.set(slot, { cell: to[event], thread });
  }
  const leftovers = Array.from({ length: threads }, (): number[] => []);
  for (const { cell, thread } of live.values()) leftovers[thread].push(cell);
  return { from, to, leftovers, mailboxes, count: Math.max(end, slots) };
}
