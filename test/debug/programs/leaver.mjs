// A worker that leaves while its creator, which stays, holds more than it does; what the heap prints is on standard error.
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { Heap } from 'sabmalloc';

if (isMainThread) {
  const [, , leakReport] = process.argv;
  const heap = Heap.create({ headers: 'full', callSiteEvery: 1, leakReport });
  const block = heap.malloc(5000);
  const worker = new Worker(new URL(import.meta.url), { workerData: heap.token });
  worker.once('exit', () => {
    heap.free(block);
    for (const { address } of heap.blocks()) heap.free(address);
  });
} else {
  const heap = Heap.attach(workerData);
  heap.malloc(24);
  heap.detach();
}
