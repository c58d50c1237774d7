import { type Heap } from 'sabmalloc';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { refused } from '../kit/errors.js';
import { heapsOfTest, MIB } from '../kit/heaps.js';
import { until, workersOfTest } from '../kit/workers.js';
import { interrupted } from '../unit/meanwhile.js';

const create = heapsOfTest();
const workers = workersOfTest();

const DEBUG = { preset: 'debug', maxBytes: 16 * MIB, guardEvery: 0, leakReport: 'off' } as const;

let said: string[] = [];
beforeEach(() => {
  said = [];
  vi.spyOn(console, 'error').mockImplementation((text: string) => void said.push(text));
});
afterEach(() => {
  vi.restoreAllMocks();
});

const makeMesh = (heap: Heap): number => heap.malloc(100);
const dropMesh = (heap: Heap, address: number): void => heap.free(address);

/** Every byte of the block holds this one. */
const filledWith = (heap: Heap, address: number, bytes: number, byte: number): boolean =>
  heap.u8.subarray(address, address + bytes).every((each) => each === byte);

describe('a write after the free', () => {
  it('is found by check, which names the free and the allocation', () => {
    const heap = create(DEBUG);
    const address = makeMesh(heap);
    dropMesh(heap, address);
    heap.check();
    heap.u8[address + 17] = 1;
    const error = refused('ERR_HEAP_CORRUPT', () => heap.check());
    expect(error).toMatchObject({ kind: 'use after free', address, damageAddress: address + 17, damageBytes: 1 });
    expect(error['freedAt']).toMatch(/^dropMesh \(.*after-free\.test\.ts:\d+:\d+\)$/);
    expect(error['allocatedAt']).toMatch(/^makeMesh /);
  });

  it.each(['the quarantine lets it go', 'it is handed out again'])('is said once when %s', (when) => {
    const heap = create({ ...DEBUG, quarantineBytes: when.startsWith('it') ? 0 : 4096 });
    const address = makeMesh(heap);
    dropMesh(heap, address);
    heap.u8[address + 99] = 1;
    expect(said).toEqual([]);
    if (when.startsWith('it')) expect(makeMesh(heap)).toBe(address);
    else {
      heap.collect();
      heap.check();
    }
    for (let i = 0; i < 50; i++) makeMesh(heap);
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(
      /use after free: the block at \d+, 100 bytes.*\n {2}allocated by .*makeMesh.*\n {2}freed by .*dropMesh/,
    );
    expect(heap.stats().counters.damages).toBe(1);
  });

  it('is counted and not said at debugLevel 0', () => {
    const heap = create({ ...DEBUG, debugLevel: 0 });
    const address = makeMesh(heap);
    dropMesh(heap, address);
    heap.u8[address] = 1;
    heap.collect();
    expect(said).toEqual([]);
    expect(heap.stats().counters.damages).toBe(1);
  });

  it('is not claimed where there was none', () => {
    const heap = create(DEBUG);
    for (let round = 0; round < 20; round++) {
      const blocks = Array.from({ length: 60 }, (_, i) => heap.malloc(i * 37));
      for (const [i, address] of blocks.entries()) heap.u8.fill(i, address, address + i * 37);
      for (const address of blocks) heap.free(address);
      heap.check();
    }
    heap.collect();
    expect(said).toEqual([]);
    expect(heap.stats()).toMatchObject({ liveBlocks: 0, counters: { damages: 0 } });
  });
});

describe('a second free', () => {
  it('names the first and the allocation, in quarantine, out of it, and of a large block', () => {
    const heap = create(DEBUG);
    const small = makeMesh(heap);
    dropMesh(heap, small);
    const inQuarantine = refused('ERR_HEAP_DOUBLE_FREE', () => heap.free(small));
    heap.collect();
    const outside = refused('ERR_HEAP_DOUBLE_FREE', () => heap.free(small));
    const large = heap.malloc(500_000);
    dropMesh(heap, large);
    const span = refused('ERR_HEAP_DOUBLE_FREE', () => heap.free(large));
    for (const error of [inQuarantine, outside, span]) {
      expect(error['freedAt']).toMatch(/^dropMesh /);
      expect(error.message).toContain(String(error['freedAt']));
      expect(error['allocatedBy']).toBe(heap.workerId);
    }
  });

  it('by a view is told from a free of the block that lies there now', () => {
    const heap = create({ ...DEBUG, quarantineBytes: 0 });
    const stale = heap.alloc(Uint8Array, 64);
    heap.free(stale);
    const fresh = heap.alloc(Uint8Array, 64);
    expect(fresh.byteOffset).toBe(stale.byteOffset);
    for (const call of [() => heap.free(stale), () => heap.resize(stale, 3)])
      expect(refused('ERR_HEAP_INVALID_FREE', call)).toMatchObject({ kind: 'stale view' });
    heap.free(fresh);
  });

  it('after another worker has freed it names that worker', async () => {
    const heap = create(DEBUG);
    const other = await workers.agent(heap);
    const workerId = await other.call<number>('property', 'workerId');
    const address = makeMesh(heap);
    await other.heap('free', address);
    expect(refused('ERR_HEAP_DOUBLE_FREE', () => heap.free(address))).toMatchObject({ freedBy: workerId });
  });
});

it('a free of what another worker has freed since it was looked up changes nothing', async () => {
  const heap = create(DEBUG);
  const other = await workers.agent(heap);
  const workerId = await other.call<number>('property', 'workerId');
  const address = makeMesh(heap);
  const words = new Int32Array(new SharedArrayBuffer(8));
  let freed: Promise<unknown> | undefined;
  const meanwhile = (): void => {
    freed = other.call('raceFree', [address], words.buffer, 1);
    while (Atomics.load(words, 1) === 0);
  };
  const free = (): unknown => refused('ERR_HEAP_DOUBLE_FREE', () => heap.free(address));
  let error: unknown;
  expect(interrupted([{ before: 'compareExchange', meanwhile }], () => (error = free()))).toBe(1);
  await freed;
  expect(error).toMatchObject({ freedBy: workerId });
  expect(filledWith(heap, address, 100, 0xde)).toBe(true);
  heap.check();
});

describe('a block that a worker was freeing when it was killed', () => {
  it('is that worker’s until it is reclaimed, and then as live as others', async () => {
    const heap = create({ ...DEBUG, debugLevel: 3 });
    const other = await workers.agent(heap);
    heap.watch(other.worker);
    const workerId = await other.call<number>('property', 'workerId');
    const address = makeMesh(heap);
    const words = new Int32Array(new SharedArrayBuffer(8));
    await other.call('stallAtPrint', words.buffer);
    other.heap('free', address).catch(() => undefined);
    await until(() => Atomics.load(words, 0) === 1, 'the worker to be in the middle of free');
    expect(refused('ERR_HEAP_DOUBLE_FREE', () => heap.free(address))).toMatchObject({ freedBy: workerId });
    await other.kill();
    expect(heap.leaks()).toMatchObject([{ address, bytes: 100 }]);
    heap.check();
    heap.free(address);
    heap.check();
    refused('ERR_HEAP_DOUBLE_FREE', () => heap.free(address));
  });
});

it('a free inside a block names the block', () => {
  const heap = create(DEBUG);
  const address = makeMesh(heap);
  const error = refused('ERR_HEAP_INVALID_FREE', () => heap.free(address + 16));
  expect(error.message).toContain(`byte 16 of the block at ${address}, 100 bytes`);
  expect(error['allocatedAt']).toMatch(/^makeMesh /);
});

describe('memory says what happened to it', () => {
  it('fresh also behind what a realloc has moved', () => {
    const heap = create(DEBUG);
    const grown = heap.realloc(heap.malloc(10), 300);
    expect(filledWith(heap, grown, 300, 0xfa)).toBe(true);
  });

  it('fresh, freed by its owner, freed by another worker, adopted', async () => {
    const heap = create(DEBUG);
    const [here, there] = [makeMesh(heap), makeMesh(heap)];
    expect(filledWith(heap, here, 100, 0xfa)).toBe(true);
    heap.free(here);
    expect(filledWith(heap, here, 100, 0xdf)).toBe(true);
    const other = await workers.agent(heap);
    await other.heap('free', there);
    expect(filledWith(heap, there, 100, 0xde)).toBe(true);
    const [first, left, kept] = await other.heap<number[]>('mallocMany', 2000, 3);
    await other.heap('freeMany', [first, left]);
    await other.call('detach');
    expect(heap.malloc(2000)).toBe(first);
    expect(filledWith(heap, left, 2000, 0xad)).toBe(true);
    expect(filledWith(heap, kept, 2000, 0xfa)).toBe(true);
    expect(refused('ERR_HEAP_DOUBLE_FREE', () => heap.free(left))['freedBy']).toBeGreaterThan(0);
  });
});

describe('the quarantine', () => {
  const HOLDING = { maxBytes: 16 * MIB, headers: 'full', quarantineBytes: 10_000 } as const;

  it('holds a block back until enough others were freed', () => {
    const heap = create(HOLDING);
    const address = heap.malloc(1000);
    heap.free(address);
    expect(heap.stats()).toMatchObject({ liveBlocks: 0, remoteFreesPending: 0, quarantinedBlocks: 1 });
    const met = Array.from({ length: 9 }, () => heap.malloc(1000));
    expect(met).not.toContain(address);
    heap.freeMany(met);
    expect(Array.from({ length: 200 }, () => heap.malloc(1000))).toContain(address);
  });

  it('is emptied by collect, by detach, and before the heap is called full', () => {
    const heap = create({ ...HOLDING, maxBytes: MIB });
    const filled = (): number => {
      const blocks: number[] = [];
      for (;;) {
        const address = heap.tryMalloc(1000);
        if (address === 0) break;
        blocks.push(address);
      }
      heap.freeMany(blocks);
      return blocks.length;
    };
    const first = filled();
    expect(filled()).toBe(first);
    heap.collect();
    expect(heap.stats()).toMatchObject({ liveBlocks: 0, remoteFreesPending: 0 });
  });

  it('of a worker that dies loses nothing, whosever the blocks are', async () => {
    const heap = create(HOLDING);
    const other = await workers.agent(heap);
    heap.watch(other.worker);
    const mine = heap.mallocMany(100, 20);
    const theirs = await other.heap<number[]>('mallocMany', 100, 20);
    for (const address of [...mine, ...theirs]) await other.heap('free', address);
    await other.worker.terminate();
    heap.collect();
    expect(heap.stats()).toMatchObject({ liveBlocks: 0, remoteFreesPending: 0, abandonedSlabs: 0 });
    heap.check();
  });

  it('lets one of several that free a block at the same time through', async () => {
    const heap = create(DEBUG);
    const agents = await Promise.all([workers.agent(heap), workers.agent(heap)]);
    const blocks = heap.mallocMany(100, 200);
    const shared = new SharedArrayBuffer(4 * (1 + blocks.length));
    await Promise.all(agents.map((agent) => agent.call('raceFree', blocks, shared, agents.length)));
    expect([...new Int32Array(shared, 4)]).toEqual(new Array(blocks.length).fill(1));
    for (const agent of agents) await agent.heap('collect');
    heap.collect();
    expect(heap.stats().liveBlocks).toBe(0);
    heap.check();
    expect(heap.stats().counters.damages).toBe(0);
  });
});
