import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Heap } from 'sabmalloc';
import { HashMap, numbers } from 'sabmalloc/collections';
import { Mutex } from 'sabmalloc/sync';
import { MAP_SCRIPT } from '../paths.js';
import { Draw, isOf, play, valueOf, type Candidate, type Mix } from './mix.js';

export interface Order {
  readonly candidate: Candidate | 'Map';
  readonly entries: number;
  readonly workers: number;
  readonly accesses: number;
}

export interface Outcome {
  readonly accessesPerSecond: number;
  /** Reads whose value was that of their key. */
  readonly right: number;
}

const createHeap = (): Heap => Heap.create({ maxBytes: 2 ** 30, leakReport: 'off' });

function fill(map: { set(key: number, value: number): unknown }, entries: number): void {
  for (let key = 0; key < entries; key++) map.set(key, valueOf(key, 0));
}

const secondsSince = (began: bigint): number => Number(process.hrtime.bigint() - began) / 1e9;

/** One thread and a Map of its own: what nothing that is shared can be measured against, but everybody knows. */
function runPlain({ entries, accesses }: Order): Outcome {
  const map = new Map<number, number>();
  fill(map, entries);
  const mix: Mix = { candidate: 'HashMap', map: 0, mutex: 0, entries, accesses, seed: 1 };
  play(map, { ...mix, accesses: accesses / 10 });
  const began = process.hrtime.bigint();
  const right = play(map, mix);
  return { accessesPerSecond: accesses / secondsSince(began), right };
}

/** Answers the workers' messages out of a Map. */
function serve(map: Map<number, number>, worker: Worker): void {
  worker.on('message', (text: unknown) => {
    if (typeof text !== 'string' || text === 'ready') return;
    const { key, value } = JSON.parse(text) as { key: number; value?: number };
    if (value !== undefined) map.set(key, value);
    worker.postMessage(JSON.stringify(map.get(key)));
  });
}

const rightOf = (worker: Worker): Promise<number> =>
  new Promise((resolve, reject) => {
    worker.on('error', reject);
    worker.on('message', (message: unknown) => {
      if (typeof message === 'object') resolve((message as { right: number }).right);
    });
  });

/** Runs one candidate in this process. */
export async function runCandidate(order: Order): Promise<Outcome> {
  const { candidate, entries, workers: count, accesses } = order;
  if (candidate === 'Map') return runPlain(order);
  const heap = createHeap();
  const map = HashMap.create(heap, numbers, numbers, { stripes: candidate === 'HashMap' ? 64 : 1 });
  const mutex = Mutex.create(heap);
  const served = new Map<number, number>();
  fill(candidate === 'Map in one thread, by messages' ? served : map, entries);
  const mix = { candidate, map: map.address, mutex: mutex.address, entries, accesses };
  const all = Array.from({ length: count }, (_, i) => {
    const workerData = { token: heap.token, mix: { ...mix, seed: i + 1 }, isEndless: false };
    return new Worker(MAP_SCRIPT, { workerData });
  });
  await Promise.all(all.map((worker) => once(worker, 'message')));
  for (const worker of all) if (candidate === 'Map in one thread, by messages') serve(served, worker);
  const rights = all.map(rightOf);
  const began = process.hrtime.bigint();
  for (const worker of all) worker.postMessage('go');
  const right = (await Promise.all(rights)).reduce((a, b) => a + b);
  const seconds = secondsSince(began);
  await Promise.all(all.map((worker) => worker.terminate()));
  return { accessesPerSecond: (count * accesses) / seconds, right };
}

export interface KillOutcome {
  readonly kills: number;
  readonly entries: number;
  readonly right: number;
  readonly size: number;
}

/** Kills one of the workers again and again while they play, then looks whether everything is as it must be. */
export async function runKills(order: Order, kills: number, seed: number): Promise<KillOutcome> {
  const heap = createHeap();
  const map = HashMap.create(heap, numbers, numbers, { stripes: 64 });
  fill(map, order.entries);
  const draw = new Draw(seed);
  const mix = { candidate: 'HashMap', map: map.address, mutex: 0, entries: order.entries, accesses: 10_000 };
  const start = async (): Promise<Worker> => {
    const workerData = { token: heap.token, mix: { ...mix, seed: draw.below(2 ** 31) }, isEndless: true };
    const worker = new Worker(MAP_SCRIPT, { workerData });
    worker.on('error', (error) => {
      throw error;
    });
    heap.watch(worker);
    await once(worker, 'message');
    worker.postMessage('go');
    return worker;
  };
  const all = await Promise.all(Array.from({ length: order.workers }, start));
  for (let i = 0; i < kills; i++) {
    await new Promise((resolve) => setTimeout(resolve, draw.below(20)));
    const victim = draw.below(all.length);
    await all[victim].terminate();
    all[victim] = await start();
  }
  await Promise.all(all.map((worker) => worker.terminate()));
  heap.check();
  const keys = new Set<number>();
  let right = 0;
  for (const [key, value] of map) {
    if (keys.has(key)) throw new Error(`${key} is there twice`);
    keys.add(key);
    if (isOf(key, value) && map.get(key) === value) right++;
  }
  return { kills, entries: keys.size, right, size: map.size };
}
