import { type ReplayPlan } from 'sabmalloc/trace';
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads';
import { type BenchReport, type BenchWorkerData } from '../workers/bench-worker.js';
import { Barrier } from './barrier.js';
import { progressBytes } from './loops/replay.js';
import { Ring } from './loops/producer-consumer.js';
import { WORKER_SCRIPT } from './paths.js';
import { groundFor } from './rivals/ground.js';
import { type Seat } from './scenario.js';
import { slotsBytes } from './slots.js';
import { type MemoryUse, type Spec } from './spec.js';

export interface PoolResult {
  readonly reports: readonly BenchReport[];
  readonly memory?: MemoryUse;
}

/** Runs one case: a fresh allocator, and a fresh worker for every seat. */
export async function runPool(spec: Spec, plan: ReplayPlan | undefined): Promise<PoolResult> {
  const ground = await groundFor(spec);
  const ports = portsFor(ground.tickets[0].kind === 'messages' ? spec.workers : 0);
  const barrier = new SharedArrayBuffer(Barrier.BYTES);
  const workers = seatsFor(spec, plan).map((seat, i) => {
    const port = ports.at(i);
    const workerData: BenchWorkerData = {
      ticket: ground.tickets[i],
      barrier,
      seat: port === undefined ? seat : { ...seat, port },
    };
    const worker = new Worker(WORKER_SCRIPT, { workerData, transferList: port === undefined ? [] : [port] });
    ground.watch(worker);
    return worker;
  });
  try {
    const reports = await Promise.all(workers.map((worker) => reportOf<BenchReport>(worker)));
    const memory = ground.memory();
    return { reports, ...(memory === undefined ? {} : { memory }) };
  } finally {
    // Workers wait for each other: when one failed, the rest would wait for ever.
    await Promise.all(workers.map((worker) => worker.terminate()));
    ground.close();
  }
}

/** The two ends of a channel for each pair of neighbours. */
function portsFor(count: number): MessagePort[] {
  return Array.from({ length: count / 2 }, () => new MessageChannel()).flatMap(({ port1, port2 }) => [port1, port2]);
}

export function reportOf<R>(worker: Worker): Promise<R> {
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
