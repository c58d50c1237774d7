import { Heap } from 'sabmalloc';
import { describe, expect, it } from 'vitest';
import { refused } from '../kit/errors.js';
import { heapsOfTest, MIB } from '../kit/heaps.js';
import { refusedThere, workersOfTest } from '../kit/workers.js';

const create = heapsOfTest();
const workers = workersOfTest();

describe('a token', () => {
  it('is a plain object that can be cloned', () => {
    const { token } = create({ maxBytes: MIB });
    expect(Object.getPrototypeOf(token)).toBe(Object.prototype);
    expect(Object.keys(structuredClone(token)).sort()).toEqual(Object.keys(token).sort());
    expect(JSON.stringify(token).length).toBeLessThan(2000);
  });

  it('lets another worker in, by workerData and by message', async () => {
    const heap = create({ maxBytes: MIB });
    const byData = workers.start('agent', { token: heap.token });
    const byMessage = workers.start('agent');
    const ids = [await byData.call('property', 'workerId'), await byMessage.call('attach', heap.token), heap.workerId];
    expect(new Set(ids).size).toBe(3);
    const address = await byData.heap<number>('malloc', 100);
    await byMessage.heap('free', address);
    heap.check();
  });

  it('gives the same Heap twice in one worker', async () => {
    const heap = create({ maxBytes: MIB });
    expect(Heap.attach(heap.token)).toBe(heap);
    expect(Heap.attach(structuredClone(heap.token))).toBe(heap);
    const other = await workers.agent(heap);
    expect(await other.call('attachAgain', heap.token)).toBe(true);
    expect(await other.call('attachAgain', heap.token)).toBe(true);
  });
});

describe('worker slots', () => {
  it('are limited by maxWorkers and used again with another workerId', async () => {
    const heap = create({ maxBytes: MIB, maxWorkers: 3 });
    const [first, second] = await workers.agents(heap, 2);
    const extra = workers.start('agent');
    const error = await refusedThere('ERR_HEAP_WORKERS', extra.call('attach', heap.token));
    expect(error.message).toContain('maxWorkers');
    expect(error.message).toContain('3');
    const ids = new Set([
      heap.workerId,
      await first.call('property', 'workerId'),
      await second.call('property', 'workerId'),
    ]);
    for (let i = 0; i < 20; i++) {
      await second.call('detach');
      const id = await extra.call<number>('attach', heap.token);
      expect(ids.has(id), `workerId ${id} again`).toBe(false);
      ids.add(id);
      await refusedThere('ERR_HEAP_WORKERS', second.call('attach', heap.token));
      await extra.call('detach');
      ids.add(await second.call<number>('attach', heap.token));
    }
    heap.check();
  });

  it('may be one only', async () => {
    const heap = create({ maxBytes: MIB, maxWorkers: 1 });
    const other = workers.start('agent');
    await refusedThere('ERR_HEAP_WORKERS', other.call('attach', heap.token));
    refused('ERR_HEAP_WORKERS', () => heap.reserve());
    heap.check();
  });
});

describe('reserve', () => {
  it('names the worker before it attaches', async () => {
    const heap = create({ maxBytes: MIB });
    const { token, workerId } = heap.reserve();
    expect(workerId).not.toBe(heap.workerId);
    expect(Object.getPrototypeOf(token)).toBe(Object.prototype);
    const other = workers.start('agent', { token: structuredClone(token) });
    expect(await other.call('property', 'workerId')).toBe(workerId);
    expect(await other.call('attachAgain', token)).toBe(true);
  });

  it('takes a slot until it is reclaimed', async () => {
    const heap = create({ maxBytes: MIB, maxWorkers: 3 });
    const first = heap.reserve();
    const second = heap.reserve();
    expect(first.workerId).not.toBe(second.workerId);
    refused('ERR_HEAP_WORKERS', () => heap.reserve());
    const other = workers.start('agent');
    await refusedThere('ERR_HEAP_WORKERS', other.call('attach', heap.token));
    heap.reclaim(first.workerId);
    expect(await other.call('attach', second.token)).toBe(second.workerId);
    const third = heap.reserve();
    expect([first.workerId, second.workerId]).not.toContain(third.workerId);
    heap.check();
  });
});
