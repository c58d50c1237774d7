/** Integrates a slice of the particles, in place, and says how far it is. */
import { parentPort, workerData } from 'node:worker_threads';
import { Heap, type HeapToken } from 'sabmalloc';
import { fieldsOf, integrate, Particle } from './particle.js';

export interface Slice {
  readonly token: HeapToken;
  /** Of the columns: all that a worker needs to find the particles. */
  readonly address: number;
  readonly from: number;
  readonly to: number;
  readonly steps: number;
}

/** Steps between two messages. */
const REPORT_STEPS = 50;

const { token, address, from, to, steps } = workerData as Slice;
using heap = Heap.attach(token);
const fields = fieldsOf(Particle.in(heap).columnsAt(address));
for (let step = 1; step <= steps; step++) {
  integrate(fields, from, to);
  if (step % REPORT_STEPS === 0 || step === steps) parentPort?.postMessage(step);
}
