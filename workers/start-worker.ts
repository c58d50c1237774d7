/** A worker that makes a heap or enters one, allocates once, does it all again, and says how long each took. */
import { parentPort, workerData } from 'node:worker_threads';
import { Heap } from 'sabmalloc';
import { createHeap } from '../bench/rivals/ground.js';

export type StartData = { readonly preset: string; readonly maxBytes: number } | { readonly token: Heap['token'] };

export interface StartTime {
  readonly entryMs: number;
  readonly mallocMs: number;
}

export interface StartReport {
  /** With nothing compiled. */
  readonly first: StartTime;
  readonly again: StartTime;
}

function enter(data: StartData): Heap {
  if ('token' in data) return Heap.attach(data.token);
  return createHeap({ preset: data.preset, options: { maxBytes: data.maxBytes } });
}

function start(data: StartData): StartTime {
  const before = performance.now();
  const heap = enter(data);
  const entered = performance.now();
  const address = heap.malloc(64);
  const mallocMs = performance.now() - entered;
  heap.free(address);
  heap.detach();
  return { entryMs: entered - before, mallocMs };
}

const data = workerData as StartData;
const report: StartReport = { first: start(data), again: start(data) };
parentPort?.postMessage(report);
