/** The producer: synthesises block by block, into the ring itself. It waits for room, as it may; the consumer never waits. */
import { parentPort, workerData } from 'node:worker_threads';
import { Heap } from 'sabmalloc';
import { Ring } from 'sabmalloc/collections';
import { BLOCK, synthesise } from './tune.js';

export interface Setup {
  readonly token: Heap['token'];
  readonly ring: number;
  readonly samples: number;
}

const setup = workerData as Setup;
const heap = Heap.attach(setup.token);
const ring = Ring.at(heap, setup.ring, Float32Array);
for (let written = 0; written < setup.samples; written += BLOCK) {
  ring.waitWritable(BLOCK);
  synthesise(ring.reserve(BLOCK), written);
  ring.commit(BLOCK);
}
parentPort?.postMessage('done');
heap.detach();
