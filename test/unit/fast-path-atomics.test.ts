import { Heap } from 'sabmalloc';
import { describe, expect, it } from 'vitest';
import { countAtomics } from '../kit/atomics.js';

describe('the fast path calls no Atomics', () => {
  it('when a worker frees its own blocks into a cache with room and allocates from a cache that is not empty', () => {
    using heap = Heap.create({ maxBytes: 16 << 20 });
    const sizes = [1, 16, 24, 64, 100, 500, 1024, 1500, 4096, 20000];
    for (const bytes of sizes) heap.free(heap.malloc(bytes));
    const calls = countAtomics(() => {
      for (let round = 0; round < 50; round++) for (const bytes of sizes) heap.free(heap.malloc(bytes));
    });
    expect(calls).toBe(0);
  });

  it('for bursts that the cache holds', () => {
    using heap = Heap.create({ maxBytes: 16 << 20 });
    const warm = heap.mallocMany(64, 50);
    heap.freeMany(warm);
    const calls = countAtomics(() => {
      for (let round = 0; round < 20; round++) {
        const blocks: number[] = [];
        for (let i = 0; i < 50; i++) blocks.push(heap.malloc(64));
        for (const block of blocks) heap.free(block);
      }
    });
    expect(calls).toBe(0);
  });

  it('but the slow path does, so the counter counts', () => {
    using heap = Heap.create({ maxBytes: 16 << 20 });
    expect(countAtomics(() => heap.malloc(64))).toBeGreaterThan(0);
    expect(countAtomics(() => heap.free(heap.malloc(100_000)))).toBeGreaterThan(0);
  });
});
