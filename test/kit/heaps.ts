import { Heap } from 'sabmalloc';
import { afterEach } from 'vitest';
import { Random } from './random.js';

export const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;

type CreateOptions = NonNullable<Parameters<typeof Heap.create>[0]>;

/** Gives a `create` whose heaps are left after each test, so that no test's memory lives longer than the test. */
export function heapsOfTest(): (options?: CreateOptions) => Heap {
  const heaps: Heap[] = [];
  afterEach(() => {
    for (const heap of heaps.splice(0)) leave(heap);
  });
  return (options) => {
    // Tests leave blocks behind: no report, unless it is what they test.
    const heap = Heap.create({ leakReport: 'off', ...options });
    heaps.push(heap);
    return heap;
  };
}

/** Detaches, whether or not the test has done so before. */
export function leave(heap: Heap): void {
  try {
    heap.detach();
  } catch {
    // It was detached already.
  }
}

export interface Filling {
  readonly addresses: number[];
  readonly bytes: number;
}

/** Blocks of one size until there is no room for another. */
export function fillWith(heap: Heap, bytes: number, alignment?: number): Filling {
  const addresses: number[] = [];
  for (;;) {
    const address = heap.tryMalloc(bytes, alignment);
    if (address === 0) return { addresses, bytes: addresses.length * bytes };
    addresses.push(address);
  }
}

/**
 * Mixed sizes until one is refused, then ever smaller ones, in steps that no size class slips through: to the true brim.
 * `bytes` is what the blocks can hold.
 */
export function fillMixed(heap: Heap, seed: number, largest: number): Filling {
  const random = new Random(seed);
  const addresses: number[] = [];
  let bytes = 0;
  const add = (wanted: number): boolean => {
    const address = heap.tryMalloc(wanted);
    if (address === 0) return false;
    addresses.push(address);
    bytes += heap.usableSize(address);
    return true;
  };
  while (add(random.size(16, largest)));
  for (let most = largest; most >= 16; most = Math.floor(most * 0.92)) while (add(most));
  return { addresses, bytes };
}

export function freeAll(heap: Heap, addresses: Iterable<number>): void {
  for (const address of addresses) heap.free(address);
}

/** The largest single block there is room for, to within `step` bytes. */
export function largestBlock(heap: Heap, limit: number, step = 4 * KIB): number {
  let [low, high] = [0, Math.ceil(limit / step)];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const address = heap.tryMalloc(middle * step);
    heap.free(address);
    if (address === 0) high = middle - 1;
    else low = middle;
  }
  return low * step;
}
