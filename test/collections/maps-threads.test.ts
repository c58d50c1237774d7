import { type Heap } from 'sabmalloc';
import { HashMap, LruCache, numbers, texts } from 'sabmalloc/collections';
import { expect, it } from 'vitest';
import { BUDGET, longTest } from '../kit/budget.js';
import { heapsOfTest } from '../kit/heaps.js';
import { seeded, type Random } from '../kit/random.js';
import { pause, type TestWorker, workersOfTest } from '../kit/workers.js';

const create = heapsOfTest();
const workers = workersOfTest();

function start(heap: Heap): TestWorker {
  const worker = workers.start('maps', { token: heap.token });
  heap.watch(worker.worker);
  return worker;
}

const WORKERS = 3;
/** Keys that each of them puts in and nobody removes, as in the worker's script. */
const OWN = 2000;
/** Blocks that a worker may have in hand when it is killed: a key and a value that go in or out, and a table. */
const IN_HAND = 3;

/** Kills one of several workers again and again, and starts another one in its place. */
async function storm(heap: Heap, random: Random, name: 'map' | 'cache', order: object): Promise<void> {
  const begin = async (self: number): Promise<TestWorker> => {
    const worker = start(heap);
    await worker.call('storm', name, { ...order, self, seed: random.next() });
    return worker;
  };
  const all = await Promise.all(Array.from({ length: WORKERS }, (_, self) => begin(self)));
  for (let i = 0; i < BUDGET.kills; i++) {
    await pause(random.int(0, 25));
    const self = random.int(0, WORKERS - 1);
    await all[self].kill();
    expect(all[self].failure).toBeUndefined();
    all[self] = await begin(self);
  }
  for (const worker of all) {
    await worker.kill();
    expect(worker.failure).toBeUndefined();
  }
}

const kills = BUDGET.kills + WORKERS;

it('a map outlives workers that are killed while they change it', { timeout: longTest(120_000) }, () =>
  seeded(async (random) => {
    const heap = create({ maxBytes: 2 ** 28 });
    const before = heap.stats().liveBlocks;
    const words = heap.calloc(256) / 4;
    const map = HashMap.create(heap, texts, texts, { stripes: 2 });
    const counters = HashMap.create(heap, numbers, numbers, { stripes: 1 });
    await storm(heap, random, 'map', { map: map.address, counters: counters.address, words });
    // Whoever writes puts in order what the last ones died over.
    for (let i = 0; i < 64; i++) map.delete(`no such key ${i}`);
    const entries = [...map];
    const content = new Map(entries);
    expect([content.size, map.size]).toEqual([entries.length, entries.length]);
    expect(entries.filter(([key, value]) => value.split(':')[0] !== key || map.get(key) !== value)).toEqual([]);
    for (let self = 0; self < WORKERS; self++) {
      const keys = Array.from({ length: Math.min(OWN, heap.i32[words + self]) }, (_, own) => `${self}/${own}`);
      expect(keys.filter((key) => content.get(key) !== `${key}:`)).toEqual([]);
    }
    const counted = [...counters.values()].reduce((a, b) => a + b, 0);
    const [begun, ended] = heap.i32.subarray(words + 30, words + 32);
    expect(counted).toBeGreaterThanOrEqual(ended);
    expect(counted).toBeLessThanOrEqual(begun);
    heap.check();
    map.dispose();
    counters.dispose();
    heap.free(words * 4);
    expect(heap.stats().liveBlocks - before).toBeLessThanOrEqual(kills * IN_HAND);
  })(),
);

it('a cache outlives workers that are killed while they use it', { timeout: longTest(120_000) }, () =>
  seeded(async (random) => {
    const heap = create({ maxBytes: 2 ** 28 });
    const before = heap.stats().liveBlocks;
    const words = heap.calloc(256) / 4;
    const cache = LruCache.create(heap, texts, texts, { capacityEntries: 100, capacityBytes: 3000, stripes: 2 });
    await storm(heap, random, 'cache', { cache: cache.address, words });
    for (let i = 0; i < 64; i++) cache.delete(`no such key ${i}`);
    const content = new Map(cache);
    expect(content.size).toBe(cache.size);
    expect(content.size).toBeLessThanOrEqual(100);
    let bytes = 0;
    for (const [key, value] of content) {
      expect(value.split(':')[0]).toBe(key);
      expect(cache.peek(key)).toBe(value);
      bytes += key.length + value.length;
    }
    expect(cache.bytes).toBe(bytes);
    const { hits, misses } = cache.counts;
    const [begun, ended] = heap.i32.subarray(words + 30, words + 32);
    expect(hits + misses).toBeGreaterThanOrEqual(ended - kills);
    expect(hits + misses).toBeLessThanOrEqual(begun);
    heap.check();
    cache.dispose();
    heap.free(words * 4);
    expect(heap.stats().liveBlocks - before).toBeLessThanOrEqual(kills * IN_HAND);
  })(),
);

it('workers that count words under the same keys lose none', async () => {
  const heap = create();
  const map = HashMap.create(heap, numbers, numbers, { stripes: 2 });
  const rounds = BUDGET.syncRounds;
  await Promise.all([0, 1, 2].map(() => start(heap).call('count', map.address, 10, rounds)));
  expect([...map].sort(([a], [b]) => a - b)).toEqual(Array.from({ length: 10 }, (_, key) => [key, (3 * rounds) / 10]));
});

it('readers see every value whole, while it is replaced, removed beside it and moved', async () => {
  const heap = create({ maxBytes: 2 ** 28 });
  const map = HashMap.create(heap, numbers, texts, { stripes: 1 });
  for (let key = 0; key < 20; key++) map.set(key, `${key}:`);
  const rounds = BUDGET.syncRounds;
  await Promise.all([
    start(heap).call('replace', map.address, 20, rounds / 2),
    ...[1, 2].map(() => start(heap).call('look', map.address, 20, rounds)),
  ]);
  expect(map.size).toBe(20 + rounds / 4);
  heap.check();
});

it('what another worker has made grow is counted, cleared and disposed of by one that has not looked into it', async () => {
  const heap = create({ maxBytes: 2 ** 28 });
  const map = HashMap.create(heap, numbers, numbers, { stripes: 1 });
  await start(heap).call('count', map.address, 200_000, 200_000);
  expect(map.size).toBe(200_000);
  map.clear();
  await start(heap).call('count', map.address, 400_000, 400_000);
  map.dispose();
  expect(heap.stats().liveBlocks).toBe(0);
});
