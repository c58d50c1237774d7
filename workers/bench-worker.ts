/** One worker of a bench: attaches, plays its part round by round with the others, and reports when each began and ended. */
import { parentPort, workerData } from 'node:worker_threads';
import { Heap } from 'sabmalloc';
import { Barrier } from '../bench/barrier.js';
import { scenarioFor, type Seat } from '../bench/scenarios.js';

export interface BenchWorkerData {
  readonly token: Heap['token'];
  readonly barrier: SharedArrayBuffer;
  readonly seat: Seat;
}

/** Nanoseconds of the one monotonic clock that all threads of a process share, per measured round. */
export interface BenchReport {
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  readonly ops: number;
  readonly checksum: number;
}

const now = (): number => Number(process.hrtime.bigint());

function play(data: BenchWorkerData): BenchReport {
  const { spec } = data.seat;
  const heap = Heap.attach(data.token);
  const barrier = new Barrier(data.barrier, spec.workers);
  const scenario = scenarioFor(heap, data.seat);
  const starts: number[] = [];
  const ends: number[] = [];
  scenario.prepare();
  barrier.wait();
  for (let round = 0; round < spec.warmup + spec.rounds; round++) {
    const start = now();
    scenario.round(round);
    const end = now();
    if (round >= spec.warmup) {
      starts.push(start);
      ends.push(end);
    }
    barrier.wait();
    scenario.settle();
    barrier.wait();
  }
  scenario.finish();
  // What the others freed for this worker is all there only after everybody is done.
  barrier.wait();
  heap.collect();
  heap.detach();
  return { starts, ends, ops: scenario.opsPerRound * spec.rounds, checksum: scenario.checksum };
}

parentPort?.postMessage(play(workerData as BenchWorkerData));
