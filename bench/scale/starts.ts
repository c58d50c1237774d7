import { Worker } from 'node:worker_threads';
import { type Heap } from 'sabmalloc';
import { type StartData, type StartReport, type StartTime } from '../../workers/start-worker.js';
import { spread, type Spread } from '../compare.js';
import { START_SCRIPT } from '../paths.js';
import { reportOf } from '../pool.js';

/** In milliseconds: of Heap.create or Heap.attach, of the first malloc after it, and of the next 10,000. */
export type StartTimes = Readonly<Record<keyof StartTime, Spread>>;

async function startOne(data: StartData, heap: Heap | undefined): Promise<StartReport> {
  const worker = new Worker(START_SCRIPT, { workerData: data });
  heap?.watch(worker);
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  const report = await reportOf<StartReport>(worker);
  await ended;
  return report;
}

function spreads(times: readonly StartTime[]): StartTimes {
  return {
    entryMs: spread(times.map(({ entryMs }) => entryMs)),
    mallocMs: spread(times.map(({ mallocMs }) => mallocMs)),
    burstMs: spread(times.map(({ burstMs }) => burstMs)),
  };
}

/** Of `count` workers, one after the other: the first time in each of them, and the second. */
export async function startTimes(
  data: StartData,
  count: number,
  heap?: Heap,
): Promise<{ readonly first: StartTimes; readonly again: StartTimes }> {
  const reports: StartReport[] = [];
  for (let i = 0; i < count; i++) reports.push(await startOne(data, heap));
  return { first: spreads(reports.map(({ first }) => first)), again: spreads(reports.map(({ again }) => again)) };
}
