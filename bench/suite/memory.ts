import { EventWord, OpBits, planReplay, TraceOp, type ThreadPlan } from 'sabmalloc/trace';
import { AddressEntry } from '../entry.js';
import { freeLeftovers, Pace, progressBytes, replay } from '../loops/replay.js';
import { createHeap } from '../rivals/ground.js';
import { slotsAt, slotsBytes } from '../slots.js';
import { replayOf } from '../defaults.js';
import { readTrace } from '../trace.js';

export interface MemorySample {
  /** Events of the trace so far. */
  readonly events: number;
  /** Asked for by the program and not yet freed. */
  readonly liveBytes: number;
  /** Pages that the heap holds for it. */
  readonly committedBytes: number;
  /** Those of them that hold tables and control blocks. */
  readonly metadataBytes: number;
}

export interface MemoryTrack {
  readonly trace: string;
  readonly preset: string;
  readonly command: string;
  readonly peakLiveBytes: number;
  readonly peakCommittedBytes: number;
  readonly samples: readonly MemorySample[];
}

const SAMPLES = 200;

const partOf = ({ events, leftovers }: ThreadPlan, from: number, to: number): ThreadPlan => ({
  events: events.subarray(from * EventWord.WORDS, to * EventWord.WORDS),
  leftovers,
});

/** Bytes that live after the events of `part`, given those before it and the size in each cell. */
function liveAfter(part: ThreadPlan, before: number, sizeIn: Uint32Array): number {
  let live = before;
  const { events } = part;
  for (let at = 0; at < events.length; at += EventWord.WORDS) {
    const op = events[at + EventWord.OP] & OpBits.OP_MASK;
    const size = events[at + EventWord.SIZE];
    if (op === TraceOp.FREE || op === TraceOp.REALLOC) live -= sizeIn[events[at + EventWord.FROM]];
    if (op === TraceOp.FREE) continue;
    sizeIn[events[at + EventWord.TO]] = size;
    live += size;
  }
  return live;
}

/** Replays a trace on one worker, untimed, and looks at the heap at equal distances. */
export function trackMemory(trace: string, preset: string): MemoryTrack {
  const { threads, cells, events, peakLiveBytes } = planReplay(readTrace(trace), true);
  const spec = replayOf(trace, { preset });
  const heap = createHeap(spec);
  const marks = new AddressEntry({ heap, alignment: 16 }).marksFor(spec);
  const slots = slotsAt(new SharedArrayBuffer(slotsBytes(1, cells)), 1, cells, 0);
  const pace = new Pace(new Int32Array(new SharedArrayBuffer(progressBytes(1))), 1, 0);
  const sizeIn = new Uint32Array(cells);
  const samples: MemorySample[] = [];
  let liveBytes = 0;
  for (let sample = 0; sample < SAMPLES; sample++) {
    const [from, to] = [sample, sample + 1].map((at) => Math.floor((at * events) / SAMPLES));
    const part = partOf(threads[0], from, to);
    replay(heap, part, slots, marks, pace);
    liveBytes = liveAfter(part, liveBytes, sizeIn);
    const { committedBytes, metadataBytes } = heap.stats();
    samples.push({ events: to, liveBytes, committedBytes, metadataBytes });
  }
  const { peakCommittedBytes } = heap.stats();
  freeLeftovers(heap, threads[0], slots, marks);
  heap.detach();
  const command = `npm run bench -- suite --only 'memory ${trace}'`;
  return { trace, preset, command, peakLiveBytes, peakCommittedBytes, samples };
}
