import { describe, expect, it } from 'vitest';
import { freeAll, heapsOfTest, KIB, MIB } from '../kit/heaps.js';

const create = heapsOfTest();

describe('what is committed follows what is live', () => {
  it('where a few blocks of every size come and go, one size after the other', () => {
    const heap = create({ maxBytes: 256 * MIB });
    const before = heap.stats().committedBytes;
    for (let bytes = 16; bytes <= 32 * KIB; bytes += 16) {
      const blocks = Array.from({ length: 3 }, () => heap.malloc(bytes));
      freeAll(heap, blocks);
    }
    // The largest three blocks, as much again that is held until the next trim, and a slice of each of the small classes.
    expect(heap.stats().peakCommittedBytes - before).toBeLessThan(8 * 32 * KIB);
  });

  it('where one size follows another one', () => {
    const heap = create({ maxBytes: 256 * MIB });
    for (const bytes of [3 * KIB, 700, 20 * KIB, 64, 5 * KIB]) {
      const blocks = Array.from({ length: Math.floor((8 * MIB) / bytes) }, () => heap.malloc(bytes));
      freeAll(heap, blocks);
    }
    expect(heap.stats().peakCommittedBytes).toBeLessThan(1.2 * 8 * MIB);
  });

  it('where a class grows, and others keep a little', () => {
    const heap = create({ maxBytes: 256 * MIB });
    const kept = [];
    for (let bytes = 16; bytes <= 32 * KIB; bytes *= 2) kept.push(heap.malloc(bytes));
    const blocks = Array.from({ length: 40_000 }, () => heap.malloc(100));
    expect(heap.stats().committedBytes).toBeLessThan(1.15 * (40_000 * 112 + 64 * KIB));
    freeAll(heap, [...blocks, ...kept]);
    heap.collect();
    expect(heap.stats().liveBlocks).toBe(0);
  });
});
