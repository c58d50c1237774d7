/** One worker of the hand-over in `npm run bench -- memory`: makes blocks of 16 to 1,024 bytes, or frees what all others made. */
import { parentPort, workerData } from 'node:worker_threads';
import { Heap } from 'sabmalloc';
import { Ring } from '../bench/loops/producer-consumer.js';
import { drawOf } from '../bench/memory/blocks.js';
import { freeBatch, InFlight, makeBatch } from '../bench/memory/hand-over.js';
import { slotsAt } from '../bench/slots.js';

export interface HandOverData {
  readonly token: Heap['token'];
  /** The worker whose index is this number consumes, those below it produce. */
  readonly producers: number;
  readonly index: number;
  /** Of the ring that each producer has. */
  readonly slots: number;
  readonly batch: number;
  /** Of each producer. */
  readonly batches: number;
  readonly tables: SharedArrayBuffer;
  readonly counters: SharedArrayBuffer;
  readonly inFlight: SharedArrayBuffer;
}

function ringOf({ tables, producers, slots, counters, batch }: HandOverData, index: number): Ring {
  const words = new Int32Array(counters, index * Ring.COUNTER_BYTES, Ring.COUNTER_BYTES / 4);
  return new Ring(slotsAt(tables, producers, slots, index), words, batch);
}

function play(data: HandOverData): void {
  const { producers, index, batches } = data;
  const heap = Heap.attach(data.token);
  const inFlight = new InFlight(data.inFlight);
  if (index < producers) {
    const ring = ringOf(data, index);
    const draw = drawOf({ min: 16, max: 1024 }, index);
    for (let i = 0; i < batches; i++) makeBatch(heap, ring, draw, inFlight);
  } else {
    const rings = Array.from({ length: producers }, (_, from) => ringOf(data, from));
    for (let i = 0; i < batches; i++) for (const ring of rings) freeBatch(heap, ring, inFlight);
  }
  heap.detach();
}

play(workerData as HandOverData);
parentPort?.postMessage('done');
