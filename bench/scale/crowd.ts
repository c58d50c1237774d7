import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type Heap } from 'sabmalloc';
import { type CrowdData } from '../../workers/crowd-worker.js';
import { Barrier } from '../barrier.js';
import { spread, type Spread } from '../compare.js';
import { specOf } from '../defaults.js';
import { Draw } from '../draw.js';
import { churn, drain, fill } from '../loops/churn.js';
import { Marker } from '../marker.js';
import { CROWD_SCRIPT } from '../paths.js';
import { reportOf } from '../pool.js';
import { createHeap } from '../rivals/ground.js';
import { slotsAt, slotsBytes } from '../slots.js';
import { startTimes } from './starts.js';

export interface CrowdPlan {
  readonly preset: string;
  readonly bystanders: number;
  readonly reserved: number;
  readonly rounds: number;
  readonly pairs: number;
  /** Blocks of the other worker that are freed in a round. */
  readonly remote: number;
  /** Workers whose attaching is timed. */
  readonly attaches: number;
}

/** What the calls of one worker cost while so many others are registered. */
export interface CrowdRow {
  readonly name: string;
  /** With a control block of their own. */
  readonly attached: number;
  readonly reserved: number;
  readonly pairNs: Spread;
  readonly remoteFreeNs: Spread;
  readonly attachMs: Spread;
}

const SIZES = [16, 64] as const;
const LIVE = 1000;
const MAX_WORKERS = 1023;

export const crowdSpec = specOf('random-mixed', SIZES, { slots: LIVE });

/** Starts a worker that attaches and stays until `closed`. */
async function enterCrowd(heap: Heap, data: CrowdData): Promise<Worker> {
  const worker = new Worker(CROWD_SCRIPT, { workerData: data });
  heap.watch(worker);
  await reportOf(worker);
  return worker;
}

async function release(closed: SharedArrayBuffer, workers: readonly Worker[]): Promise<void> {
  const ends = workers.map((worker) => once(worker, 'exit'));
  Atomics.store(new Int32Array(closed), 0, 1);
  Atomics.notify(new Int32Array(closed), 0);
  await Promise.all(ends);
}

/** Bytes of the control block that each attached worker has. */
export async function controlBytes(preset: string): Promise<number> {
  const heap = createHeap({ preset, options: {} });
  const before = heap.stats().metadataBytes;
  const closed = new SharedArrayBuffer(4);
  const worker = await enterCrowd(heap, { token: heap.token, closed });
  const after = heap.stats().metadataBytes;
  await release(closed, [worker]);
  heap.detach();
  return after - before;
}

/** The calling thread, and a second worker that makes what this one frees. */
class Measurer {
  readonly heap: Heap;
  readonly #plan: CrowdPlan;
  readonly #marker: Marker;
  readonly #draw = new Draw(crowdSpec, 0);
  readonly #own = slotsAt(new SharedArrayBuffer(slotsBytes(1, LIVE)), 1, LIVE, 0);
  readonly #tables: SharedArrayBuffer;
  readonly #barrierBuffer = new SharedArrayBuffer(Barrier.BYTES);
  readonly #barrier = new Barrier(this.#barrierBuffer, 2);
  readonly #closed = new SharedArrayBuffer(4);
  readonly #suppliers: Worker[] = [];

  constructor(plan: CrowdPlan) {
    this.heap = createHeap({ preset: plan.preset, options: { maxWorkers: MAX_WORKERS } });
    this.#plan = plan;
    this.#marker = new Marker(this.heap, { touch: false, verify: false }, 16);
    this.#tables = new SharedArrayBuffer(slotsBytes(1, plan.remote));
  }

  async open(): Promise<void> {
    const supply = { tables: this.#tables, blocks: this.#plan.remote, barrier: this.#barrierBuffer };
    const data: CrowdData = { token: this.heap.token, closed: this.#closed, supply };
    this.#suppliers.push(await enterCrowd(this.heap, data));
    fill(this.heap, this.#own, this.#draw, this.#marker);
    for (let round = 0; round < this.#plan.rounds; round++) this.#round();
  }

  async measure(name: string, attached: number, reserved: number): Promise<CrowdRow> {
    const rounds = Array.from({ length: this.#plan.rounds }, () => this.#round());
    const { first } = await startTimes({ token: this.heap.token }, this.#plan.attaches, this.heap);
    return {
      name,
      attached,
      reserved,
      pairNs: spread(rounds.map(([pairNs]) => pairNs)),
      remoteFreeNs: spread(rounds.map(([, remoteFreeNs]) => remoteFreeNs)),
      attachMs: first.entryMs,
    };
  }

  /** Nanoseconds of a malloc with a free, and of a free of another worker's block. */
  #round(): [number, number] {
    const { pairs, remote } = this.#plan;
    // The supplier is still before this barrier or waits behind it: only this worker runs from here on.
    this.#barrier.wait();
    const start = performance.now();
    churn(this.heap, this.#own, this.#draw, this.#marker, pairs);
    const between = performance.now();
    drain(this.heap, slotsAt(this.#tables, 1, remote, 0), this.#marker);
    const end = performance.now();
    this.#barrier.wait();
    return [((between - start) / pairs) * 1e6, ((end - between) / remote) * 1e6];
  }

  async close(): Promise<void> {
    Atomics.store(new Int32Array(this.#closed), 0, 1);
    const ends = this.#suppliers.map((worker) => once(worker, 'exit'));
    this.#round();
    await Promise.all(ends);
    drain(this.heap, this.#own, this.#marker);
    this.heap.collect();
    this.heap.check();
    this.heap.detach();
  }
}

/** The same heap with few workers, with many, and with few again. */
export async function crowdRows(plan: CrowdPlan): Promise<CrowdRow[]> {
  const measurer = new Measurer(plan);
  const { heap } = measurer;
  await measurer.open();
  const before = await measurer.measure('few workers', 2, 0);
  const closed = new SharedArrayBuffer(4);
  const data: CrowdData = { token: heap.token, closed };
  const crowd: Worker[] = [];
  for (let i = 0; i < plan.bystanders; i++) crowd.push(await enterCrowd(heap, data));
  const reservations = Array.from({ length: plan.reserved }, () => heap.reserve());
  const many = await measurer.measure('many workers', 2 + plan.bystanders, plan.reserved);
  await release(closed, crowd);
  for (const { workerId } of reservations) heap.reclaim(workerId);
  const after = await measurer.measure('few again', 2, 0);
  await measurer.close();
  return [before, many, after];
}
