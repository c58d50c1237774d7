import { type Heap } from 'sabmalloc';
import { describe, expect, it } from 'vitest';
import { heapsOfTest, MIB } from '../kit/heaps.js';
import { seeded } from '../kit/random.js';
import { workersOfTest } from '../kit/workers.js';

const create = heapsOfTest();
const workers = workersOfTest();

/** What is counted of the calls so far, large blocks included. */
function counted(heap: Heap): { allocations: number; frees: number } {
  const { cacheHits, cacheMisses, frees, counters } = heap.stats();
  return {
    allocations: cacheHits + cacheMisses + counters.largeAllocations,
    frees: frees + counters.largeFrees,
  };
}

describe('at profileLevel', () => {
  it('0 no hit and no free is counted, but misses and spills are', () => {
    const heap = create();
    for (let round = 0; round < 3; round++) heap.freeMany(heap.mallocMany(64, 1000));
    const { cacheHits, frees, cacheMisses, cacheSpills, counting, sampleEvery } = heap.stats();
    expect({ cacheHits, frees, counting, sampleEvery }).toEqual({
      cacheHits: 0,
      frees: 0,
      counting: 'none',
      sampleEvery: 0,
    });
    expect(Math.min(cacheMisses, cacheSpills)).toBeGreaterThan(0);
  });

  // Each call a sample of itself: every way through the sampled functions shows.
  it.each([
    ['1 with every call a sample', { profileLevel: 1, sampleEvery: 1 }, 'sampled'],
    ['2', { profileLevel: 2 }, 'exact'],
    ['3', { profileLevel: 3, maxWorkers: 4 }, 'exact'],
  ] as const)('%s every call is counted', async (_, options, counting) => {
    const heap = create(options);
    await seeded((random) => {
      const live: number[] = [];
      let [allocations, frees] = [0, 0];
      for (let i = 0; i < 3000; i++) {
        if (live.length > 0 && random.oneIn(2)) {
          heap.free(live.splice(random.int(0, live.length - 1), 1)[0]);
          frees++;
        } else {
          const bytes = random.size(0, 100_000);
          live.push(random.oneIn(4) ? heap.calloc(bytes) : heap.malloc(bytes, random.oneIn(5) ? 64 : undefined));
          allocations++;
        }
      }
      heap.free(heap.alloc(Float64Array, 10));
      heap.free(0);
      expect(() => heap.free(12)).toThrow();
      expect(counted(heap)).toEqual({ allocations: allocations + 1, frees: frees + 1 });
      expect(heap.stats().counting).toBe(counting);
    })();
  });

  it('2 the counts of classes and workers add up, also those of workers that left', async () => {
    const heap = create({ profileLevel: 2, maxBytes: 16 * MIB });
    const other = await workers.agent(heap);
    const blocks = await other.heap<number[]>('mallocMany', 100, 500);
    heap.freeMany(blocks);
    await other.heap('mallocMany', 3000, 10);
    await other.call('freeAll', heap.mallocMany(48, 20));
    const rows = (): number[] => {
      const { classes, cacheHits, cacheMisses, frees, remoteFrees } = heap.stats();
      const sum = (field: 'cacheHits' | 'cacheMisses' | 'frees' | 'remoteFrees'): number =>
        classes.reduce((total, each) => total + each[field], 0);
      expect([sum('cacheHits'), sum('cacheMisses')]).toEqual([cacheHits, cacheMisses]);
      expect([sum('frees'), sum('remoteFrees')]).toEqual([frees, remoteFrees]);
      return [cacheHits + cacheMisses, frees, remoteFrees];
    };
    expect(rows()).toEqual([530, 520, 520]);
    const { classes } = heap.stats();
    await other.call('detach');
    expect(rows()).toEqual([530, 520, 520]);
    const counts = (of: typeof classes): unknown[] =>
      of.map(({ class: id, cacheHits, frees }) => [id, cacheHits, frees]);
    expect(counts(heap.stats().classes)).toEqual(counts(classes));
  });
});

describe('who has left', () => {
  it('counts nothing: where the counters were there is memory of others now', () => {
    const heap = create({ profileLevel: 1, sampleEvery: 1, maxBytes: MIB, backing: 'fixed' });
    const blocks = heap.mallocMany(16, 20);
    const { memory } = heap.token;
    heap.detach();
    const before = new Uint8Array(memory as SharedArrayBuffer).slice();
    for (const block of blocks) expect(() => heap.free(block)).toThrow('detached');
    expect(Buffer.compare(before, new Uint8Array(memory as SharedArrayBuffer))).toBe(0);
  });
});

describe('segments', () => {
  it(
    'add up to the heap, whatever crosses from one into the next',
    seeded((random) => {
      const heap = create({ maxBytes: 64 * MIB });
      const live: number[] = [];
      for (let i = 0; i < 400; i++) {
        if (live.length > 0 && random.oneIn(4)) heap.free(live.splice(random.int(0, live.length - 1), 1)[0]);
        else live.push(heap.malloc(random.size(0, 600_000)));
      }
      const { segments, reservedBytes, liveBytes, classes, largeBytes, largeBlocks } = heap.stats();
      const sum = (field: Exclude<keyof (typeof segments)[number], 'address'>): number =>
        segments.reduce((total, each) => total + each[field], 0);
      expect(segments.length).toBe(Math.ceil(reservedBytes / (4 * MIB)));
      expect(segments.length).toBeGreaterThan(2);
      expect(segments.map(({ address }) => address)).toEqual(segments.map((_, i) => i * 4 * MIB));
      for (const { slabBytes, spanBytes, freeBytes, metadataBytes, reservedBytes: bytes } of segments) {
        expect(Math.min(slabBytes, spanBytes, freeBytes, metadataBytes)).toBeGreaterThanOrEqual(0);
        expect(slabBytes + spanBytes + freeBytes + metadataBytes).toBe(bytes);
      }
      expect(sum('reservedBytes')).toBe(reservedBytes);
      expect(sum('slabBytes')).toBe(classes.reduce((total, each) => total + each.committedBytes, 0));
      expect(sum('slabs')).toBe(classes.reduce((total, each) => total + each.slabs, 0));
      expect([sum('spanBytes'), sum('spans')]).toEqual([largeBytes, largeBlocks]);
      expect(sum('liveBytes')).toBe(liveBytes);
    }),
  );

  it('end where the region does', () => {
    const heap = create({ maxBytes: 4 * MIB + 5 * 4096, backing: 'fixed' });
    const [, { reservedBytes, freeBytes, metadataBytes }] = heap.stats().segments;
    expect([reservedBytes, freeBytes, metadataBytes]).toEqual([5 * 4096, 5 * 4096, 0]);
  });

  it('begin where the region does', () => {
    const memory = new SharedArrayBuffer(8 * MIB);
    const heap = create({ memory, memoryOffset: 3 * MIB + 8192 });
    const { segments } = heap.stats();
    expect(segments.map(({ address }) => address)).toEqual([3 * MIB + 8192, 4 * MIB]);
    expect(segments[0].reservedBytes).toBe(MIB - 8192);
  });
});
