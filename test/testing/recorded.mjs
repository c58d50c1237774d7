// A program for test/testing/cli-record.test.ts: `node recorded.mjs <what>`.
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Heap } from 'sabmalloc';

const [, , what] = process.argv;
const BLOCKS = 40;

/** A worker that allocates, says so, and goes on living until it is ended. */
async function withWorker(heap, options = {}) {
  const worker = new Worker(new URL(import.meta.url), { workerData: heap.token, ...options });
  heap.watch(worker);
  const addresses = await new Promise((resolve) => worker.once('message', resolve));
  return { worker, addresses };
}

async function main() {
  const heap = Heap.create({ maxBytes: 8 << 20 });
  const blocks = heap.mallocMany(100, BLOCKS);
  if (what === 'signal') process.kill(process.pid, 'SIGTERM');
  if (what === 'heaps') {
    const second = Heap.create({ maxBytes: 8 << 20 });
    second.malloc(1000);
    second.detach();
  }
  // The second inherits nothing: neither the arguments of node nor its variables.
  const options = what === 'bare' ? { execArgv: [], env: {} } : {};
  const { worker, addresses } = await withWorker(heap, options);
  heap.freeMany(addresses.slice(1));
  await worker.terminate();
  heap.freeMany(blocks);
  console.log('live', heap.stats().liveBlocks, process.argv.slice(3).join(' '));
  process.exit(what === 'fails' ? 7 : 0);
}

if (isMainThread) await main();
else {
  const heap = Heap.attach(workerData);
  parentPort.postMessage(heap.mallocMany(1000, BLOCKS));
  setInterval(() => {}, 1000);
}
