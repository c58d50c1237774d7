import { Heap } from 'sabmalloc';
import { describe, expect, it, vi } from 'vitest';
import { heapsOfTest, MIB } from '../kit/heaps.js';
import { type TestWorker, workersOfTest } from '../kit/workers.js';

const create = heapsOfTest();
const workers = workersOfTest();

const DEBUG = { preset: 'debug', maxBytes: 16 * MIB, guardEvery: 0, leakReport: 'off' } as const;

const NAMES = ['load', 'store', 'add', 'and', 'or', 'exchange', 'compareExchange'] as const;

/**
 * Runs `work` up to its `n`th atomic operation, where it runs out of stack: for that one alone, or also for what it would do to put
 * things right. False if it ended before.
 */
function cutShort(n: number, work: () => unknown, forGood = false): boolean {
  const originals = NAMES.map((name) => [name, Atomics[name] as (...args: unknown[]) => unknown] as const);
  let left = n;
  for (const [name, original] of originals)
    Object.assign(Atomics, {
      [name]: (...args: unknown[]) => {
        left--;
        if (forGood ? left <= 0 : left === 0) throw new RangeError('out of stack');
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
const CALLS: Record<string, (heap: Heap, other: TestWorker) => (() => unknown) | Promise<() => unknown>> = {
  'malloc that carves a slab': (heap) => {
    soil(heap);
    return () => heap.malloc(60);
  },
  'malloc of a large block': (heap) => {
    soil(heap);
    heap.free(heap.malloc(200_000));
    return () => heap.malloc(200_000);
  },
  'malloc of what another worker freed': async (heap, other) => {
    const [kept, ...freed] = heap.mallocMany(100, 8);
    expect(kept).toBeGreaterThan(0);
    await other.heap('freeMany', freed);
    await other.heap('collect');
    // Their slab stays for the one that is live, and is where the next block comes from.
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

/** Frees all live blocks, by one worker. */
type FreeAll = (live: readonly number[], heap: Heap, other: TestWorker) => unknown;

describe.each(Object.entries(CALLS))('%s, cut short at any of its atomic operations', (_, prepare) => {
  const leavesBlocksFor = async (freeAll: FreeAll, forGood: boolean): Promise<void> => {
    const said = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const heap = create(DEBUG);
    const other = await workers.agent(heap);
    let cuts = 0;
    while (cutShort(cuts + 1, await prepare(heap, other), forGood)) {
      cuts++;
      heap.check();
      const live = [...heap.blocks()].map(({ address }) => address);
      await freeAll(live, heap, other);
      heap.collect();
      heap.check();
      expect(heap.stats()).toMatchObject({ liveBlocks: 0, counters: { damages: 0 } });
    }
    expect(cuts).toBeGreaterThan(3);
    expect(said.mock.calls).toEqual([]);
    said.mockRestore();
  };

  it('leaves live blocks that another worker can free', () =>
    leavesBlocksFor((live, _, other) => other.heap('freeMany', live), false));

  it('leaves live blocks that another worker can free when its own has collected, if nothing could be put right', () =>
    leavesBlocksFor((live, heap, other) => {
      heap.collect();
      return other.heap('freeMany', live);
    }, true));

  it('leaves live blocks that its worker can free, if nothing could be put right', () =>
    leavesBlocksFor((live, heap) => live.forEach((address) => heap.free(address)), true));
});

it('an attach cut short at any of its atomic operations leaves free memory as blocks left it, or as nobody’s', async () => {
  const heap = create({ ...DEBUG, maxWorkers: 4 });
  const other = await workers.agent(heap);
  const { token } = heap;
  heap.detach();
  let cuts = 0;
  for (;;) {
    await other.heap('freeMany', await other.heap<number[]>('mallocMany', 470, 40));
    await other.heap('collect');
    const { token, workerId } = await other.heap<ReturnType<Heap['reserve']>>('reserve');
    if (!cutShort(cuts + 1, () => Heap.attach(token))) break;
    cuts++;
    await other.heap('reclaim', workerId);
    await other.heap('check');
  }
  expect(cuts).toBeGreaterThan(3);
  Heap.attach(token).detach();
});
