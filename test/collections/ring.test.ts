import fc from 'fast-check';
import { type Heap } from 'sabmalloc';
import { Ring } from 'sabmalloc/collections';
import { describe, expect, it } from 'vitest';
import { countAtomics } from '../kit/atomics.js';
import { BUDGET, longTest } from '../kit/budget.js';
import { refused } from '../kit/errors.js';
import { heapsOfTest } from '../kit/heaps.js';
import { runs, seeded } from '../kit/random.js';
import { pause, type TestWorker, workersOfTest } from '../kit/workers.js';

const create = heapsOfTest();
const workers = workersOfTest();

function start(heap: Heap, without?: 'wait' | 'waitAsync'): TestWorker {
  const worker = workers.start('channel', { token: heap.token, without });
  heap.watch(worker.worker);
  return worker;
}

const step = fc.oneof(
  fc.record({ write: fc.nat(700) }),
  fc.record({ read: fc.nat(700) }),
  fc.record({ reserve: fc.nat(700), commit: fc.nat(100) }),
  fc.record({ peek: fc.nat(700), consume: fc.nat(100) }),
);

const TYPES = {
  Uint8Array,
  Int16Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
} as const;

describe.each(Object.keys(TYPES) as (keyof typeof TYPES)[])('a ring of %s', (name) => {
  const type = TYPES[name] as typeof Float64Array;
  const element = (n: number): number => (name === 'BigInt64Array' ? BigInt(n) : new type([n])[0]) as number;

  it('is what an array of the same length is', () => {
    const heap = create();
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 600 }), fc.array(step, { maxLength: 60 }), (wanted, steps) => {
        const ring = Ring.create(heap, type, wanted);
        const { capacity } = ring;
        expect(capacity).toBe(2 ** Math.ceil(Math.log2(wanted)));
        // Two objects for the two sides, as two workers have them.
        const consumer = Ring.at(heap, ring.address, type);
        const model: number[] = [];
        let next = 0;
        let at = 0;
        for (const one of steps) {
          if ('write' in one) {
            const source = type.from({ length: one.write }, (_, i) => element(next + i));
            const count = ring.write(source);
            expect(count).toBe(Math.min(one.write, capacity - model.length));
            for (let i = 0; i < count; i++) model.push(element(next++));
          } else if ('read' in one) {
            const target = new type(one.read);
            const count = consumer.read(target);
            expect(count).toBe(Math.min(one.read, model.length));
            expect([...target.subarray(0, count)]).toEqual(model.splice(0, count));
            at += count;
          } else if ('reserve' in one) {
            const room = ring.reserve(one.reserve);
            const toEnd = capacity - (next % capacity);
            expect(room.length).toBe(Math.min(one.reserve, capacity - model.length, toEnd));
            const count = Math.min(one.commit, room.length);
            for (let i = 0; i < count; i++) room[i] = element(next + i);
            ring.commit(count);
            for (let i = 0; i < count; i++) model.push(element(next++));
          } else {
            const there = consumer.peek(one.peek);
            expect(there.length).toBe(Math.min(one.peek, model.length, capacity - (at % capacity)));
            expect([...there]).toEqual(model.slice(0, there.length));
            const count = Math.min(one.consume, there.length);
            consumer.consume(count);
            model.splice(0, count);
            at += count;
          }
          expect([ring.available, consumer.space]).toEqual([model.length, capacity - model.length]);
        }
        refused('ERR_COLLECTION_ARGUMENT', () => ring.commit(capacity - model.length + 1));
        refused('ERR_COLLECTION_ARGUMENT', () => consumer.consume(model.length + 1));
        ring.dispose();
        expect(heap.stats().liveBlocks).toBe(0);
      }),
      runs(BUDGET.modelRuns),
    );
  });
});

describe('a ring', () => {
  it('takes a bounded number of steps, and wakes nobody who does not sleep', () => {
    const heap = create();
    const ring = Ring.create(heap, Float32Array, 1024);
    const block = new Float32Array(128);
    expect(countAtomics(() => ring.write(block))).toBeLessThanOrEqual(4);
    expect(countAtomics(() => ring.read(block))).toBeLessThanOrEqual(4);
    expect(countAtomics(() => ring.read(block))).toBeLessThanOrEqual(2);
  });

  it('waits for as much as was asked for, within its time', async () => {
    const heap = create();
    const ring = Ring.create(heap, Int32Array, 8);
    refused('ERR_SYNC_TIMEOUT', () => ring.waitReadable(1, { timeoutMs: 1 }));
    ring.write([1, 2, 3]);
    refused('ERR_SYNC_TIMEOUT', () => ring.waitReadable(4, { timeoutMs: 1 }));
    const waiting = ring.waitReadableAsync(4);
    ring.write([4, 5, 6, 7, 8, 9]);
    expect(await waiting).toBe(8);
    refused('ERR_SYNC_TIMEOUT', () => ring.waitWritable(1, { timeoutMs: 1 }));
    const room = ring.waitWritableAsync(2);
    ring.consume(2);
    expect(await room).toBe(2);
    const controller = new AbortController();
    const aborted = ring.waitWritableAsync(5, { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    refused('ERR_COLLECTION_ARGUMENT', () => ring.waitReadable(9));
    for (const capacity of [0, 1.5, NaN, -1] as number[])
      refused('ERR_COLLECTION_ARGUMENT', () => Ring.create(heap, Int32Array, capacity));
    refused('ERR_HEAP_DEFINITION', () => Ring.at(heap, ring.address, Float32Array));
  });

  it('goes on beyond 2^32 elements', () => {
    const heap = create();
    const ring = Ring.create(heap, Uint8Array, 16);
    // As after 4 GiB: both counts shortly before they wrap.
    for (const word of [16, 32]) heap.i32[ring.address / 4 + word] = -8;
    const again = Ring.at(heap, ring.address, Uint8Array);
    for (let n = 0; n < 40; n++) {
      expect(again.write([n, n + 1, n + 2])).toBe(3);
      const three = [0, 0, 0];
      expect(again.read(three)).toBe(3);
      expect(three).toEqual([n, n + 1, n + 2]);
    }
  });

  it.each([undefined, 'waitAsync'] as const)(
    'outlives its producers, and the next one goes on where the last one was killed (without %s)',
    { timeout: longTest(60_000) },
    (without) =>
      seeded(async (random) => {
        const heap = create();
        const ring = Ring.create(heap, Int32Array, 256);
        const consumer = start(heap, without);
        const progress = { isDone: false };
        const count = BUDGET.channelValues * (without === undefined ? 10 : 1);
        const consuming = consumer
          .call('consume', ring.address, count, without !== undefined)
          .finally(() => (progress.isDone = true));
        for (let i = 0; i < BUDGET.channelKills || !progress.isDone; i++) {
          const producer = start(heap);
          await producer.call('produceForever', ring.address);
          await pause(random.int(0, 12));
          await producer.kill();
        }
        expect(await consuming).toBe(count);
        ring.dispose();
        expect(heap.stats().liveBlocks).toBe(0);
      })(),
  );
});
