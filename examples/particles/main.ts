/** The program: `npm run start:particles -- --particles 200000 --steps 200 --workers 2`. */
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { Heap } from 'sabmalloc';
import { checksum, fieldsOf, integrate, Particle, scatter } from './particle.js';
import { type Slice } from './worker.js';

const { values } = parseArgs({
  options: {
    particles: { type: 'string', default: '200000' },
    steps: { type: 'string', default: '200' },
    workers: { type: 'string', default: String(availableParallelism()) },
  },
});
const [count, steps, workers] = [values.particles, values.steps, values.workers].map(Number);
if (![count, steps, workers].every((each) => Number.isInteger(each) && each > 0)) {
  console.error('particles: --particles, --steps and --workers are whole numbers of 1 or more');
  process.exit(2);
}

const print = (line: string): boolean => process.stdout.write(`${line}\n`);
const milliseconds = (since: number): string => `${(performance.now() - since).toFixed(0)} ms`;

using heap = Heap.create({ maxBytes: 2 ** 26 + 128 * count });
const P = Particle.in(heap);
const [together, alone] = [P.columns(count), P.columns(count)];
for (const columns of [together, alone]) scatter(fieldsOf(columns));

/** A worker for the n-th slice; resolves when it has ended. */
async function moveSlice(n: number): Promise<void> {
  const [from, to] = [n, n + 1].map((edge) => Math.floor((edge * count) / workers));
  const slice: Slice = { token: heap.token, address: together.address, from, to, steps };
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: slice });
  heap.watch(worker);
  worker.on('message', (step: number) =>
    print(`worker ${n}: particles ${from} to ${to - 1}, step ${step} of ${steps}`),
  );
  await once(worker, 'exit');
}

print(`${count} particles in columns of one heap, ${workers} workers`);
let start = performance.now();
await Promise.all(Array.from({ length: workers }, (_, n) => moveSlice(n)));
print(`${workers} workers took ${milliseconds(start)}`);

start = performance.now();
const fields = fieldsOf(alone);
for (let step = 0; step < steps; step++) integrate(fields, 0, count);
print(`one thread took ${milliseconds(start)}`);

const [theirs, ours] = [together, alone].map((columns) => checksum(fieldsOf(columns)));
print(`checksums: ${theirs} by ${workers} workers, ${ours} by one thread`);
together.free();
alone.free();
heap.check();
print(`live blocks: ${heap.stats().liveBlocks}`);
if (theirs !== ours || heap.stats().liveBlocks > 0) process.exitCode = 1;
