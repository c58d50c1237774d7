import { type Heap } from 'sabmalloc';
import { describe, expect, it } from 'vitest';
import { BUDGET, longTest } from '../kit/budget.js';
import { empty, noOverlap, sameBlocks } from '../kit/contracts.js';
import { freeAll, heapsOfTest, KIB, MIB } from '../kit/heaps.js';
import { type Random, seeded } from '../kit/random.js';
import { type TestWorker, workersOfTest } from '../kit/workers.js';

const create = heapsOfTest();
const workers = workersOfTest();

interface Counts {
  readonly allocated: number;
  readonly freed: number;
  readonly given: number;
  readonly taken: number;
  readonly moved: number;
  readonly refused: number;
  /** Address and bytes of each block that the worker still holds. */
  readonly held: readonly [number, number][];
}

interface Market {
  readonly traders: readonly TestWorker[];
  /** Blocks that are between two workers: an address or 0 each. */
  readonly box: Uint32Array;
}

function open(heap: Heap, count: number, random: Random, largest: number, keep: number): Market {
  const box = new Uint32Array(new SharedArrayBuffer(4 * 64));
  const traders = Array.from({ length: count }, (_, i) => {
    const data = { token: heap.token, mailbox: box.buffer, seed: random.seed + i, steps: BUDGET.tradeSteps };
    return workers.start('trader', { ...data, largest, keep });
  });
  return { traders, box };
}

const sum = (counts: readonly Counts[], key: Exclude<keyof Counts, 'held'>): number =>
  counts.reduce((total, count) => total + count[key], 0);

/** Runs them all at once; then nothing may be lost, shared or damaged. */
async function trade(heap: Heap, { traders, box }: Market): Promise<Counts[]> {
  // All are attached before the first begins: a full region has no room for another worker.
  await Promise.all(traders.map((trader) => trader.call('hello')));
  const counts = await Promise.all(traders.map((trader) => trader.call<Counts>('run')));
  const between = [...box].filter((address) => address !== 0);
  const held = counts.flatMap((count) => count.held);
  heap.check();
  sameBlocks(heap, [...between, ...held.map(([address]) => address)]);
  noOverlap([...heap.blocks()].map(({ address, size }) => ({ address, bytes: size })));
  for (const [address, bytes] of held) expect(heap.usableSize(address)).toBeGreaterThanOrEqual(bytes);
  for (const { taken } of counts) expect(taken).toBeGreaterThan(0);
  return counts;
}

async function close(heap: Heap, { traders, box }: Market): Promise<void> {
  freeAll(
    heap,
    [...box].filter((address) => address !== 0),
  );
  await Promise.all(traders.map((trader) => trader.call('drain')));
  empty(heap);
}

describe('workers that allocate, hand over, verify, resize and free at full speed', () => {
  it.each([
    ['2 workers, small blocks', 2, { maxBytes: 64 * MIB }, 300, 400],
    ['2 workers, blocks of every kind', 2, { maxBytes: 256 * MIB }, 200 * KIB, 200],
    ['4 workers, blocks of every kind', 4, { maxBytes: 256 * MIB }, 70 * KIB, 200],
    ['3 workers in a region that is nearly full', 3, { maxBytes: 4 * MIB }, 40 * KIB, 400],
    ['3 workers, preset minimal', 3, { preset: 'minimal', maxBytes: 64 * MIB }, 10 * KIB, 300],
    ['3 workers, preset debug', 3, { preset: 'debug', maxBytes: 64 * MIB }, 3 * KIB, 100],
    ['3 workers, preset perf-main', 3, { preset: 'perf-main', maxBytes: 64 * MIB }, 3 * KIB, 300],
    ['3 workers, preset research', 3, { preset: 'research', maxBytes: 64 * MIB }, 10 * KIB, 300],
    ['3 workers in a wasm memory', 3, { backing: 'wasm', maxBytes: 128 * MIB }, 100 * KIB, 200],
    ['3 workers in a fixed buffer', 3, { backing: 'fixed', maxBytes: 64 * MIB }, 30 * KIB, 200],
  ] as const)(
    '%s',
    (_, count, options, largest, keep) =>
      seeded(async (random) => {
        const heap = create(options);
        const market = open(heap, count, random, largest, keep);
        const counts = await trade(heap, market);
        expect(sum(counts, 'given')).toBeGreaterThan(0);
        expect(sum(counts, 'moved')).toBeGreaterThan(0);
        if (options.maxBytes === 4 * MIB) expect(sum(counts, 'refused')).toBeGreaterThan(0);
        await close(heap, market);
      })(),
    longTest(60_000),
  );

  it(
    'leave nothing behind: what the first pair could allocate, the third can',
    seeded(async (random) => {
      const heap = create({ maxBytes: 16 * MIB, maxWorkers: 3 });
      for (let pair = 0; pair < 3; pair++) {
        const market = open(heap, 2, random, 20 * KIB, 150);
        await trade(heap, market);
        await close(heap, market);
        for (const trader of market.traders) {
          heap.watch(trader.worker);
          await trader.kill();
        }
      }
      heap.collect();
      heap.free(heap.malloc(Math.floor(0.9 * 16 * MIB)));
      empty(heap);
    }),
    longTest(60_000),
  );
});

describe('a pipeline, one worker allocates and another frees', () => {
  it.each([16, 100, 600, 5000, 30_000, 100_000])('stays small with blocks of %i bytes', async (bytes) => {
    const heap = create({ maxBytes: 512 * MIB });
    const consumer = await workers.agent(heap);
    const count = Math.ceil(100_000 / bytes) + 10;
    // Nobody calls collect(): what comes back must be found by malloc, long before memory runs out.
    for (let round = 0; round < BUDGET.pipelineRounds; round++) {
      const list = Array.from({ length: count }, () => heap.malloc(bytes));
      await consumer.call('freeAll', list);
    }
    expect(heap.stats().liveBlocks).toBe(0);
    expect(heap.stats().peakCommittedBytes).toBeLessThan(MIB + 8 * count * bytes);
    heap.collect();
    empty(heap);
  });
});

describe('a block handed over', () => {
  it('shows the contents the first worker wrote, and goes back to it', async () => {
    const heap = create({ maxBytes: 64 * MIB });
    const [first, second] = await workers.agents(heap, 2);
    const blocks = await first.call<[number, number][]>('allocate', 500, 0, 50_000, 11, 3);
    expect(await second.call('damaged', blocks, 3)).toBe(0);
    await second.call(
      'freeAll',
      blocks.map(([address]) => address),
    );
    const again = await first.call<[number, number][]>('allocate', 500, 0, 50_000, 12, 4);
    expect(await second.call('damaged', again, 4)).toBe(0);
    await first.call(
      'freeAll',
      again.map(([address]) => address),
    );
    empty(heap);
  });

  it('may be resized by a worker that does not own it', async () => {
    const heap = create({ maxBytes: 64 * MIB });
    const [first, second] = await workers.agents(heap, 2);
    for (const [from, to] of [
      [100, 5000],
      [5000, 100],
      [100, 120],
      [100_000, 400_000],
      [400_000, 1000],
      [50_000, 49_000],
    ]) {
      const old = await first.heap<number>('malloc', from);
      await first.call('stamp', old, from, 8);
      const address = await second.heap<number>('realloc', old, to);
      expect(await first.call('damage', address, Math.min(from, to), 8, from), `${from} to ${to}`).toBe(-1);
      heap.free(address);
      heap.check();
    }
    await first.heap('collect');
    await second.heap('collect');
    empty(heap);
  });
});
