import { type Heap } from 'sabmalloc';
import { describe, expect, it } from 'vitest';
import { BUDGET, longTest } from '../kit/budget.js';
import { empty, noOverlap } from '../kit/contracts.js';
import { type Filling, fillMixed, fillWith, freeAll, heapsOfTest, KIB, largestBlock, MIB } from '../kit/heaps.js';
import { SEED, seeded } from '../kit/random.js';
import { workersOfTest } from '../kit/workers.js';

const create = heapsOfTest();
const workers = workersOfTest();

/** Bytes that the blocks of a filling can hold. */
const usableOf = (heap: Heap, { addresses }: Filling): number =>
  addresses.reduce((sum, address) => sum + heap.usableSize(address), 0);

/**
 * Fills and empties again and again, and returns the bytes of each filling. They must not drift: an emptied heap is an
 * emptied heap, however often it was full.
 */
function marksOf(heap: Heap, fill: (heap: Heap) => Filling): number[] {
  const marks: number[] = [];
  for (let round = 0; round < BUDGET.brimRounds; round++) {
    const filling = fill(heap);
    if (round === 0) {
      heap.check();
      noOverlap(filling.addresses.map((address) => ({ address, bytes: heap.usableSize(address) })));
    }
    marks.push(filling.bytes);
    freeAll(heap, filling.addresses);
    heap.collect();
    if (round === 0) empty(heap);
  }
  empty(heap);
  return marks;
}

/**
 * Exactly the same mark each time. Where the region grows during the first filling, what grew when decides a little
 * about where blocks lie, so only from the second on; and the first differs by next to nothing.
 */
function areTheSame(marks: readonly number[], grows: boolean): void {
  const rest = grows ? marks.slice(1) : marks;
  expect(new Set(rest).size, `bytes of each filling: ${marks.join()}`).toBeLessThanOrEqual(1);
  for (const mark of rest) expect(mark).toBeGreaterThanOrEqual(marks[0] * 0.998);
}

describe('a region filled to the brim and emptied', () => {
  it.each([
    [1, 64],
    [1, 1000],
    [1, 40_000],
    [16, 16],
    [16, 3000],
    [16, 300_000],
    [64, 512],
    [64, 20_000],
    [64, MIB],
  ])(
    'of %i MiB takes as many blocks of %i bytes the next time',
    (mebibytes, bytes) => {
      for (const backing of ['fixed', 'growable'] as const) {
        const heap = create({ backing, maxBytes: mebibytes * MIB });
        areTheSame(
          marksOf(heap, (full) => fillWith(full, bytes)),
          backing === 'growable',
        );
      }
    },
    longTest(60_000),
  );

  it.each([
    [1, 'fixed'],
    [16, 'fixed'],
    [64, 'fixed'],
    [64, 'growable'],
    [64, 'wasm'],
  ] as const)(
    'of %i MiB, backing %s, takes as many bytes of mixed sizes the next time',
    (mebibytes, backing) =>
      seeded(() => {
        const largest = Math.min(MIB, mebibytes * 32 * KIB);
        const heap = create({ backing, maxBytes: mebibytes * MIB });
        areTheSame(
          marksOf(heap, (full) => fillMixed(full, SEED, largest)),
          backing !== 'fixed',
        );
      })(),
    longTest(60_000),
  );

  it('takes small blocks where large ones were, and the other way round', () => {
    const heap = create({ maxBytes: 16 * MIB });
    const marks = new Map<number, number>();
    const sizes = [16, 100_000, 128, 5000, 32_768, 1000, 2 * MIB];
    for (let round = 0; round < 3; round++) {
      for (const bytes of sizes) {
        const { addresses } = fillWith(heap, bytes);
        const first = marks.get(bytes) ?? addresses.length;
        marks.set(bytes, first);
        expect(addresses.length, `${bytes} bytes, round ${round}`).toBeGreaterThanOrEqual(first);
        freeAll(heap, addresses);
        heap.collect();
      }
    }
    for (const [bytes, count] of marks) expect(bytes * count, `${bytes} bytes`).toBeGreaterThan(0.75 * 16 * MIB);
    empty(heap);
  });

  it('finds room for what was refused, block by block, without collect()', () => {
    const heap = create({ maxBytes: 4 * MIB });
    const { addresses } = fillWith(heap, 2000);
    for (let i = 0; i < 3000; i++) {
      const at = (i * 7) % addresses.length;
      heap.free(addresses[at]);
      addresses[at] = heap.malloc(2000);
    }
    freeAll(heap, addresses);
    heap.collect();
    empty(heap);
  });

  // Without it a heap would hold an empty slab for each class that it ever used, and refuse what would fit.
  it('has room for another size once the first is freed, without collect()', () => {
    const heap = create({ maxBytes: 4 * MIB });
    for (const bytes of [16, 4096, 100_000, 200, 1500, 16]) {
      const { addresses } = fillWith(heap, bytes);
      expect(addresses.length * bytes, `${bytes} bytes`).toBeGreaterThan(0.6 * 4 * MIB);
      freeAll(heap, addresses);
    }
  });
});

describe('a region of 64 MiB, filled to exhaustion by its owner and freed by other workers', () => {
  it.each(['fixed', 'growable'] as const)(
    'takes the same number of bytes 20 times, and one block of three fifths of the region as well: backing %s',
    (backing) =>
      seeded(async (random) => {
        const heap = create({ backing, maxBytes: 64 * MIB });
        const others = await workers.agents(heap, 2);
        const marks: number[] = [];
        for (let round = 0; round < BUDGET.brimRounds; round++) {
          const { addresses, bytes } = fillMixed(heap, SEED, 256 * KIB);
          marks.push(bytes);
          random.shuffle(addresses);
          const middle = addresses.length >>> 1;
          await Promise.all([
            others[0].call('freeAll', addresses.slice(0, middle)),
            others[1].call('freeAll', addresses.slice(middle)),
          ]);
          heap.collect();
          heap.free(heap.malloc(Math.floor(0.6 * 64 * MIB)));
          if (round % 5 === 0) empty(heap);
        }
        areTheSame(marks, backing !== 'fixed');
        empty(heap);
      })(),
    longTest(120_000),
  );

  it(
    'has room for new blocks at once, because malloc brings home what others freed',
    async () => {
      const heap = create({ maxBytes: 4 * MIB });
      const other = await workers.agent(heap);
      for (const bytes of [64, 3000, 20_000, 100_000]) {
        const { addresses } = fillWith(heap, bytes);
        await other.call('freeAll', addresses);
        const again = fillWith(heap, bytes);
        expect(again.addresses.length, `${bytes} bytes`).toBeGreaterThanOrEqual(addresses.length * 0.95);
        freeAll(heap, again.addresses);
        heap.collect();
      }
      empty(heap);
    },
    longTest(60_000),
  );
});

describe('a region yields', () => {
  const sizes = [16, 48, 64, 100, 112, 128, 256, 500, 1024, 3000, 4096, 8192, 20_000, 32_768, 34_000];
  const large = [45_000, 57_000, 66_000, 73_000, 90_000, 100_000];

  it.each([...sizes, ...large])('as blocks of %i bytes three fifths of 1 MiB', (bytes) => {
    const heap = create({ maxBytes: MIB });
    expect(usableOf(heap, fillWith(heap, bytes))).toBeGreaterThanOrEqual(0.6 * MIB);
  });

  // Runs of slices that may not lie across some border would leave a hole before each border.
  it.each(large)('as blocks of %i bytes 85 hundredths of 64 MiB', (bytes) => {
    const heap = create({ maxBytes: 64 * MIB });
    expect(usableOf(heap, fillWith(heap, bytes))).toBeGreaterThanOrEqual(0.85 * 64 * MIB);
  });

  it('as blocks of mixed sizes three fifths of 1 MiB', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const heap = create({ maxBytes: MIB });
      expect(usableOf(heap, fillMixed(heap, seed, 32 * KIB)), `seed ${seed}`).toBeGreaterThanOrEqual(0.6 * MIB);
    }
  });

  it('something useful of 512 KiB', () => {
    const heap = create({ maxBytes: 512 * KIB });
    for (const bytes of [16, 1000, 20_000, 100_000]) {
      const filling = fillWith(heap, bytes);
      expect(usableOf(heap, filling), `${bytes} bytes`).toBeGreaterThan(100_000);
      heap.check();
      freeAll(heap, filling.addresses);
      heap.collect();
      empty(heap);
    }
  });

  it('512 KiB to two workers', async () => {
    const heap = create({ maxBytes: 512 * KIB, maxWorkers: 2 });
    const other = await workers.agent(heap);
    const theirs = await other.call<[number, number][]>('allocate', 20, 16, 1000, 1, 7);
    const mine = heap.malloc(50_000);
    noOverlap([{ address: mine, bytes: 50_000 }, ...theirs.map(([address, bytes]) => ({ address, bytes }))]);
    expect(await other.call('damaged', theirs, 7)).toBe(0);
    heap.freeMany(theirs.map(([address]) => address));
    heap.free(mine);
    await other.heap('collect');
    heap.collect();
    empty(heap);
  });

  it.each([64, 256])('of %i MiB all but 3 hundredths', (mebibytes) => {
    const heap = create({ maxBytes: mebibytes * MIB });
    heap.free(heap.malloc(100));
    heap.collect();
    expect(heap.stats().committedBytes).toBeLessThanOrEqual(0.03 * mebibytes * MIB);
    const { addresses, bytes } = fillWith(heap, 64 * KIB);
    expect(bytes).toBeGreaterThan(0.97 * mebibytes * MIB - 64 * KIB);
    freeAll(heap, addresses);
    heap.collect();
    expect(largestBlock(heap, mebibytes * MIB)).toBeGreaterThan(0.96 * mebibytes * MIB);
    empty(heap);
  });

  it('more than 64 KiB to single blocks: one of 60 % of the region fits', () => {
    for (const bytes of [MIB, 16 * MIB, 64 * MIB, 256 * MIB]) {
      const heap = create({ maxBytes: bytes });
      heap.free(heap.malloc(Math.floor(0.6 * bytes)));
      empty(heap);
    }
  });
});
