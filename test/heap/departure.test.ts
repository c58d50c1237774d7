import { type Heap, HeapError } from 'sabmalloc';
import { describe, expect, it } from 'vitest';
import { empty, noOverlap, sameBlocks } from '../kit/contracts.js';
import { fillWith, freeAll, heapsOfTest, MIB } from '../kit/heaps.js';
import { afterExit, type TestWorker, useEverySlot, workersOfTest } from '../kit/workers.js';
import { damage } from '../workers/common.mjs';

const create = heapsOfTest();
const workers = workersOfTest();

type Blocks = [number, number][];

const addressesOf = (blocks: Blocks): number[] => blocks.map(([address]) => address);

const damagedIn = (heap: Heap, blocks: Blocks, tag: number): number =>
  blocks.filter(([address, bytes]) => damage(heap.u8, address, bytes, tag) !== -1).length;

/** How a worker goes. All of them leave live blocks behind. */
const ENDS: Record<string, (heap: Heap, worker: TestWorker) => Promise<void>> = {
  detach: async (_, worker) => {
    await worker.call('detach');
  },
  'exit, watched': async (heap, worker) => {
    heap.watch(worker.worker);
    await worker.call('exit', 3);
    expect(await worker.gone).toBe(3);
    await afterExit();
  },
  'end of its script, watched': async (heap, worker) => {
    heap.watch(worker.worker);
    await worker.call('close');
    await worker.gone;
    await afterExit();
  },
  'an uncaught error, watched': async (heap, worker) => {
    heap.watch(worker.worker);
    await worker.call('throwUp', 'the worker died');
    await worker.gone;
    expect(worker.failure?.message).toBe('the worker died');
    await afterExit();
  },
  'terminate, watched': async (heap, worker) => {
    heap.watch(worker.worker);
    await worker.kill();
  },
  'terminate, watched twice': async (heap, worker) => {
    heap.watch(worker.worker);
    heap.watch(worker.worker);
    await worker.kill();
  },
  'terminate, reclaimed by hand': async (heap, worker) => {
    const id = await worker.call<number>('property', 'workerId');
    await worker.kill();
    heap.reclaim(id);
  },
  'terminate, watched and reclaimed by hand': async (heap, worker) => {
    const id = await worker.call<number>('property', 'workerId');
    heap.watch(worker.worker);
    await worker.kill();
    heap.reclaim(id);
    heap.reclaim(id);
  },
  'detach, then terminate, watched': async (heap, worker) => {
    heap.watch(worker.worker);
    await worker.call('detach');
    await worker.kill();
  },
};

describe.each(Object.entries(ENDS))('a worker that leaves by %s', (_, end) => {
  it('leaves its live blocks to the others, and all else to be allocated again', async () => {
    const heap = create({ maxBytes: 16 * MIB, maxWorkers: 3 });
    const fresh = fillWith(heap, 1000);
    freeAll(heap, fresh.addresses);
    heap.collect();
    const [leaver, stayer] = await workers.agents(heap, 2);
    const kept = await leaver.call<Blocks>('allocate', 200, 0, 20_000, 1, 5);
    const gone = await leaver.call<Blocks>('allocate', 200, 0, 20_000, 2, 6);
    const theirs = await stayer.call<Blocks>('allocate', 100, 0, 20_000, 3, 7);
    const mine = heap.malloc(5000);
    // Some are freed by their owner, some by others who may not have been heard before the end.
    await leaver.call('freeAll', addressesOf(gone.slice(0, 100)));
    await stayer.call('freeAll', addressesOf(gone.slice(100)));
    await end(heap, leaver);

    heap.check();
    sameBlocks(heap, [...addressesOf(kept), ...addressesOf(theirs), mine]);
    expect(damagedIn(heap, kept, 5)).toBe(0);
    expect(await stayer.call('damaged', theirs, 7)).toBe(0);
    await stayer.call('freeAll', addressesOf(kept.slice(0, 100)));
    freeAll(heap, addressesOf(kept.slice(100)));
    await stayer.call('freeAll', addressesOf(theirs));
    heap.free(mine);
    await stayer.heap('collect');
    await stayer.call('detach');
    heap.collect();
    empty(heap);

    await useEverySlot(workers, heap, 3);
    const again = fillWith(heap, 1000);
    noOverlap(again.addresses.map((address) => ({ address, bytes: 1000 })));
    expect(again.addresses.length).toBeGreaterThanOrEqual(fresh.addresses.length);
    freeAll(heap, again.addresses);
    heap.collect();
    heap.free(heap.malloc(15 * MIB));
    empty(heap);
  });

  it('makes room for the next, and none of the next is taken for the old', async () => {
    const heap = create({ maxBytes: 4 * MIB, maxWorkers: 2 });
    const ids = new Set<number>([heap.workerId]);
    for (let i = 0; i < 5; i++) {
      const worker = await workers.agent(heap);
      const id = await worker.call<number>('property', 'workerId');
      expect(ids.has(id)).toBe(false);
      ids.add(id);
      for (const old of ids) if (old !== id && old !== heap.workerId) heap.reclaim(old);
      const blocks = await worker.call<Blocks>('allocate', 50, 0, 5000, i, i);
      expect(await worker.call('damaged', blocks, i)).toBe(0);
      await end(heap, worker);
      expect(damagedIn(heap, blocks, i)).toBe(0);
      freeAll(heap, addressesOf(blocks));
      heap.check();
    }
    heap.collect();
    empty(heap);
  });
});

it('isAttached says whether an attachment is there, and never mistakes the next holder of its slot for it', async () => {
  const heap = create({ maxWorkers: 2 });
  const worker = await workers.agent(heap);
  const id = await worker.call<number>('property', 'workerId');
  expect([heap.workerId, id].map((each) => heap.isAttached(each))).toEqual([true, true]);
  await worker.call('detach');
  expect(heap.isAttached(id)).toBe(false);
  const reserved = heap.reserve();
  expect(heap.isAttached(reserved.workerId)).toBe(false);
  const next = workers.start('agent', { token: reserved.token });
  const nextId = await next.call<number>('property', 'workerId');
  expect([nextId % 1024, nextId]).toEqual([id % 1024, reserved.workerId]);
  expect([id, nextId].map((each) => heap.isAttached(each))).toEqual([false, true]);
  for (const none of [0, -1, 1.5, NaN, 2 ** 29, heap.workerId + 1024]) expect(heap.isAttached(none)).toBe(false);
});

describe('a block of a worker that left', () => {
  it('may be resized', async () => {
    const heap = create({ maxBytes: 16 * MIB });
    const leaver = await workers.agent(heap);
    const blocks = await leaver.call<Blocks>('allocate', 100, 1, 100_000, 1, 1);
    await leaver.call('detach');
    for (const [address, bytes] of blocks) {
      const moved = heap.realloc(address, bytes + 5000);
      expect(damage(heap.u8, moved, bytes, 1, bytes)).toBe(-1);
      heap.free(moved);
    }
    heap.collect();
    empty(heap);
  });

  it('keeps its neighbours usable: free blocks of its slabs are found by others', async () => {
    const heap = create({ maxBytes: MIB });
    const leaver = await workers.agent(heap);
    const blocks = await leaver.call<Blocks>('allocate', 600, 1000, 1000, 1, 1);
    const kept = blocks.filter((_, i) => i % 10 === 0);
    await leaver.call('freeAll', addressesOf(blocks.filter((_, i) => i % 10 !== 0)));
    await leaver.call('detach');
    const { addresses } = fillWith(heap, 1000);
    expect(addresses.length + kept.length).toBeGreaterThanOrEqual(600);
    noOverlap([...addresses, ...addressesOf(kept)].map((address) => ({ address, bytes: 1000 })));
    expect(damagedIn(heap, kept, 1)).toBe(0);
    freeAll(heap, [...addresses, ...addressesOf(kept)]);
    heap.collect();
    empty(heap);
  });

  it('outlasts the last worker', async () => {
    const heap = create({ maxBytes: 4 * MIB });
    const [first, second] = await workers.agents(heap, 2);
    const { token } = heap;
    const blocks = await first.call<Blocks>('allocate', 100, 0, 10_000, 1, 1);
    await first.call('detach');
    heap.detach();
    await second.call('detach');
    await second.call('attach', token);
    expect(await second.call('damaged', blocks, 1)).toBe(0);
    expect(await second.heap('blocks')).toHaveLength(100);
    await second.call('freeAll', addressesOf(blocks));
    await second.heap('collect');
    await second.heap('check');
    expect(await second.heap('blocks')).toHaveLength(0);
  });
});

describe('a notice of a death that is', () => {
  /** A heap with a live worker that must notice nothing. */
  async function undisturbed(notify: (heap: Heap, id: number) => void): Promise<void> {
    const heap = create({ maxBytes: 4 * MIB });
    const worker = await workers.agent(heap);
    const id = await worker.call<number>('property', 'workerId');
    const blocks = await worker.call<Blocks>('allocate', 100, 0, 5000, 1, 1);
    const mine = heap.malloc(100);
    notify(heap, id);
    heap.check();
    sameBlocks(heap, [...addressesOf(blocks), mine]);
    const more = await worker.call<Blocks>('allocate', 100, 0, 5000, 2, 2);
    const mineToo = heap.malloc(100);
    noOverlap([...blocks, ...more, [mine, 100], [mineToo, 100]].map(([address, bytes]) => ({ address, bytes })));
    expect(await worker.call('damaged', blocks, 1)).toBe(0);
    expect(await worker.call('damaged', more, 2)).toBe(0);
    await worker.call('freeAll', [...addressesOf(blocks), ...addressesOf(more), mine, mineToo]);
    heap.collect();
    await worker.heap('collect');
    empty(heap);
  }

  it('of nobody does nothing', () =>
    undisturbed((heap, id) => {
      for (const nobody of [0, -1, id + 1000, id + 2 ** 20, 2 ** 31, 2 ** 32, 2 ** 40, -id]) heap.reclaim(nobody);
    }));

  it('no number does no harm', () =>
    undisturbed((heap, id) => {
      const nonsense: unknown[] = [
        'x',
        String(id),
        NaN,
        Infinity,
        1.5,
        id + 0.5,
        undefined,
        null,
        {},
        [id],
        BigInt(id),
      ];
      for (const what of nonsense) harmless(() => heap.reclaim(what as never));
    }));

  it('its own does no harm', () => undisturbed((heap) => harmless(() => heap.reclaim(heap.workerId))));

  it('no worker does no harm', () =>
    undisturbed((heap) => {
      for (const what of [undefined, null, 1, 'worker', {}]) harmless(() => heap.watch(what as never));
    }));

  it('of a worker that never attached does no harm', async () => {
    const heap = create({ maxBytes: MIB });
    const stranger = workers.start('agent');
    heap.watch(stranger.worker);
    await stranger.kill();
    heap.watch(stranger.worker);
    await afterExit();
    heap.check();
  });

  /** It may say that this is no worker, or ignore it. */
  function harmless(call: () => void): void {
    try {
      call();
    } catch (error) {
      expect(error).toBeInstanceOf(HeapError);
    }
  }
});
