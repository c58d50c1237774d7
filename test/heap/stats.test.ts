import { type Heap } from 'sabmalloc';
import { describe, expect, it } from 'vitest';
import { empty, walk } from '../kit/contracts.js';
import { freeAll, heapsOfTest, MIB } from '../kit/heaps.js';
import { type Random, seeded } from '../kit/random.js';
import { workersOfTest } from '../kit/workers.js';

const create = heapsOfTest();
const workers = workersOfTest();

/** What holds for the numbers of any heap whose workers are at rest. */
function consistent(heap: Heap): void {
  const stats = heap.stats();
  const { reservedBytes, committedBytes, peakCommittedBytes, liveBytes, liveBlocks } = stats;
  for (const number of [reservedBytes, committedBytes, peakCommittedBytes, liveBytes, liveBlocks]) {
    expect(Number.isInteger(number) && number >= 0).toBe(true);
  }
  const blocks = [...walk(heap).values()];
  expect(liveBlocks).toBe(blocks.length);
  expect(liveBytes).toBe(blocks.reduce((sum, { size }) => sum + size, 0));
  expect(liveBytes).toBeLessThanOrEqual(committedBytes);
  expect(committedBytes).toBeLessThanOrEqual(reservedBytes);
  expect(committedBytes).toBeLessThanOrEqual(peakCommittedBytes);
  expect(peakCommittedBytes).toBeLessThanOrEqual(reservedBytes);
  expect(JSON.parse(JSON.stringify(stats))).toStrictEqual(stats);
  expect(structuredClone(stats)).toStrictEqual(stats);
  expect(Object.getPrototypeOf(stats)).toBe(Object.prototype);
}

/** Frees some and allocates some, so that slabs are partly filled. */
function stir(heap: Heap, random: Random, live: number[]): void {
  for (let i = 0; i < 300; i++) {
    if (live.length > 0 && random.oneIn(3)) heap.free(live.splice(random.int(0, live.length - 1), 1)[0]);
    else live.push(heap.malloc(random.size(0, 40_000)));
  }
}

describe('stats', () => {
  it(
    'equal the walk at every rest',
    seeded((random) => {
      const heap = create({ maxBytes: 64 * MIB });
      consistent(heap);
      const live: number[] = [];
      for (let round = 0; round < 15; round++) {
        stir(heap, random, live);
        consistent(heap);
        expect(heap.stats().liveBlocks).toBe(live.length);
      }
      freeAll(heap, live);
      consistent(heap);
      heap.collect();
      consistent(heap);
      empty(heap);
    }),
  );

  it(
    'count what other workers hold, and what they freed',
    seeded(async (random) => {
      const heap = create({ maxBytes: 64 * MIB });
      const others = await workers.agents(heap, 2);
      const live: number[] = [];
      for (let round = 0; round < 6; round++) {
        for (const other of others) {
          const blocks = await other.call<[number, number][]>('allocate', 100, 0, 20_000, random.next(), 1);
          live.push(...blocks.map(([address]) => address));
        }
        stir(heap, random, live);
        consistent(heap);
        expect(heap.stats().liveBlocks).toBe(live.length);
        const gone = random.shuffle(live).splice(0, live.length >>> 1);
        await others[round % 2].call('freeAll', gone);
        // Freed, though their owners have not yet brought them home.
        consistent(heap);
        expect(heap.stats().liveBlocks).toBe(live.length);
        expect((await others[1].heap<{ liveBlocks: number }>('stats')).liveBlocks).toBe(live.length);
      }
      freeAll(heap, live);
      for (const other of others) await other.heap('collect');
      heap.collect();
      consistent(heap);
      empty(heap);
    }),
  );

  it('say what a walk says of each block', () => {
    const heap = create({ maxBytes: 16 * MIB });
    const sizes = [0, 1, 16, 100, 1000, 30_000, 50_000, MIB];
    const addresses = sizes.map((bytes) => heap.malloc(bytes));
    const blocks = new Map([...heap.blocks()].map((block) => [block.address, block]));
    expect(blocks.size).toBe(sizes.length);
    for (const [i, address] of addresses.entries()) {
      const block = blocks.get(address)!;
      expect(block.size).toBeGreaterThanOrEqual(sizes[i]);
      expect(block.size).toBeLessThanOrEqual(heap.usableSize(address));
      expect(Object.keys(block)).toEqual(expect.arrayContaining(['address', 'size', 'class', 'owner']));
      for (const value of Object.values(block)) expect(Number.isInteger(value)).toBe(true);
    }
  });

  it.each([16, 100, 5000, 32_768])('name the owner of each block of %i bytes', async (bytes) => {
    const heap = create({ maxBytes: 16 * MIB });
    const other = await workers.agent(heap);
    const mine = [heap.malloc(bytes), heap.malloc(bytes)];
    const theirs = [await other.heap<number>('malloc', bytes), await other.heap<number>('malloc', bytes)];
    const owners = new Map([...heap.blocks()].map(({ address, owner }) => [address, owner]));
    for (const address of mine) expect(owners.get(address)).toBe(heap.workerId);
    const id = await other.call('property', 'workerId');
    for (const address of theirs) expect(owners.get(address)).toBe(id);
  });

  it('commit with demand and give back with collect()', () => {
    const heap = create({ maxBytes: 64 * MIB });
    // The region grows once; what describes the grown part stays committed.
    heap.free(heap.malloc(40 * MIB));
    heap.collect();
    const before = heap.stats().committedBytes;
    expect(before).toBeLessThan(0.03 * 64 * MIB);
    const live = [...heap.mallocMany(1000, 10_000), heap.malloc(20 * MIB)];
    const full = heap.stats();
    expect(full.committedBytes - before).toBeGreaterThanOrEqual(20 * MIB + 10_000_000);
    expect(full.liveBytes).toBeGreaterThanOrEqual(20 * MIB + 10_000_000);
    expect(full.committedBytes - before).toBeLessThan((20 * MIB + 10_000_000) * 1.25);
    freeAll(heap, live);
    heap.collect();
    const { committedBytes, peakCommittedBytes } = heap.stats();
    expect(committedBytes).toBe(before);
    expect(peakCommittedBytes).toBeGreaterThanOrEqual(full.committedBytes);
  });
});

describe('collect', () => {
  it('says how many bytes it got back', async () => {
    const heap = create({ maxBytes: 64 * MIB });
    const other = await workers.agent(heap);
    heap.collect();
    const addresses = Array.from(heap.mallocMany(1024, 5000));
    await other.call('freeAll', addresses);
    const bytes = heap.collect();
    expect(Number.isInteger(bytes)).toBe(true);
    expect(bytes).toBeGreaterThan(4000 * 1024);
    expect(bytes).toBeLessThanOrEqual(2 * 5000 * 1024);
    empty(heap);
    expect(heap.collect()).toBe(0);
  });

  it('gives back what one worker does not need, for another to use', async () => {
    const heap = create({ maxBytes: 8 * MIB });
    const other = await workers.agent(heap);
    const addresses = await other.call<[number, number][]>('allocate', 5000, 1000, 1000, 1, 1);
    await other.call(
      'freeAll',
      addresses.map(([address]) => address),
    );
    await other.heap('collect');
    heap.free(heap.malloc(6 * MIB));
    empty(heap);
  });
});
