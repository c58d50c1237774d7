/** A worker that makes a heap or enters one, allocates once, does it all again, and says how long each took. */
import { parentPort, workerData } from 'node:worker_threads';
import { Heap } from 'sabmalloc';
import { createHeap } from '../bench/rivals/ground.js';

export interface StartOptions {
  readonly maxBytes: number;
  readonly prewarmBytes?: number;
  readonly warmCaches?: number;
}

export type StartData = { readonly preset: string; readonly options: StartOptions } | { readonly token: Heap['token'] };

/** What a program asks for in its first moments: more than a cache holds, in memory that nobody has touched. */
const BURST_BLOCKS = 10_000;
const BURST_BYTES = 256;

export interface StartTime {
  readonly entryMs: number;
  readonly mallocMs: number;
  /** Of the next 10,000, each block stored to. */
  readonly burstMs: number;
}

export interface StartReport {
  /** With nothing compiled. */
  readonly first: StartTime;
  readonly again: StartTime;
}

function enter(data: StartData): Heap {
  if ('token' in data) return Heap.attach(data.token);
  return createHeap({ preset: data.preset, options: { ...data.options } });
}

function start(data: StartData): StartTime {
  const before = performance.now();
  const heap = enter(data);
  const entered = performance.now();
  const address = heap.malloc(64);
  const allocated = performance.now();
  const blocks: number[] = [];
  for (let i = 0; i < BURST_BLOCKS; i++) {
    const block = heap.malloc(BURST_BYTES);
    heap.i32[block >>> 2] = i;
    blocks.push(block);
  }
  const burstMs = performance.now() - allocated;
  heap.freeMany(blocks);
  heap.free(address);
  heap.detach();
  return { entryMs: entered - before, mallocMs: allocated - entered, burstMs };
}

const data = workerData as StartData;
const report: StartReport = { first: start(data), again: start(data) };
parentPort?.postMessage(report);
