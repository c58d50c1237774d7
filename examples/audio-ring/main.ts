/** The program: `npm run start:audio-ring`. A worker makes sound, and a consumer with a pace of its own, as an audio thread has, takes it. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Command } from 'commander';
import { Heap } from 'sabmalloc';
import { Ring } from 'sabmalloc/collections';
import { BLOCK, RATE, SECONDS } from './tune.js';
import { wavOf } from './wav.js';
import type { Setup } from './worker.js';

/** More than a second: a producer that is held up that long is not heard. */
const CAPACITY = 65_536;
/** Between two looks at the clock; each takes as many blocks as were due since. */
const PACE_MS = 4;
/** And no more than these: a consumer that was late itself goes on from there, as a loudspeaker does. */
const BLOCKS_MOST = 8;
const BLOCK_MS = (1000 * BLOCK) / RATE;

const print = (line: string): boolean => process.stdout.write(`${line}\n`);

interface Drained {
  readonly samples: Float32Array;
  readonly underruns: number;
  readonly lowest: number;
}

/** Takes a block whenever one is due. One that is not there is silence, as on a loudspeaker, and counted. */
async function drain(ring: Ring<Float32Array>, count: number): Promise<Drained> {
  const samples = new Float32Array(count);
  let dueMs = performance.now();
  let underruns = 0;
  let lowest = ring.capacity;
  for (let taken = 0; taken < count;) {
    await new Promise((resolve) => setTimeout(resolve, PACE_MS));
    dueMs = Math.max(dueMs, performance.now() - BLOCKS_MOST * BLOCK_MS);
    for (; dueMs <= performance.now() && taken < count; dueMs += BLOCK_MS) {
      if (count - taken > CAPACITY) lowest = Math.min(lowest, ring.available);
      if (ring.read(samples.subarray(taken, taken + BLOCK)) < BLOCK) underruns++;
      taken += BLOCK;
    }
  }
  return { samples, underruns, lowest };
}

async function main(path: string): Promise<number> {
  const heap = Heap.create();
  const ring = Ring.create(heap, Float32Array, CAPACITY);
  const count = RATE * SECONDS;
  const workerData: Setup = { token: heap.token, ring: ring.address, samples: count };
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData });
  heap.watch(worker);
  const gone = once(worker, 'exit');
  // As a player does: it begins when the ring is full.
  await ring.waitReadableAsync(CAPACITY);
  const { samples, underruns, lowest } = await drain(ring, count);
  await gone;
  writeFileSync(path, wavOf(samples, RATE));
  print(`${SECONDS} s of sound, ${count / BLOCK} blocks of ${BLOCK} samples, through a ring of ${CAPACITY}: ${path}`);
  print(`under-runs: ${underruns}`);
  print(`lowest fill level before the end: ${Math.round((100 * lowest) / CAPACITY)} %`);
  ring.dispose();
  heap.collect();
  const left = heap.stats().liveBlocks;
  print(`live blocks: ${left}`);
  return underruns === 0 && left === 0 ? 0 : 1;
}

const { args } = new Command('audio-ring')
  .description('A worker synthesises a tune into a ring, and a consumer with a steady pace drains it into a WAV file.')
  .argument('[file]', 'the WAV file to write', join(tmpdir(), 'audio-ring.wav'))
  .parse();
process.exitCode = await main(args[0] ?? join(tmpdir(), 'audio-ring.wav'));
