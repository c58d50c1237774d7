import { type Heap } from 'sabmalloc';
import { describe, expect, it, vi } from 'vitest';
import { heapsOfTest, MIB } from '../kit/heaps.js';
import { workersOfTest } from '../kit/workers.js';

const create = heapsOfTest();
const workers = workersOfTest();

const DEBUG = { preset: 'debug', maxBytes: 16 * MIB, guardEvery: 0, leakReport: 'off' } as const;

const NAMES = ['load', 'store', 'add', 'and', 'or', 'exchange', 'compareExchange'] as const;

/** Runs `work` up to its `n`th atomic operation, where it runs out of stack; false if it ended before. */
function cutShort(n: number, work: () => unknown): boolean {
  const originals = NAMES.map((name) => [name, Atomics[name] as (...args: unknown[]) => unknown] as const);
  let left = n;
  for (const [name, original] of originals)
    Object.assign(Atomics, {
      [name]: (...args: unknown[]) => {
        if (left-- === 1) throw new RangeError('out of stack');
        return original(...args);
      },
    });
  try {
    work();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  } finally {
    Object.assign(Atomics, Object.fromEntries(originals));
  }
  return left <= 0;
}

/** Where slabs of blocks of another size have lain, as they were left. */
function soil(heap: Heap): void {
  heap.freeMany(heap.mallocMany(470, 40));
  heap.collect();
}

/** What is cut short, given what was made ready for it. */
const CALLS: Record<string, (heap: Heap) => () => unknown> = {
  'malloc that carves a slab': (heap) => {
    soil(heap);
    return () => heap.malloc(60);
  },
  'malloc of a large block': (heap) => {
    soil(heap);
    heap.free(heap.malloc(200_000));
    return () => heap.malloc(200_000);
  },
  'malloc of what was freed before': (heap) => {
    heap.freeMany(heap.mallocMany(100, 8));
    heap.collect();
    return () => heap.malloc(100);
  },
  free: (heap) => {
    const address = heap.malloc(100);
    return () => heap.free(address);
  },
  'free of a large block': (heap) => {
    const address = heap.malloc(200_000);
    return () => heap.free(address);
  },
  realloc: (heap) => {
    const address = heap.malloc(100);
    return () => heap.realloc(address, 300);
  },
};

describe('a call cut short at any of its atomic operations', () => {
  it.each(Object.entries(CALLS))('leaves live blocks that anybody can free: %s', async (_, prepare) => {
    const said = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const heap = create(DEBUG);
    const other = await workers.agent(heap);
    let cuts = 0;
    while (cutShort(cuts + 1, prepare(heap))) {
      cuts++;
      heap.check();
      const live = [...heap.blocks()].map(({ address }) => address);
      await other.heap('freeMany', live);
      heap.collect();
      heap.check();
      expect(heap.stats()).toMatchObject({ liveBlocks: 0, counters: { damages: 0 } });
    }
    expect(cuts).toBeGreaterThan(3);
    expect(said.mock.calls).toEqual([]);
    said.mockRestore();
  });
});
