import { type Worker } from 'node:worker_threads';
import { type Heap } from 'sabmalloc';
import { createPool, type HeapPool, type PoolOptions } from 'sabmalloc/piscina';
import { afterEach, describe, expect, expectTypeOf, it } from 'vitest';
import { BUDGET, longTest } from '../kit/budget.js';
import { heapsOfTest, MIB } from '../kit/heaps.js';
import { seeded } from '../kit/random.js';
import type * as tasks from '../workers/tasks.mjs';

type Tasks = typeof tasks;

const filename = new URL('../workers/tasks.mjs', import.meta.url);
const create = heapsOfTest();
const pools: HeapPool<Tasks>[] = [];
afterEach(async () => {
  for (const pool of pools.splice(0)) await pool.destroy();
});

/** Slots for twice as many threads as there are, and no more: a replaced worker's may not be back yet. */
function start(options: Partial<PoolOptions> = {}, threads = 2): { heap: Heap; pool: HeapPool<Tasks> } {
  const heap = create({ maxBytes: 32 * MIB, maxWorkers: 1 + 2 * threads });
  const pool = createPool<Tasks>(heap, { filename, minThreads: 1, maxThreads: threads, ...options });
  pools.push(pool);
  return { heap, pool };
}

/** The heap is whole, has no block but these, and no worker but these. */
function clean(heap: Heap, blocks: number, workers: number): void {
  heap.check();
  const { liveBlocks, workers: rows } = heap.stats();
  expect({ liveBlocks, workers: rows.length }).toEqual({ liveBlocks: blocks, workers });
}

async function isSet(flag: Int32Array): Promise<void> {
  while (Atomics.load(flag, 0) === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  Atomics.store(flag, 0, 0);
}

/** Two tasks that hold many blocks, raise their flags, and wait for ever. */
function abortable(heap: Heap, pool: HeapPool<Tasks>, flags: readonly Int32Array[], name: 'end' | 'move' = 'end') {
  const controller = new AbortController();
  const rejected = flags.map((flag) => {
    Atomics.store(flag, 0, 0);
    const args = { how: 'waits', started: heap.addressOf(flag) };
    return expect(pool.run(name, args, { signal: controller.signal })).rejects.toMatchObject({ name: 'AbortError' });
  });
  return { controller, rejected };
}

describe('a task', () => {
  it('opens what it is sent a handle of, and answers', async () => {
    const { heap, pool } = start({ workerData: { name: 'ours' } });
    const view = heap.alloc(Float64Array, 4).fill(2);
    const handle = heap.share(view);
    const answer = await pool.run('sum', { handle, factor: 10 }, { holds: [handle] });
    expect(answer).toEqual({ sum: 90, workerData: { name: 'ours' } });
    expect(view[0]).toBe(3);
    expect(heap.retain(handle)).toBe(2);
    heap.release(handle);
    expect(heap.release(handle)).toBe(0);
    await pool.destroy();
    clean(heap, 0, 1);
  });

  it('is lent a handle for as long as it runs, even if its caller lets go', async () => {
    const { heap, pool } = start();
    const handle = heap.share(heap.alloc(Float64Array, 4));
    const answer = pool.run('sum', { handle, factor: 1 }, { holds: [handle] });
    expect(heap.release(handle)).toBe(1);
    expect((await answer).sum).toBe(1);
    expect(() => heap.open(handle)).toThrow(/stale|handle/);
    await pool.destroy();
    clean(heap, 0, 1);
  });

  it('gives handles, and nothing else of it stays', async () => {
    const { heap, pool } = start();
    const { handle, part } = await pool.run('squares', { length: 100 }, {});
    expect(heap.stats().liveBlocks).toBe(2);
    expect(heap.open<Float64Array>(handle)[9]).toBe(81);
    expect([...heap.open<Uint8Array>(part)]).toEqual([5, 5, 5, 5]);
    expect([heap.release(handle), heap.release(part)]).toEqual([0, 0]);
    await pool.destroy();
    clean(heap, 0, 1);
  });

  it('moves blocks and views of its scope: they keep what is in them, and nothing stays where they were', async () => {
    const { heap, pool } = start();
    const { isRight, refusal, handle } = await pool.run('move', { rounds: 16 });
    expect([isRight, refusal]).toEqual([true, 'ERR_HEAP_OUT_OF_MEMORY']);
    expect(heap.stats().liveBlocks).toBe(1);
    expect([...heap.open<Float64Array>(handle)]).toEqual([7, 7, 7, 7]);
    expect(heap.release(handle)).toBe(0);
    await pool.destroy();
    clean(heap, 0, 1);
  });

  it('has ended when it returns: what goes on behind gets errors', async () => {
    // Without atomics workers come to what goes on behind before the next task.
    const { heap, pool } = start({ atomics: 'disabled' }, 1);
    await pool.run('early', undefined);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await pool.run('early', undefined)).toEqual(['ERR_HEAP_DETACHED', 'ERR_HEAP_DETACHED']);
    await pool.destroy();
    clean(heap, 0, 1);
  });

  it('keeps what it says, which its caller frees', async () => {
    const { heap, pool } = start();
    const address = await pool.run('keep', undefined);
    expect(heap.usableSize(address)).toBeGreaterThanOrEqual(100);
    heap.free(address);
    await pool.destroy();
    clean(heap, 0, 1);
  });

  it('has its types from the module', () => {
    const { pool } = start();
    expectTypeOf(pool.run<'squares'>).returns.resolves.toEqualTypeOf<{ handle: number; part: number }>();
    expectTypeOf(pool.run<'sum'>)
      .parameter(1)
      .toEqualTypeOf<{ handle: number; factor: number }>();
    // @ts-expect-error: it is no task
    const wrong = (): unknown => pool.run('plain', undefined);
    expect(wrong).toBeTypeOf('function');
  });

  it('that is none is refused by name', async () => {
    const { heap, pool } = start();
    await expect(pool.run('plain' as never, undefined as never)).rejects.toMatchObject({ code: 'ERR_HEAP_CONFIG' });
    await pool.destroy();
    clean(heap, 0, 1);
  });

  it('is not sent if it is to hold what is gone, and holds nothing of the rest', async () => {
    const { heap, pool } = start();
    const handle = heap.share(heap.alloc(Uint8Array, 9));
    const stale = heap.share(heap.alloc(Uint8Array, 9));
    heap.release(stale);
    const sent = pool.run('sum', { handle, factor: 1 }, { holds: [handle, stale] });
    await expect(sent).rejects.toMatchObject({ code: 'ERR_HEAP_STALE_HANDLE' });
    expect(heap.release(handle)).toBe(0);
    await pool.destroy();
    clean(heap, 0, 1);
  });
});

describe('a task that fails', () => {
  it.each([
    ['throws', { name: 'RangeError', message: 'as told' }],
    ['throws of the heap', { name: 'HeapError', code: 'ERR_HEAP_VALUE', message: 'as told', value: 7 }],
    ['out of memory', { code: 'ERR_HEAP_OUT_OF_MEMORY' }],
    ['exits', { message: 'worker exited with code: 3' }],
    ['crashes', { message: 'crash' }],
    ['answers what cannot be sent', {}],
  ])('leaves nothing: it %s', async (how, error) => {
    const { heap, pool } = start();
    const handle = heap.share(heap.alloc(Float64Array, 4));
    for (let round = 0; round < 2; round++)
      await expect(pool.run('end', { how, handle }, { holds: [handle] })).rejects.toMatchObject(error);
    expect(heap.stats().liveBlocks).toBe(1);
    expect(heap.release(handle)).toBe(0);
    // The pool goes on.
    expect(await pool.run('thread', undefined)).toBeGreaterThan(0);
    await pool.destroy();
    clean(heap, 0, 1);
  });

  it('is ended in the midst by an abort: its blocks are freed, and what it held only then', async () => {
    const { heap, pool } = start();
    const flag = heap.alloc(Int32Array, 1);
    const started = heap.addressOf(flag);
    const handle = heap.share(heap.alloc(Float64Array, 1000));
    const controller = new AbortController();
    const running = pool.run(
      'end',
      { how: 'writes on', handle, started },
      { holds: [handle], signal: controller.signal },
    );
    await isSet(flag);
    heap.release(handle);
    const ended = new Set<Worker>();
    for (const worker of pool.piscina.threads) worker.once('exit', () => ended.add(worker));
    controller.abort();
    await expect(running).rejects.toMatchObject({ name: 'AbortError' });
    // Before that it might have written to a block that was somebody else's already.
    expect(ended.size).toBe(1);
    expect(() => heap.open(handle)).toThrow();
    heap.free(flag);
    await pool.destroy();
    clean(heap, 0, 1);
  });

  it('is ended while it waits its turn, or by the end of the pool', async () => {
    const { heap, pool } = start({}, 1);
    const flag = heap.alloc(Int32Array, 1);
    const handle = heap.share(heap.alloc(Float64Array, 10));
    const controller = new AbortController();
    const running = pool.run('end', { how: 'waits', handle, started: heap.addressOf(flag) }, { holds: [handle] });
    const waiting = pool.run('sum', { handle, factor: 1 }, { holds: [handle], signal: controller.signal });
    const behind = pool.run('sum', { handle, factor: 1 }, { holds: [handle] });
    const rejected = [running, waiting, behind].map((each) => expect(each).rejects.toThrow());
    controller.abort();
    await isSet(flag);
    await pool.destroy();
    await Promise.all(rejected);
    heap.free(flag);
    expect(heap.release(handle)).toBe(0);
    clean(heap, 0, 1);
  });
});

describe('workers that come and go', () => {
  it(
    'never run out of slots, however many are aborted, and leave nothing once they have all in hand',
    async () => {
      const { heap, pool } = start();
      const flags = [0, 1].map(() => heap.alloc(Int32Array, 1));
      const threads = new Set<number>();
      for (let round = 0; round < BUDGET.poolAborts; round++) {
        const { controller, rejected } = abortable(heap, pool, flags);
        await Promise.all(flags.map(isSet));
        controller.abort();
        await Promise.all(rejected);
        expect(heap.stats().liveBlocks).toBe(2);
        threads.add(await pool.run('thread', undefined));
      }
      expect(threads.size).toBe(BUDGET.poolAborts);
      heap.freeMany(flags);
      await pool.destroy();
      clean(heap, 0, 1);
    },
    longTest(60_000),
  );

  it(
    'may be aborted at any instant: each leaves no more than the block that it was about to enter',
    seeded(async (random) => {
      const { heap, pool } = start();
      const flags = [0, 1].map(() => heap.alloc(Int32Array, 1));
      for (let round = 0; round < BUDGET.poolAborts; round++) {
        const { controller, rejected } = abortable(heap, pool, flags);
        if (random.oneIn(3)) await isSet(random.pick(flags));
        else await new Promise((resolve) => setTimeout(resolve, random.int(0, 150)));
        controller.abort();
        await Promise.all(rejected);
      }
      await pool.destroy();
      heap.check();
      const { liveBlocks, workers } = heap.stats();
      expect(workers.length).toBe(1);
      expect(liveBlocks - flags.length).toBeLessThanOrEqual(2 * BUDGET.poolAborts);
    }),
    longTest(60_000),
  );

  it(
    'may be aborted while blocks move: each leaves no more than the one that was on its way',
    seeded(async (random) => {
      const { heap, pool } = start();
      const flags = [0, 1].map(() => heap.alloc(Int32Array, 1));
      for (let round = 0; round < BUDGET.poolAborts; round++) {
        const before = heap.stats().liveBlocks;
        const { controller, rejected } = abortable(heap, pool, flags, 'move');
        await Promise.all(flags.map(isSet));
        await new Promise((resolve) => setTimeout(resolve, random.int(0, 10)));
        controller.abort();
        await Promise.all(rejected);
        expect(heap.stats().liveBlocks - before).toBeLessThanOrEqual(flags.length);
      }
      heap.freeMany(flags);
      await pool.destroy();
      heap.check();
      expect(heap.stats().workers.length).toBe(1);
    }),
    longTest(60_000),
  );

  it('are watched, whoever has them started or ended', async () => {
    const { heap, pool } = start({ minThreads: 2 });
    while (heap.stats().workers.length < 3) await new Promise((resolve) => setTimeout(resolve, 2));
    await pool.piscina.destroy();
    clean(heap, 0, 1);
  });

  it('leave when they idle, and the heap has their part', async () => {
    const { heap, pool } = start({ minThreads: 0, idleTimeout: 1 });
    const threads = new Set<number>();
    for (let round = 0; round < 5; round++) {
      threads.add(await pool.run('thread', undefined));
      while (heap.stats().workers.length > 1) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect(threads.size).toBe(5);
    clean(heap, 0, 1);
  });

  it('end with their tasks when the pool closes', async () => {
    const { heap, pool } = start();
    const answers = Array.from({ length: 20 }, (_, length) => pool.run('squares', { length: length + 1 }));
    await pool.close();
    for (const answer of answers) {
      const { handle, part } = await answer;
      heap.release(handle);
      heap.release(part);
    }
    clean(heap, 0, 1);
  });
});
