/** One candidate of `sabmalloc replay`, in a process of its own: replays a trace a round at a time, when it is told to. */
import { Heap, type HeapOptions, type Preset } from '../index.js';
import { planReplay, readTraceFile, replayAlone } from '../trace/index.js';

export interface Candidate {
  readonly trace: string;
  readonly preset: Preset;
}

export interface Round {
  /** Of one replay of the trace, on average. */
  readonly nanoseconds: number;
  readonly checksum: number;
  /** In one replay of the trace. */
  readonly cacheMisses: number;
  readonly cacheSpills: number;
  /** When the trace had been replayed once: later ones find what the first left behind. */
  readonly peakCommittedBytes: number;
}

export type Answer = { readonly round: Round } | { readonly failure: string };

const { trace, preset } = JSON.parse(process.argv[2]) as Candidate;
const options: HeapOptions & { preset: Preset } = { preset };
const heap = Heap.create(options);
const plan = planReplay(readTraceFile(trace), true);
const [thread] = plan.threads;
/** A round takes a while, whatever the trace: engines compile what runs long enough. */
const ROUND_LEAST_NS = 100_000_000n;
const cells = new Uint32Array(plan.cells);

let peakCommittedBytes = 0;

function round(): Round {
  const before = heap.stats();
  const begin = process.hrtime.bigint();
  let nanoseconds = 0;
  let checksum: number;
  let repeats = 0;
  do {
    const start = process.hrtime.bigint();
    checksum = replayAlone(heap, thread, cells) >>> 0;
    nanoseconds += Number(process.hrtime.bigint() - start);
    repeats++;
    peakCommittedBytes ||= heap.stats().peakCommittedBytes;
    for (const cell of thread.leftovers) heap.free(cells[cell]);
  } while (process.hrtime.bigint() - begin < ROUND_LEAST_NS);
  const { cacheMisses, cacheSpills } = heap.stats();
  return {
    nanoseconds: nanoseconds / repeats,
    checksum,
    cacheMisses: Math.round((cacheMisses - before.cacheMisses) / repeats),
    cacheSpills: Math.round((cacheSpills - before.cacheSpills) / repeats),
    peakCommittedBytes,
  };
}

process.on('message', () => {
  let answer: Answer;
  try {
    answer = { round: round() };
  } catch (error) {
    answer = { failure: (error as Error).message };
  }
  process.send!(answer);
});
