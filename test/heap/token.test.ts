import { Heap } from 'sabmalloc';
import { describe, expect, it } from 'vitest';
import { conserved } from '../kit/contracts.js';
import { refused } from '../kit/errors.js';
import { heapsOfTest, MIB } from '../kit/heaps.js';
import { Model } from '../kit/model.js';
import { refusedThere, workersOfTest } from '../kit/workers.js';

const create = heapsOfTest();
const workers = workersOfTest();

type Fields = Record<string, unknown>;

const fieldsOf = (heap: Heap): Fields => ({ ...(heap.token as unknown as Fields) });

/** A heap with a live block, and what it looks like before any attempt. */
function witness(): { heap: Heap; isUnchanged: () => void } {
  const heap = create({ maxBytes: MIB, maxWorkers: 4 });
  const model = new Model();
  const address = heap.malloc(100);
  model.add({ address, bytes: 100, usable: heap.usableSize(address), tag: 0 });
  const before = heap.u8.slice();
  const isUnchanged = (): void => {
    expect(Buffer.compare(heap.u8.slice(), before), 'bytes of the region').toBe(0);
    conserved(heap, model);
  };
  return { heap, isUnchanged };
}

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

describe('attach refuses and changes nothing for', () => {
  it('what is no token', () => {
    const { isUnchanged } = witness();
    const values: unknown[] = [
      ...[undefined, null, 0, 1, -1, NaN, true, '', 'token', '{}', 5n, Symbol('token'), {}, [], new Map(), () => ({})],
      ...[new SharedArrayBuffer(MIB), new ArrayBuffer(8), new Uint8Array(8), Object.create(null), new Error('x')],
      { buffer: new SharedArrayBuffer(MIB) },
      { memory: new SharedArrayBuffer(MIB), version: 1 },
    ];
    for (const value of values) refused('ERR_HEAP_TOKEN', () => Heap.attach(value as never));
    isUnchanged();
  });

  it('a token that lacks any of its fields', async () => {
    const { heap, isUnchanged } = witness();
    const other = workers.start('agent');
    for (const key of Object.keys(heap.token)) {
      const token = fieldsOf(heap);
      Reflect.deleteProperty(token, key);
      refused('ERR_HEAP_TOKEN', () => Heap.attach(token as never));
      await refusedThere('ERR_HEAP_TOKEN', other.call('tryAttach', token));
    }
    isUnchanged();
  });

  it('a token with a field of the wrong kind', async () => {
    const { heap, isUnchanged } = witness();
    const other = workers.start('agent');
    const wrong = [undefined, null, '', 'x', -1, 0.5, NaN, Infinity, 2 ** 53, 7n, true, {}, [], new Uint8Array(4)];
    for (const [key, value] of Object.entries(fieldsOf(heap))) {
      for (const bad of wrong.filter((candidate) => !Object.is(candidate, value))) {
        const token = { ...fieldsOf(heap), [key]: bad };
        refused('ERR_HEAP_TOKEN', () => Heap.attach(token as never));
        await refusedThere('ERR_HEAP_TOKEN', other.call('tryAttach', token));
      }
    }
    isUnchanged();
  });

  it('a forged token: any number or text of it changed', async () => {
    const { heap, isUnchanged } = witness();
    const other = workers.start('agent');
    for (const [key, value] of Object.entries(fieldsOf(heap))) {
      const forged: unknown[] = [];
      if (typeof value === 'number') forged.push(value + 1, value ^ 0x40000000, -value, 0);
      if (typeof value === 'string')
        forged.push(`${value}0`, value.slice(1), value.toUpperCase(), value.replaceAll(/./g, '0'));
      for (const bad of forged.filter((candidate) => !Object.is(candidate, value) && candidate !== value)) {
        const token = { ...fieldsOf(heap), [key]: bad };
        refused('ERR_HEAP_TOKEN', () => Heap.attach(token as never));
        await refusedThere('ERR_HEAP_TOKEN', other.call('tryAttach', token));
      }
    }
    isUnchanged();
  });

  it('a foreign token: a field of another heap mixed in', async () => {
    const { heap, isUnchanged } = witness();
    const stranger = create({ maxBytes: 2 * MIB, maxWorkers: 8 });
    const other = workers.start('agent');
    let mixed = 0;
    for (const [key, value] of Object.entries(fieldsOf(stranger))) {
      if (Object.is(fieldsOf(heap)[key], value)) continue;
      const token = { ...fieldsOf(heap), [key]: value };
      refused('ERR_HEAP_TOKEN', () => Heap.attach(token as never));
      await refusedThere('ERR_HEAP_TOKEN', other.call('tryAttach', token));
      mixed++;
    }
    expect(mixed).toBeGreaterThan(0);
    isUnchanged();
    stranger.check();
  });

  it('a token of memory that holds no heap', async () => {
    const { heap } = witness();
    const other = workers.start('agent');
    for (const [key, value] of Object.entries(fieldsOf(heap))) {
      if (!(value instanceof SharedArrayBuffer)) continue;
      for (const bytes of [0, 16, 4096, MIB]) {
        const token = { ...fieldsOf(heap), [key]: new SharedArrayBuffer(bytes) };
        refused('ERR_HEAP_TOKEN', () => Heap.attach(token as never));
        await refusedThere('ERR_HEAP_TOKEN', other.call('tryAttach', token));
      }
    }
  });

  // The header begins with magic, format version, layout and geometry fingerprints, and the identity of the heap.
  it.each(['magic', 'format version', 'layout', 'geometry', 'id 0', 'id 1', 'id 2', 'id 3'])(
    'a region whose header has another %s',
    async (name) => {
      const { heap, isUnchanged } = witness();
      const other = workers.start('agent');
      const word = ['magic', 'format version', 'layout', 'geometry', 'id 0', 'id 1', 'id 2', 'id 3'].indexOf(name);
      const right = heap.i32[word];
      for (const wrong of [0, right + 1, ~right, right ^ 0x100]) {
        heap.i32[word] = wrong;
        await refusedThere('ERR_HEAP_TOKEN', other.call('tryAttach', heap.token));
      }
      heap.i32[word] = right;
      isUnchanged();
      await other.call('attach', heap.token);
    },
  );
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

  it('that was reclaimed lets nobody in', async () => {
    const heap = create({ maxBytes: MIB });
    const { token, workerId } = heap.reserve();
    heap.reclaim(workerId);
    const other = workers.start('agent');
    await refusedThere(['ERR_HEAP_TOKEN', 'ERR_HEAP_WORKERS'], other.call('attach', token));
    heap.check();
  });
});
