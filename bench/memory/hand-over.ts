import { Worker } from 'node:worker_threads';
import { type HandOverData } from '../../workers/hand-over-worker.js';
import { type Allocator } from '../allocator.js';
import { type Draw } from '../draw.js';
import { Ring } from '../loops/producer-consumer.js';
import { HAND_OVER_SCRIPT } from '../paths.js';
import { reportOf } from '../pool.js';
import { createHeap } from '../rivals/ground.js';
import { slotsBytes, type Slots } from '../slots.js';
import { type MemoryPlan } from './cases.js';
import { rowOf, type MemoryRow } from './rows.js';

const NOW = 0;
const MOST = 1;

/** Bytes that were made and not yet freed, kept by all workers together. */
export class InFlight {
  readonly #words: Int32Array;

  static readonly BYTES = 8;

  constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer, 0, 2);
  }

  add(bytes: number): void {
    const now = Atomics.add(this.#words, NOW, bytes) + bytes;
    let most = Atomics.load(this.#words, MOST);
    while (now > most) {
      const seen = Atomics.compareExchange(this.#words, MOST, most, now);
      if (seen === most) return;
      most = seen;
    }
  }

  get most(): number {
    return Atomics.load(this.#words, MOST);
  }
}

/** Fills a batch. It counts as a whole and before anybody can free it, so what is in flight is never overstated. */
export function makeBatch(heap: Allocator, ring: Ring, draw: Draw, inFlight: InFlight): void {
  const first = ring.claim();
  const { addresses, sizes } = ring.slots;
  let bytes = 0;
  for (let slot = first; slot < first + ring.batch; slot++) {
    const size = draw.nextSize();
    addresses[slot] = heap.malloc(size);
    sizes[slot] = size;
    bytes += size;
  }
  inFlight.add(bytes);
  ring.publish();
}

const bytesIn = ({ sizes }: Slots, first: number, count: number): number =>
  sizes.subarray(first, first + count).reduce((sum, size) => sum + size, 0);

export function freeBatch(heap: Allocator, ring: Ring, inFlight: InFlight): void {
  const first = ring.take();
  const { addresses } = ring.slots;
  for (let slot = first; slot < first + ring.batch; slot++) heap.free(addresses[slot]);
  inFlight.add(-bytesIn(ring.slots, first, ring.batch));
  ring.release();
}

const BATCH = 64;

async function handOver(plan: MemoryPlan, producers: number, blocksInFlight: number): Promise<MemoryRow> {
  const heap = createHeap({ preset: plan.preset, options: {} });
  const slots = blocksInFlight / producers;
  const common: Omit<HandOverData, 'index'> = {
    token: heap.token,
    producers,
    slots,
    batch: BATCH,
    batches: Math.ceil(plan.handedOver / producers / BATCH),
    tables: new SharedArrayBuffer(slotsBytes(producers, slots)),
    counters: new SharedArrayBuffer(producers * Ring.COUNTER_BYTES),
    inFlight: new SharedArrayBuffer(InFlight.BYTES),
  };
  const workers = Array.from({ length: producers + 1 }, (_, index) => {
    const worker = new Worker(HAND_OVER_SCRIPT, { workerData: { ...common, index } satisfies HandOverData });
    heap.watch(worker);
    return worker;
  });
  try {
    await Promise.all(workers.map((worker) => reportOf(worker)));
    const { peakCommittedBytes } = heap.stats();
    const name = `${producers} to 1, ${blocksInFlight.toLocaleString('en')} in flight, peak`;
    return rowOf(name, new InFlight(common.inFlight).most, peakCommittedBytes);
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
    heap.detach();
  }
}

/** Producers allocate, one consumer frees; rings keep what is in flight within bounds. */
export async function handOverRows(plan: MemoryPlan): Promise<MemoryRow[]> {
  const rows: MemoryRow[] = [];
  for (const inFlight of [1024, 65536])
    for (const producers of [1, 4]) rows.push(await handOver(plan, producers, inFlight));
  return rows;
}
