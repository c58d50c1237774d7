/** A worker among many in `npm run bench -- scale`: one that only is there, or the one that makes blocks for the measuring thread to free. */
import { parentPort, workerData } from 'node:worker_threads';
import { Heap } from 'sabmalloc';
import { Barrier } from '../bench/barrier.js';
import { Draw } from '../bench/draw.js';
import { fill } from '../bench/loops/churn.js';
import { Marker } from '../bench/marker.js';
import { crowdSpec } from '../bench/scale/crowd.js';
import { slotsAt } from '../bench/slots.js';

export interface CrowdData {
  readonly token: Heap['token'];
  /** Becomes 1 when all may go. */
  readonly closed: SharedArrayBuffer;
  readonly supply?: Supply;
}

interface Supply {
  readonly tables: SharedArrayBuffer;
  readonly blocks: number;
  readonly barrier: SharedArrayBuffer;
}

/** Between the two waits of a round the other side frees what was made. */
function supplyBlocks(heap: Heap, closed: Int32Array, { tables, blocks, barrier: buffer }: Supply): void {
  const barrier = new Barrier(buffer, 2);
  const draw = new Draw(crowdSpec, 1);
  const marker = new Marker(heap, { touch: false, verify: false }, 16);
  const slots = slotsAt(tables, 1, blocks, 0);
  let isLast = false;
  while (!isLast) {
    fill(heap, slots, draw, marker);
    barrier.wait();
    isLast = Atomics.load(closed, 0) === 1;
    barrier.wait();
    heap.collect();
  }
}

const { token, closed, supply } = workerData as CrowdData;
const words = new Int32Array(closed);
const heap = Heap.attach(token);
parentPort?.postMessage('attached');
if (supply === undefined) Atomics.wait(words, 0, 0);
else supplyBlocks(heap, words, supply);
heap.detach();
