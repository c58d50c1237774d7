/** The program: `npm run start:arrow -- --rows 100000`. One worker builds the columns of a table, another reads them with Arrow. */
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { Heap } from 'sabmalloc';
import { type Columns, release } from './columns.js';
import { type Reading, type Request, type Setup } from './worker.js';

const { values } = parseArgs({ options: { rows: { type: 'string', default: '100000' } } });
const length = Number(values.rows);
if (!Number.isInteger(length) || length < 8) {
  console.error('arrow: --rows is a whole number of 8 or more');
  process.exit(2);
}

const print = (line: string): boolean => process.stdout.write(`${line}\n`);
const ROW = 7;

using heap = Heap.create({ maxBytes: 2 ** 26 + 128 * length });
const setup: Setup = { token: heap.token };
const [builder, reader] = ['builder', 'reader'].map((name) => {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { name, workerData: setup });
  heap.watch(worker);
  return worker;
});

async function ask(worker: Worker, request: Request): Promise<unknown> {
  worker.postMessage(request);
  const [answer] = (await once(worker, 'message')) as unknown[];
  return answer;
}

async function read(columns: Columns): Promise<Reading> {
  const reading = (await ask(reader, { kind: 'read', columns, row: ROW })) as Reading;
  const { sum, row, inHeap, buffers } = reading;
  print(`reader: prices add up to ${sum}; ${inHeap} of ${buffers} buffers are the heap's; row ${ROW} is ${row}`);
  return reading;
}

const columns = (await ask(builder, { kind: 'build', length })) as Columns;
print(`builder: ${length} rows in ${heap.stats().liveBlocks} blocks of the heap`);
const before = await read(columns);
await ask(builder, { kind: 'change', columns, row: ROW, price: 1000 });
print(`builder: the price in row ${ROW} is 1000 now`);
const after = await read(columns);

release(heap, columns);
await Promise.all([builder, reader].map((worker) => worker.terminate()));
heap.check();
print(`live blocks: ${heap.stats().liveBlocks}`);
const isShared = before.inHeap === before.buffers && after.sum - before.sum === 1000 - ROW / 4;
print(isShared ? 'nothing was copied' : 'something was copied');
if (!isShared || heap.stats().liveBlocks > 0) process.exitCode = 1;
