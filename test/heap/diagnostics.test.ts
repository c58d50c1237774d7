import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Heap, type HeapError } from 'sabmalloc';
import { afterEach, describe, expect, it } from 'vitest';
import { heapsOfTest, leave, MIB } from '../kit/heaps.js';
import { workersOfTest } from '../kit/workers.js';

const create = heapsOfTest();
const workers = workersOfTest();
const NAMES = ['create', 'attach', 'detach', 'grow', 'adopt', 'exhausted', 'misuse'] as const;

type Message = Record<string, unknown> & { readonly error?: HeapError };
const undo: (() => void)[] = [];
afterEach(() => undo.splice(0).forEach((each) => each()));

function listen(name: (typeof NAMES)[number], call: (message: Message) => void): void {
  const listener = (message: unknown): void => call(message as Message);
  subscribe(`sabmalloc:${name}`, listener);
  undo.push(() => void unsubscribe(`sabmalloc:${name}`, listener));
}

/** All that is said from here on, as `[name, message]`. */
function heard(): [string, Message][] {
  const all: [string, Message][] = [];
  for (const name of NAMES) listen(name, (message) => all.push([name, message]));
  return all;
}

describe('diagnostics channels tell', () => {
  it('of the life of a heap, with its id, the worker and the numbers', () => {
    const all = heard();
    const heap = create({ maxBytes: 16 * MIB });
    const { heapId } = heap.token;
    const { workerId } = heap;
    expect(Heap.attach(heap.token)).toBe(heap);
    heap.malloc(6 * MIB);
    expect(heap.tryMalloc(20 * MIB)).toBe(0);
    expect(() => heap.malloc(20 * MIB)).toThrow();
    expect(() => heap.free(12)).toThrow();
    expect(() => heap.addressOf(new Uint8Array(3))).toThrow();
    heap.detach();
    heap.detach();
    const names = all.map(([name]) => name).filter((name) => name !== 'grow');
    expect(names).toEqual(['create', 'exhausted', 'exhausted', 'misuse', 'misuse', 'detach']);
    for (const [, message] of all) expect(message).toMatchObject({ heapId, workerId });
    const first = (name: string): Message => all.find(([each]) => each === name)![1];
    expect(first('create')).toMatchObject({ maxBytes: 16 * MIB });
    expect(first('grow')).toMatchObject({ addedBytes: 8 * MIB, growths: 1 });
    expect(first('exhausted')).toMatchObject({ call: 'tryMalloc', requestedBytes: 20 * MIB, maxBytes: 16 * MIB });
    expect(first('misuse')).toMatchObject({ call: 'free', error: { code: 'ERR_HEAP_INVALID_FREE', address: 12 } });
  });

  it('of growth as often as the heap counts it', () => {
    const all = heard();
    const heap = create({ maxBytes: 64 * MIB });
    for (let i = 0; i < 30; i++) heap.malloc(MIB);
    const growths = all.filter(([name]) => name === 'grow');
    expect(growths).toHaveLength(heap.stats().counters.growths);
    expect(growths.at(-1)![1]).toMatchObject({ reservedBytes: heap.stats().reservedBytes });
  });

  it('of slabs adopted from a worker that left, and of one that attaches', async () => {
    const heap = create({ maxBytes: 16 * MIB });
    const other = await workers.agent(heap);
    await other.heap('mallocMany', 100, 200);
    await other.call('detach');
    const all = heard();
    heap.mallocMany(100, 2000);
    const adopted = all.filter(([name]) => name === 'adopt').map(([, message]) => message);
    expect(adopted).toHaveLength(heap.stats().counters.adoptions);
    expect(adopted.length).toBeGreaterThan(0);
    for (const { workerId, bytes, class: id } of adopted) {
      expect(workerId).toBe(heap.workerId);
      expect(Number(bytes) % 4096 === 0 && Number(id) > 0).toBe(true);
    }
    const { token } = heap;
    heap.detach();
    const again = Heap.attach(token);
    expect(all.at(-1)).toEqual(['attach', { heapId: token.heapId, workerId: again.workerId, maxBytes: 16 * MIB }]);
    leave(again);
  });

  it('at a moment when the heap may be called', () => {
    const heap = create({ maxBytes: 64 * MIB });
    const live: number[] = [];
    for (const name of ['grow', 'adopt', 'misuse', 'exhausted'] as const)
      listen(name, () => {
        live.push(heap.malloc(100), heap.malloc(5000));
        heap.check();
      });
    for (let i = 0; i < 40; i++) live.push(heap.malloc(300_000), heap.malloc(40_000));
    expect(() => heap.free(3)).toThrow();
    expect(() => heap.malloc(2 ** 33)).toThrow();
    heap.check();
    expect(new Set(live).size).toBe(live.length);
    expect(heap.stats().liveBlocks).toBe(live.length);
    heap.freeMany(live);
    heap.check();
  });
});
