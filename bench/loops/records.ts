import { type MessagePort } from 'node:worker_threads';
import { type Allocator, type Memory } from '../allocator.js';
import { type Ring } from './producer-consumer.js';

/** Records up to this size are written and read as a whole, bigger ones by a word in every page. */
const WHOLE_BYTES = 4096;

/** A record of 8-byte words, of which every `stride`-th is written by the sender and read by the receiver. */
export interface Layout {
  readonly bytes: number;
  readonly words: number;
  readonly stride: number;
}

export function layoutOf(bytes: number): Layout {
  return { bytes, words: bytes / 8, stride: bytes <= WHOLE_BYTES ? 1 : WHOLE_BYTES / 8 };
}

/** Sends records by their addresses; returns the number that the next record begins with. */
export function sendAddresses(
  heap: Allocator & Memory,
  ring: Ring,
  { bytes, words, stride }: Layout,
  batches: number,
  from: number,
): number {
  const { batch } = ring;
  const { addresses } = ring.slots;
  let value = from;
  for (let i = 0; i < batches; i++) {
    const first = ring.claim();
    for (let slot = first; slot < first + batch; slot++, value++) {
      const address = heap.malloc(bytes);
      const { f64 } = heap;
      const at = address >>> 3;
      for (let word = 0; word < words; word += stride) f64[at + word] = value + word;
      addresses[slot] = address;
    }
    ring.publish();
  }
  return value;
}

/** Reads and frees what `sendAddresses` sent; returns the sum of the words read. */
export function receiveAddresses(
  heap: Allocator & Memory,
  ring: Ring,
  { words, stride }: Layout,
  batches: number,
): number {
  const { batch } = ring;
  const { addresses } = ring.slots;
  let sum = 0;
  for (let i = 0; i < batches; i++) {
    const first = ring.take();
    for (let slot = first; slot < first + batch; slot++) {
      const address = addresses[slot];
      const { f64 } = heap;
      const at = address >>> 3;
      for (let word = 0; word < words; word += stride) sum += f64[at + word];
      heap.free(address);
    }
    ring.release();
  }
  return sum;
}

export type Message = Float64Array | Float64Array[];

/** Sends records as messages, `ring.batch` in each; the ring only keeps the sender from running too far ahead. */
export function postRecords(
  port: MessagePort,
  transfer: boolean,
  ring: Ring,
  { words, stride }: Layout,
  batches: number,
  from: number,
): number {
  const { batch } = ring;
  let value = from;
  for (let i = 0; i < batches; i++) {
    ring.claim();
    const records: Float64Array[] = [];
    for (let k = 0; k < batch; k++, value++) {
      const record = new Float64Array(words);
      for (let word = 0; word < words; word += stride) record[word] = value + word;
      records.push(record);
    }
    const message: Message = batch === 1 ? records[0] : records;
    if (transfer)
      port.postMessage(
        message,
        records.map((record) => record.buffer as ArrayBuffer),
      );
    else port.postMessage(message);
    ring.bypass();
  }
  return value;
}

/** Reads `batches` messages as they come; resolves to the sum of the words read. */
export function receiveRecords(
  port: MessagePort,
  ring: Ring,
  { words, stride }: Layout,
  batches: number,
): Promise<number> {
  return new Promise((resolve) => {
    let sum = 0;
    let left = batches;
    const receive = (message: Message): void => {
      for (const record of Array.isArray(message) ? message : [message]) {
        for (let word = 0; word < words; word += stride) sum += record[word];
      }
      ring.release();
      if (--left > 0) return;
      port.off('message', receive);
      resolve(sum);
    };
    port.on('message', receive);
  });
}
