import { type Heap } from 'sabmalloc';
import { empty } from '../kit/contracts.js';
import { ensure } from '../kit/errors.js';
import { fillMixed, freeAll, KIB } from '../kit/heaps.js';
import { useEverySlot, type WorkersOfTest } from '../kit/workers.js';

/** What a heap takes. */
export interface Mark {
  readonly bytes: number;
  /** What it keeps for itself when all of it is freed. */
  readonly committedBytes: number;
}

/** Fills an empty heap to the brim and empties it. */
export function measure(heap: Heap, seed: number): Mark {
  const { addresses, bytes } = fillMixed(heap, seed, 256 * KIB);
  freeAll(heap, addresses);
  heap.collect();
  empty(heap);
  return { bytes, committedBytes: heap.stats().committedBytes };
}

/** An empty heap takes what a fresh one took: all that the dead had is taken over, and every worker slot can be used. */
export async function isAsFresh(
  heap: Heap,
  fresh: Mark,
  { seed, maxWorkers, start }: { seed: number; maxWorkers: number; start: WorkersOfTest['start'] },
): Promise<void> {
  await useEverySlot({ start }, heap, maxWorkers);
  heap.collect();
  empty(heap);
  const used = measure(heap, seed);
  ensure(used.bytes >= 0.998 * fresh.bytes, () => `the heap takes ${used.bytes} bytes, a fresh one ${fresh.bytes}`);
  ensure(used.committedBytes <= fresh.committedBytes, () => {
    return `${used.committedBytes} bytes stay committed in the empty heap, in a fresh one ${fresh.committedBytes}`;
  });
}
