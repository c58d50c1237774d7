import fc from 'fast-check';
import { type Heap } from 'sabmalloc';
import { bytes, handles, HashMap, LruCache, numbers, structs, texts, type ValueType } from 'sabmalloc/collections';
import { f64, struct } from 'sabmalloc/structs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { BUDGET } from '../kit/budget.js';
import { refused } from '../kit/errors.js';
import { heapsOfTest } from '../kit/heaps.js';
import { runs } from '../kit/random.js';

const create = heapsOfTest();
afterEach(() => void vi.useRealTimers());

const texty = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.constantFrom('', 'a', 'b', 'é', 'key', '\ufeffkey'),
);
const numeric = fc.oneof(fc.double(), fc.integer({ min: -3, max: 3 }), fc.constantFrom(0, -0, NaN, Infinity));

/** Seldom: what follows would have nothing to find. */
const CLEAR = 'clear';
const CALLS = 'set set set set delete get take getOrInsert getOrInsert update'.split(' ');
const calls = fc.oneof(
  { arbitrary: fc.constantFrom(...CALLS), weight: 30 },
  { arbitrary: fc.constant(CLEAR), weight: 1 },
);

function checkAgainstModel<K extends string | number, V extends string | number | Uint8Array>(
  keyType: ValueType<K>,
  valueType: ValueType<V>,
  keys: fc.Arbitrary<K>,
  values: fc.Arbitrary<V>,
): void {
  const heap = create();
  fc.assert(
    fc.property(
      fc.array(keys, { minLength: 1, maxLength: 40 }),
      fc.array(fc.record({ call: calls, key: fc.nat(40), value: values }), { maxLength: 150 }),
      fc.constantFrom(1, 4),
      (pool, steps, stripes) => {
        const map = HashMap.create(heap, keyType, valueType, { stripes });
        const other = HashMap.at(heap, map.address, keyType, valueType);
        const model = new Map<K, V>();
        for (const step of steps) {
          const key = pool[step.key % pool.length];
          const before = model.get(key);
          if (step.call === 'set') {
            map.set(key, step.value);
            model.set(key, step.value);
          } else if (step.call === 'getOrInsert') {
            expect(other.getOrInsert(key, () => step.value)).toEqual(before ?? step.value);
            if (before === undefined) model.set(key, step.value);
          } else if (step.call === 'update') {
            map.update(key, (old) => {
              expect(old).toEqual(before);
              return old === undefined ? step.value : undefined;
            });
            if (before === undefined) model.set(key, step.value);
            else model.delete(key);
          } else if (step.call === 'get') expect(other.get(key)).toEqual(before);
          else if (step.call === 'delete') expect(other.delete(key)).toBe(model.delete(key));
          else if (step.call === 'take') {
            expect(map.take(key)).toEqual(before);
            model.delete(key);
          } else {
            map.clear();
            model.clear();
          }
          expect(map.has(key)).toBe(model.has(key));
        }
        expect(other.size).toBe(model.size);
        expect(new Map(other)).toEqual(model);
        expect(new Set(map.keys())).toEqual(new Set(model.keys()));
        expect([...map.values()].length).toBe(model.size);
        map.dispose();
        expect(heap.stats().liveBlocks).toBe(0);
      },
    ),
    runs(BUDGET.modelRuns),
  );
  heap.check();
}

describe('a HashMap does what a Map does', () => {
  const bytesOf = fc.uint8Array({ maxLength: 50 });
  it('of texts to texts', () => checkAgainstModel(texts, texts, texty, texty));
  it('of texts to numbers', () => checkAgainstModel(texts, numbers, texty, numeric));
  it('of numbers to bytes', () => checkAgainstModel(numbers, bytes, numeric, bytesOf));
  it('of numbers to numbers', () => checkAgainstModel(numbers, numbers, numeric, numeric));
});

it('a HashMap of handles lends them, and holds on for those that ask', () => {
  const heap = create();
  const map = HashMap.create(heap, texts, handles);
  const handle = heap.share(heap.alloc(Float64Array, 4).fill(7));
  map.set('array', handle);
  expect(map.get('array')).toBe(handle);
  const hold = map.hold('array');
  map.delete('array');
  expect((hold?.value as Float64Array)[3]).toBe(7);
  hold?.release();
  refused('ERR_HEAP_STALE_HANDLE', () => heap.open(handle));
  expect(map.hold('array')).toBeUndefined();
  map.dispose();
  expect(heap.stats().liveBlocks).toBe(0);
});

it('a HashMap of structs frees what is replaced and hands out what is taken', () => {
  const heap = create();
  const Point = struct('Point', { x: f64 });
  const map = HashMap.create(heap, numbers, structs(Point));
  const P = Point.in(heap);
  map.set(1, P.create({ x: 1 })).set(1, P.create({ x: 2 }));
  expect(map.update(1, (point) => point)?.x).toBe(2);
  const taken = map.take(1)!;
  expect([taken.x, map.size]).toEqual([2, 0]);
  taken.free();
  map.set(2, P.create());
  map.dispose();
  expect(heap.stats().liveBlocks).toBe(0);
});

it('a HashMap grows from the first entry to 100 000 and back, and so does its size', () => {
  const heap = create({ maxBytes: 2 ** 28 });
  const map = HashMap.create(heap, numbers, numbers, { capacity: 1000 });
  for (let key = 0; key < 100_000; key++) map.set(key, key);
  for (let key = 0; key < 100_000; key++) if (map.get(key) !== key) throw new Error(`${key} is lost`);
  expect(map.size).toBe(100_000);
  for (let key = 1; key < 100_000; key++) map.delete(key);
  expect([...map]).toEqual([[0, 0]]);
  map.dispose();
  expect(heap.stats().liveBlocks).toBe(0);
});

it('what there is no memory for leaves a map and a cache as they were', () => {
  const heap = create({ maxBytes: 2 ** 20 });
  const map = HashMap.create(heap, texts, texts, { stripes: 1 });
  const cache = LruCache.create(heap, numbers, texts, { capacityEntries: 10 });
  map.set('a', 'first');
  cache.set(1, 'first');
  const before = heap.stats().liveBlocks;
  const filling: number[] = [];
  for (const size of [4096, 256, 16]) for (let at; (at = heap.tryMalloc(size)) !== 0;) filling.push(at);
  refused('ERR_HEAP_OUT_OF_MEMORY', () => {
    for (let i = 0; i < 10_000; i++) map.set(`key ${i}`, 'value');
  });
  refused('ERR_HEAP_OUT_OF_MEMORY', () => {
    for (let i = 0; i < 10_000; i++) cache.set(2, 'x'.repeat(100 + i));
  });
  for (const at of filling) heap.free(at);
  expect([map.get('a'), cache.get(1), cache.size]).toEqual(['first', 'first', 1]);
  map.clear();
  expect(heap.stats().liveBlocks).toBeLessThanOrEqual(before);
  map.dispose();
  cache.dispose();
  expect(heap.stats().liveBlocks).toBe(0);
});

it('what getOrInsert and update make, and have no room for, is freed', () => {
  const heap = create({ maxBytes: 2 ** 20 });
  const P = struct('P', { x: f64 });
  const map = HashMap.create(heap, texts, structs(P), { stripes: 1, capacity: 8 });
  // Larger than its struct, so that there is room for the one and not for the other.
  const key = 'k'.repeat(4000);
  let made = 0;
  const make = () => {
    const value = P.in(heap).create();
    made++;
    return value;
  };
  // Keeps a slab for the next ones.
  make();
  const before = heap.stats().liveBlocks;
  const filling: number[] = [];
  for (let at; (at = heap.tryMalloc(4000)) !== 0;) filling.push(at);
  refused('ERR_HEAP_OUT_OF_MEMORY', () => map.getOrInsert(key, make));
  refused('ERR_HEAP_OUT_OF_MEMORY', () => map.update(key, make));
  expect([made, map.size, heap.stats().liveBlocks - filling.length]).toEqual([3, 0, before]);
});

it('parts of a map have each entry once, whatever their number', () => {
  const heap = create();
  const map = HashMap.create(heap, numbers, numbers, { stripes: 8 });
  for (let key = 0; key < 500; key++) map.set(key, -key);
  const whole = [...map].sort();
  for (const of of [1, 2, 3, 8, 11]) {
    const parts = Array.from({ length: of }, (_, index) => ({ index, of }));
    expect(parts.flatMap((part) => [...map.entries(part)]).sort()).toEqual(whole);
    expect(parts.filter((part) => [...map.keys(part)].length > 0).length).toBe(Math.min(of, 8));
    for (const part of parts) expect([...map.values(part)]).toEqual([...map.keys(part)].map((key) => -key));
  }
  for (const [index, of] of [
    [-1, 2],
    [2, 2],
    [0.5, 2],
    [0, 0],
    [0, 1.5],
  ])
    refused('ERR_COLLECTION_ARGUMENT', () => [...map.keys({ index, of })]);
});

it('what is no key, no value, no map or no option is refused', () => {
  const heap = create();
  const map = HashMap.create(heap, texts, numbers);
  const loose = map as unknown as { set(key: unknown, value: unknown): void; get(key: unknown): void };
  refused('ERR_HEAP_VALUE', () => loose.set(1, 1));
  refused('ERR_HEAP_VALUE', () => loose.get({}));
  refused('ERR_HEAP_VALUE', () => loose.set('a', 'text'));
  refused('ERR_COLLECTION_TYPE', () => map.hold('a'));
  const wordy = HashMap.create(heap, texts, texts) as unknown as HashMap<string, number>;
  refused('ERR_COLLECTION_TYPE', () => wordy.add('a', 1));
  refused('ERR_COLLECTION_TYPE', () => HashMap.create(heap, handles, numbers));
  refused('ERR_HEAP_DEFINITION', () => HashMap.at(heap, map.address, texts, texts));
  refused('ERR_HEAP_KIND', () => LruCache.at(heap, map.address, texts, numbers));
  for (const stripes of [0, 3, 512])
    refused('ERR_COLLECTION_ARGUMENT', () => HashMap.create(heap, texts, texts, { stripes }));
  refused('ERR_COLLECTION_ARGUMENT', () => HashMap.create(heap, texts, texts, { capacity: -1 }));
  for (const capacityEntries of [0, 1.5, NaN])
    refused('ERR_COLLECTION_ARGUMENT', () => LruCache.create(heap, texts, texts, { capacityEntries }));
  refused('ERR_COLLECTION_TYPE', () =>
    LruCache.create(heap, texts, structs(struct('P', { x: f64 })), { capacityEntries: 1 }),
  );
});

/** The cache as a Map does it: entries in order of use. */
class Model {
  readonly entries = new Map<string, string>();
  counts = { hits: 0, misses: 0, evictions: 0 };

  constructor(
    private readonly entriesMost: number,
    private readonly bytesMost: number,
  ) {}

  get bytes(): number {
    return [...this.entries].reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  }

  get(key: string): string | undefined {
    const value = this.entries.get(key);
    this.counts[value === undefined ? 'misses' : 'hits']++;
    if (value !== undefined) this.move(key, value);
    return value;
  }

  set(key: string, value: string): void {
    if (key.length + value.length > this.bytesMost) {
      this.entries.delete(key);
      return;
    }
    this.move(key, value);
    while (this.entries.size > this.entriesMost || this.bytes > this.bytesMost) {
      const [oldest] = this.entries.keys();
      this.entries.delete(oldest);
      this.counts.evictions++;
    }
  }

  private move(key: string, value: string): void {
    this.entries.delete(key);
    this.entries.set(key, value);
  }
}

it('a LruCache of one stripe evicts what a list in order of use says, and nothing else', () => {
  const heap = create();
  const step = fc.record({
    call: fc.constantFrom('set', 'set', 'get', 'get', 'delete', 'peek', 'has'),
    key: fc.nat(20).map(String),
    value: fc.string({ unit: 'grapheme-ascii', maxLength: 30 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 12 }), (steps, capacityEntries) => {
      const cache = LruCache.create(heap, texts, texts, { capacityEntries, capacityBytes: 100 });
      const model = new Model(capacityEntries, 100);
      for (const { call, key, value } of steps) {
        if (call === 'set') {
          cache.set(key, value);
          model.set(key, value);
        } else if (call === 'get') expect(cache.get(key)).toBe(model.get(key));
        else if (call === 'delete') expect(cache.delete(key)).toBe(model.entries.delete(key));
        else if (call === 'peek') expect(cache.peek(key)).toBe(model.entries.get(key));
        else expect(cache.has(key)).toBe(model.entries.has(key));
        expect([cache.size, cache.bytes]).toEqual([model.entries.size, model.bytes]);
      }
      expect(new Map(cache)).toEqual(model.entries);
      expect(cache.counts).toEqual(model.counts);
      cache.dispose();
      expect(heap.stats().liveBlocks).toBe(0);
    }),
    runs(BUDGET.modelRuns),
  );
  heap.check();
});

it('entries of a LruCache that are too old are not there, and make room when they are asked for', () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const heap: Heap = create();
  const cache = LruCache.create(heap, texts, numbers, { capacityEntries: 4, maxAgeMs: 100 });
  cache.set('old', 1);
  vi.advanceTimersByTime(60);
  cache.set('new', 2);
  vi.advanceTimersByTime(40);
  expect([cache.peek('old'), cache.has('old'), cache.size]).toEqual([undefined, false, 2]);
  expect([cache.get('old'), cache.get('new'), cache.size]).toEqual([undefined, 2, 1]);
  cache.set('new', 3);
  vi.advanceTimersByTime(99);
  expect(cache.get('new')).toBe(3);
  vi.advanceTimersByTime(1);
  expect(cache.get('new')).toBeUndefined();
  expect(cache.counts).toEqual({ hits: 2, misses: 2, evictions: 0 });
});

it('a LruCache of handles lends them, and holds on for those that ask', () => {
  const heap = create();
  const cache = LruCache.create(heap, numbers, handles, { capacityEntries: 1 });
  for (const key of [1, 2]) cache.set(key, heap.share(heap.alloc(Int32Array, 4).fill(key)));
  expect(cache.hold(1)).toBeUndefined();
  const hold = cache.hold(2);
  cache.clear();
  expect((hold?.value as Int32Array)[0]).toBe(2);
  hold?.release();
  cache.dispose();
  expect(heap.stats().liveBlocks).toBe(0);
});
