/** One worker of a bench: attaches, plays its part round by round with the others, and reports when each began and ended. */
import { parentPort, workerData } from 'node:worker_threads';
import { Barrier } from '../bench/barrier.js';
import { enter } from '../bench/rivals/enter.js';
import { type Ticket } from '../bench/rivals/ground.js';
import { type Seat } from '../bench/scenario.js';
import { scenarioFor } from '../bench/scenarios.js';

export interface BenchWorkerData {
  readonly ticket: Ticket;
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

async function play(data: BenchWorkerData): Promise<BenchReport> {
  const { spec } = data.seat;
  const entry = await enter(data.ticket);
  const barrier = new Barrier(data.barrier, spec.workers);
  const scenario = scenarioFor(entry, data.seat);
  const starts: number[] = [];
  const ends: number[] = [];
  scenario.prepare();
  barrier.wait();
  for (let round = 0; round < spec.warmup + spec.rounds; round++) {
    const start = now();
    const waiting = scenario.round(round);
    if (waiting !== undefined) await waiting;
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
  entry.leave();
  return { starts, ends, ops: scenario.opsPerRound * spec.rounds, checksum: scenario.checksum };
}

parentPort?.postMessage(await play(workerData as BenchWorkerData));
