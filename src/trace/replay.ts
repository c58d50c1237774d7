import { TraceOp } from '../layout/format.js';
import { EventWord, OpBits, type ThreadPlan } from './plan.js';

/** All that a recorded program may have called. */
export interface ReplayHeap {
  malloc(bytes: number, alignment?: number): number;
  calloc(bytes: number): number;
  realloc(address: number, bytes: number): number;
  free(address: number): void;
}

export const alignmentOf = (op: number): number => 2 ** ((op >>> OpBits.ALIGN_SHIFT) & OpBits.ALIGN_MASK);

/**
 * Performs all events of the only thread of a replay; returns the sum of their sizes. One branch for each event: what a loop
 * for several threads asks of every event costs about as much as the calls that are measured.
 */
export function replayAlone(heap: ReplayHeap, { events }: ThreadPlan, cells: Uint32Array): number {
  let sum = 0;
  for (let at = 0; at < events.length; at += EventWord.WORDS) {
    const op = events[at + EventWord.OP];
    const size = events[at + EventWord.SIZE];
    sum = (sum + size) | 0;
    switch (op & OpBits.OP_MASK) {
      case TraceOp.FREE:
        heap.free(cells[events[at + EventWord.FROM]]);
        break;
      case TraceOp.MALLOC:
        cells[events[at + EventWord.TO]] = heap.malloc(size);
        break;
      case TraceOp.CALLOC:
        cells[events[at + EventWord.TO]] = heap.calloc(size);
        break;
      case TraceOp.REALLOC:
        cells[events[at + EventWord.TO]] = heap.realloc(cells[events[at + EventWord.FROM]], size);
        break;
      default:
        cells[events[at + EventWord.TO]] = heap.malloc(size, alignmentOf(op));
    }
  }
  return sum;
}
