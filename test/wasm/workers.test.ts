import { type HeapToken } from 'sabmalloc';
import { type ThreadBlocks } from 'sabmalloc/wasm';
import { describe, expect, it } from 'vitest';
import { BUDGET } from '../kit/budget.js';
import { MIB } from '../kit/heaps.js';
import { SEED, seeded } from '../kit/random.js';
import { pause, refusedThere, type TestWorker, until, workersOfTest } from '../kit/workers.js';
import { DRIVER, modulesOfTest, newMemory, PAGE_BYTES } from './kit.js';

const { driver } = modulesOfTest();
const workers = workersOfTest();

const STACK_BYTES = 65536;

async function instance(token: HeapToken): Promise<{ worker: TestWorker; blocks: ThreadBlocks }> {
  const worker = workers.start('agent');
  await worker.call('attach', token);
  return { worker, blocks: await worker.call<ThreadBlocks>('wrap', DRIVER) };
}

describe('instances in several workers', () => {
  it('have stacks and thread-local variables of their own', async () => {
    const main = driver();
    const { heap } = main;
    const two = [await instance(heap.token), await instance(heap.token)];
    const places = [main.exports.tls_address(), ...(await all(two, 'tls_address'))];
    expect(new Set(places).size).toBe(3);
    for (const place of places) expect(heap.u32[place / 4]).toBe(42);
    expect(two.map(({ blocks }) => heap.usableSize(blocks.stack))).toEqual([STACK_BYTES, STACK_BYTES]);
    expect(main.blocks.stack).toBe(0);
    // Some 270 bytes each: most of a stack, down to no block of anybody else's.
    const guards = two.map(({ blocks }) => heap.u8.slice(blocks.stack - 64, blocks.stack));
    expect(await all(two, 'use_stack', 200)).toEqual([0, 0]);
    expect(two.map(({ blocks }) => heap.u8.slice(blocks.stack - 64, blocks.stack))).toEqual(guards);
    for (const { blocks } of two)
      expect(heap.u8.subarray(blocks.stack, blocks.stack + STACK_BYTES).some((byte) => byte !== 0)).toBe(true);
  });

  it('free what C allocated in another one, and JavaScript frees it too', async () => {
    const main = driver();
    const { heap } = main;
    const [one, other] = [await instance(heap.token), await instance(heap.token)];
    const live = heap.stats().liveBlocks;
    const blocks: number[] = [];
    for (let i = 0; i < 300; i++) blocks.push(await one.worker.call<number>('c', 'c_malloc', (i * 37) % 3000));
    for (const block of blocks.slice(0, 100)) await other.worker.call('c', 'c_free', block);
    for (const block of blocks.slice(100, 200)) main.exports.c_free(block);
    for (const block of blocks.slice(200)) heap.free(block);
    await refusedThere('ERR_HEAP_DOUBLE_FREE', one.worker.call('c', 'c_free', blocks[0]));
    for (const { worker } of [one, other]) {
      await worker.call('release');
      await refusedThere('ERR_HEAP_DETACHED', worker.call('c', 'c_malloc', 1));
    }
    heap.check();
    // Two stacks, and two blocks of thread-local variables.
    expect(heap.stats().liveBlocks).toBe(live - 4);
  });

  it(
    'run at the same time and find nothing wrong',
    seeded(async (random) => {
      const { heap } = driver({ memory: newMemory(MIB), create: { maxBytes: 32 * MIB } });
      const three = [await instance(heap.token), await instance(heap.token), await instance(heap.token)];
      const live = heap.stats().liveBlocks;
      const faults = three.map(({ worker }) =>
        worker.call('c', 'churn', random.int(0, 2 ** 30), BUDGET.wasmChurnSteps, 20_000),
      );
      expect(await Promise.all(faults)).toEqual([0, 0, 0]);
      heap.check();
      expect(heap.stats().liveBlocks).toBe(live);
    }),
  );

  it('see memory that another one has grown', async () => {
    const memory = newMemory(MIB);
    const main = driver({ memory, create: { maxBytes: 128 * MIB } });
    const { worker } = await instance(main.heap.token);
    const block = await worker.call<number>('c', 'c_calloc', 1, 40 * MIB);
    expect(memory.buffer.byteLength).toBeGreaterThan(40 * MIB);
    expect(memory.buffer.byteLength % PAGE_BYTES).toBe(0);
    const end = block + 40 * MIB - 4;
    main.heap.u32[end / 4] = 123;
    const moved = main.exports.c_realloc(block, 50 * MIB);
    expect(main.heap.u32[(moved + 40 * MIB - 4) / 4]).toBe(123);
    await worker.call('c', 'c_free', moved);
    main.heap.check();
  });

  it('that are killed in the middle leave a heap that is whole, and blocks that others free', async () => {
    const main = driver({ memory: newMemory(MIB), create: { maxBytes: 32 * MIB } });
    const { heap } = main;
    const live = heap.stats().liveBlocks;
    const { worker, blocks } = await instance(heap.token);
    heap.watch(worker.worker);
    worker.call('c', 'churn', SEED % 1000, 2 ** 31, 2000).catch(() => {});
    await until(() => heap.stats().liveBlocks > live + 50, 'C to allocate');
    await pause(20);
    await worker.kill();
    heap.check();
    const left = [...heap.blocks()].map(({ address }) => address);
    expect(left).toContain(blocks.stack);
    for (const address of left) if (address !== main.blocks.tls) main.exports.c_free(address);
    heap.collect();
    heap.check();
    expect(heap.stats().liveBlocks).toBe(live);
  });
});

function all(instances: readonly { worker: TestWorker }[], ...call: [string, ...unknown[]]): Promise<number[]> {
  return Promise.all(instances.map(({ worker }) => worker.call<number>('c', ...call)));
}
