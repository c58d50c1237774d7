import { Worker } from 'node:worker_threads';
import { Heap } from 'sabmalloc';
import { type BenchReport, type BenchWorkerData } from '../workers/bench-worker.js';
import { Barrier } from './barrier.js';
import { progressBytes } from './loops/replay.js';
import { Ring } from './loops/producer-consumer.js';
import { WORKER_SCRIPT } from './paths.js';
import { type ReplayPlan } from './replay-plan.js';
import { type Seat } from './scenarios.js';
import { slotsBytes } from './slots.js';
import { type MemoryUse, type Spec } from './spec.js';

export interface PoolResult {
  readonly reports: readonly BenchReport[];
  readonly memory: MemoryUse;
}

/** Runs one case: a fresh heap, and a fresh worker for every seat. */
export async function runPool(spec: Spec, plan: ReplayPlan | undefined): Promise<PoolResult> {
  const heap = createHeap(spec);
  const seats = seatsFor(spec, plan);
  const barrier = new SharedArrayBuffer(Barrier.BYTES);
  const workers = seats.map((seat) => {
    const workerData: BenchWorkerData = { token: heap.token, barrier, seat };
    const worker = new Worker(WORKER_SCRIPT, { workerData });
    heap.watch(worker);
    return worker;
  });
  try {
    const reports = await Promise.all(workers.map(reportOf));
    heap.collect();
    const { committedBytes, peakCommittedBytes, liveBlocks } = heap.stats();
    if (spec.verify && liveBlocks !== 0) {
      throw new Error(`verify: ${liveBlocks} blocks are live after all were freed.`);
    }
    if (spec.verify) heap.check();
    return { reports, memory: { committedBytes, peakCommittedBytes } };
  } finally {
    // Workers wait for each other: when one failed, the rest would wait for ever.
    await Promise.all(workers.map((worker) => worker.terminate()));
    heap.detach();
  }
}

/** The heap that the flags describe. `create` itself refuses names and values that are none. */
export function createHeap(spec: Pick<Spec, 'preset' | 'options'>): Heap {
  return Heap.create({ preset: spec.preset, ...spec.options } as Parameters<typeof Heap.create>[0]);
}

function reportOf(worker: Worker): Promise<BenchReport> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`A worker ended with code ${code} before it reported.`)));
  });
}

function seatsFor(spec: Spec, plan: ReplayPlan | undefined): Seat[] {
  const [tableCount, tableSlots] = plan === undefined ? [spec.workers, spec.slots] : [1, plan.cells];
  const common = {
    spec,
    tables: new SharedArrayBuffer(slotsBytes(tableCount, tableSlots)),
    tableCount,
    tableSlots,
    words: new SharedArrayBuffer(Math.max(spec.workers * Ring.COUNTER_BYTES, progressBytes(spec.workers))),
    mailboxes: plan?.mailboxes ?? 0,
  };
  return Array.from({ length: spec.workers }, (_, index) => ({
    ...common,
    index,
    ...(plan === undefined ? {} : { plan: plan.threads[index] }),
  }));
}
