import { Worker } from 'node:worker_threads';
import { type Heap } from 'sabmalloc';
import { type StartData, type StartReport } from '../../workers/start-worker.js';
import { spread, type Spread } from '../compare.js';
import { START_SCRIPT } from '../paths.js';
import { reportOf } from '../pool.js';

export interface StartTimes {
  /** Of Heap.create or Heap.attach. */
  readonly entryMs: Spread;
  /** Of the first malloc after it. */
  readonly mallocMs: Spread;
}

async function startOne(data: StartData, heap: Heap | undefined): Promise<StartReport> {
  const worker = new Worker(START_SCRIPT, { workerData: data });
  heap?.watch(worker);
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  const report = await reportOf<StartReport>(worker);
  await ended;
  return report;
}

/** Each in a worker of its own, one after the other: what is compiled in the first is cold in the next. */
export async function startTimes(data: StartData, times: number, heap?: Heap): Promise<StartTimes> {
  const reports: StartReport[] = [];
  for (let i = 0; i < times; i++) reports.push(await startOne(data, heap));
  return {
    entryMs: spread(reports.map(({ entryMs }) => entryMs)),
    mallocMs: spread(reports.map(({ mallocMs }) => mallocMs)),
  };
}
