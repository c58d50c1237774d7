import { Worker } from 'node:worker_threads';
import { type ShortLivedData } from '../workers/short-lived-worker.js';
import { SHORT_LIVED_SCRIPT } from './paths.js';
import { reportOf } from './pool.js';
import { groundFor, type Ticket } from './rivals/ground.js';
import { slotsBytes } from './slots.js';
import { type Measure, type MemoryUse, type Spec } from './spec.js';

export interface GenerationsResult extends Omit<Measure, 'label'> {
  readonly memory?: MemoryUse;
}

/** Each generation of workers frees what the one before left in the tables, fills them anew, and ends. */
export async function runGenerations(spec: Spec): Promise<GenerationsResult> {
  const ground = await groundFor(spec);
  const tables = new SharedArrayBuffer(slotsBytes(spec.workers, spec.slots));
  const sums = new Array<number>(spec.workers).fill(0);
  let seconds = 0;
  // The last generation only frees.
  for (let generation = 0; generation <= spec.warmup + spec.rounds; generation++) {
    const last = generation === spec.warmup + spec.rounds;
    const started = performance.now();
    const checksums = await Promise.all(
      ground.tickets.map((ticket, index) =>
        live({ ticket, spec, tables, index, generation, fills: !last }, (worker) => ground.watch(worker)),
      ),
    );
    if (generation >= spec.warmup && !last) seconds += (performance.now() - started) / 1000;
    checksums.forEach((checksum, index) => (sums[index] = (Math.imul(sums[index], 31) + checksum) >>> 0));
  }
  const memory = ground.memory();
  ground.close();
  return {
    ops: 2 * spec.slots * spec.workers * spec.rounds,
    seconds,
    checksum: sums.reduce((sum, own) => (sum + own) >>> 0, 0),
    ...(memory === undefined ? {} : { memory }),
  };
}

/** One short life, from the start of the worker to its end. */
async function live(data: ShortLivedData & { ticket: Ticket }, born: (worker: Worker) => void): Promise<number> {
  const worker = new Worker(SHORT_LIVED_SCRIPT, { workerData: data });
  born(worker);
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  const checksum = await reportOf<number>(worker);
  await ended;
  return checksum;
}
