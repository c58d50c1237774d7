import { inspect } from 'node:util';
import { type Heap, type SubHeap } from 'sabmalloc';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { BUDGET, longTest } from '../kit/budget.js';
import { empty } from '../kit/contracts.js';
import { refused } from '../kit/errors.js';
import { fillWith, heapsOfTest, KIB, MIB } from '../kit/heaps.js';
import { seeded } from '../kit/random.js';
import { refusedThere, until, workersOfTest } from '../kit/workers.js';

const create = heapsOfTest();
const workers = workersOfTest();
const STALE = 'ERR_HEAP_STALE_HANDLE';

/** One block by each call of a sub-heap. */
function allocateAll(sub: SubHeap): void {
  sub.malloc(0);
  sub.malloc(10, 4096);
  sub.calloc(10);
  sub.alloc(Float64Array, 10)[9] = 1;
  sub.allocUnsafe(Uint8Array, 300 * KIB);
}

describe.each(['production', 'debug'] as const)('a sub-heap, in preset %s', (preset) => {
  const open = (): Heap => create({ preset, maxBytes: 16 * MIB, maxWorkers: 8, debugLevel: 0 });
  const isFree = (heap: Heap): void => {
    heap.collect();
    heap.check();
    empty(heap);
  };

  it('frees all its blocks at once, whoever drops it', () => {
    const heap = open();
    const own = heap.malloc(50);
    const sub = heap.subheap();
    allocateAll(sub);
    const opened = heap.open<SubHeap>(sub.handle);
    allocateAll(opened);
    expect(heap.stats().liveBlocks).toBe(11);
    expect([sub.isThere, inspect(opened)]).toEqual([true, `SubHeap ${sub.handle}`]);
    opened.drop();
    expect([sub.isThere, heap.stats().liveBlocks]).toEqual([false, 1]);
    expect(inspect(sub)).toBe(`SubHeap ${sub.handle} (dropped)`);
    for (const call of [
      () => sub.malloc(1),
      () => sub.calloc(1),
      () => sub.alloc(Uint8Array, 1),
      () => sub.allocUnsafe(Uint8Array, 1),
      () => sub.drop(),
      () => heap.open(sub.handle),
      () => heap.retain(sub.handle),
      () => heap.release(sub.handle),
    ])
      refused(STALE, call);
    heap.free(own);
    isFree(heap);
  });

  it('gives blocks that are aligned, zeroed as asked, apart from each other and usable to the last byte', () => {
    const heap = open();
    const sub = heap.subheap();
    const taken: Uint8Array[] = [];
    for (const bytes of [1, 15, 16, 17, 100, 1024, 40_000])
      for (const alignment of [undefined, 1, 16, 64, 4096, 65_536]) {
        const address = sub.malloc(bytes, alignment);
        expect(address % Math.max(16, alignment ?? 1)).toBe(0);
        taken.push(heap.view(Uint8Array, address, bytes).fill(taken.length));
      }
    for (const [i, view] of taken.entries()) expect(view.every((byte) => byte === i)).toBe(true);
    expect(sub.alloc(Uint8Array, 5000).every((byte) => byte === 0)).toBe(true);
    sub.drop();
    isFree(heap);
  });

  it('goes with the last release, and with the using of who made it', () => {
    const heap = open();
    const sub = heap.subheap();
    expectTypeOf(heap.share(sub)).toExtend<number>();
    expect(heap.open(heap.share(sub)).handle).toBe(sub.handle);
    allocateAll(sub);
    expect([heap.release(sub.handle), heap.release(sub.handle), heap.stats().liveBlocks]).toEqual([2, 1, 5]);
    using hold = heap.hold<SubHeap>(sub.handle);
    expect([heap.release(sub.handle), hold.value.isThere]).toEqual([1, true]);
    hold.release();
    expect(heap.stats().liveBlocks).toBe(0);
    {
      using made = heap.subheap();
      using other = heap.open<SubHeap>(made.handle);
      allocateAll(other);
      other[Symbol.dispose]();
      expect(made.isThere).toBe(true);
    }
    isFree(heap);
  });

  it('keeps its blocks from free, and itself from nonsense', () => {
    const heap = open();
    const sub = heap.subheap();
    const view = sub.alloc(Uint8Array, 10);
    refused('ERR_HEAP_INVALID_FREE', () => heap.free(view));
    refused('ERR_HEAP_INVALID_ADDRESS', () => heap.realloc(view.byteOffset, 100));
    for (const bytes of [-1, 1.5, '16', NaN, undefined])
      refused('ERR_HEAP_INVALID_SIZE', () => sub.malloc(bytes as number));
    refused('ERR_HEAP_INVALID_ALIGNMENT', () => sub.malloc(1, 3));
    refused('ERR_HEAP_OUT_OF_MEMORY', () => sub.malloc(17 * MIB));
    expect(heap.stats().liveBlocks).toBe(1);
    sub.drop();
    isFree(heap);
  });

  it('is not made where there is no room for its record', () => {
    const heap = open();
    const { addresses } = fillWith(heap, 4080);
    while (heap.tryMalloc(16) !== 0);
    refused('ERR_HEAP_OUT_OF_MEMORY', () => heap.subheap());
    for (const address of addresses) heap.free(address);
    heap.subheap().drop();
  });

  it('is worth the same in every worker', async () => {
    const heap = open();
    const [one, other] = await workers.agents(heap, 2);
    const sub = heap.subheap();
    const blocks: [number, number][] = [];
    for (let i = 0; i < 200; i++)
      for (const worker of [one, other])
        blocks.push([await worker.call<number>('allocateIn', sub.handle, 1 + i * 7, 3), 1 + i * 7]);
    expect(await one.call('damaged', blocks, 3)).toBe(0);
    await other.call('drop', sub.handle);
    refused(STALE, () => sub.malloc(1));
    await refusedThere(STALE, one.call('allocateIn', sub.handle, 1, 1));
    for (const worker of [one, other]) await worker.heap('collect');
    isFree(heap);
  });

  it(
    'is dropped while others allocate in it: what they got is freed, or they are told',
    async () => {
      const heap = open();
      const others = await workers.agents(heap, 2);
      const handles = Array.from({ length: Math.min(100, BUDGET.races) }, () => heap.subheap().handle);
      const at = new SharedArrayBuffer(4);
      const gone = others.map((other) => other.call<number>('allocateWhile', handles, at));
      for (const [i, handle] of handles.entries()) {
        const own = heap.open<SubHeap>(handle);
        for (let j = 0; j < 200; j++) own.malloc(20);
        own.drop();
        Atomics.store(new Int32Array(at), 0, i + 1);
      }
      expect(Math.min(...(await Promise.all(gone)))).toBeGreaterThan(0);
      for (const other of others) await other.heap('collect');
      isFree(heap);
    },
    longTest(60_000),
  );
});

describe('a worker that is killed', () => {
  it(
    'over its sub-heaps loses at most the block in hand of each call; what it began to drop is dropped',
    seeded(async (random) => {
      const heap = create({ maxBytes: 32 * MIB, maxWorkers: 4 });
      let allowed = 0;
      for (let i = 0; i < BUDGET.kills; i++) {
        const kept = heap.subheap();
        const other = await workers.agent(heap);
        heap.watch(other.worker);
        const done = new SharedArrayBuffer(4);
        other.call('dropOn', kept.handle, done).catch(() => undefined);
        const enough = random.int(1, 500);
        await until(() => Atomics.load(new Int32Array(done), 0) >= enough, 'the worker to drop');
        await other.kill();
        // The sub-heap that it had in hand may still be there, with its holder; nobody else knows it.
        allowed += 40 + 1;
        kept.drop();
        heap.collect();
        heap.check();
        expect(heap.stats().liveBlocks).toBeLessThanOrEqual(allowed);
      }
      for (const { address } of [...heap.blocks()]) heap.free(address);
      heap.collect();
      empty(heap);
    }),
    longTest(60_000),
  );
});
