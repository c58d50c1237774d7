import { type Heap } from 'sabmalloc';
import {
  ByteString,
  Channel,
  HashMap,
  LruCache,
  numbers,
  PriorityQueue,
  Ring,
  texts,
  Texts,
  Vector,
} from 'sabmalloc/collections';
import { f64, struct } from 'sabmalloc/structs';
import { describe, expect, it } from 'vitest';
import { refused } from '../kit/errors.js';
import { heapsOfTest, MIB } from '../kit/heaps.js';

const create = heapsOfTest();
const Point = struct('Point', { x: f64 });

type Maker = (heap: Heap, type: any, options?: any) => unknown;

/** Of those with values: how each is made with values of a type. */
const HOLDERS: Record<string, Maker> = {
  Channel: (heap, type, options) => Channel.create(heap, type, options),
  HashMap: (heap, type, options) => HashMap.create(heap, texts, type, options),
  LruCache: (heap, type, options) => LruCache.create(heap, texts, type, { capacityEntries: 9, ...options }),
  PriorityQueue: (heap, type, options) => PriorityQueue.create(heap, type, options),
  Vector: (heap, type, options) => Vector.create(heap, type, options),
};
const OTHERS: Record<string, Maker> = {
  ByteString: (heap, _, options) => ByteString.create(heap, options),
  Ring: (heap, type) => Ring.create(heap, type === numbers ? Float64Array : type, 64),
  Texts: (heap, _, options) => Texts.create(heap, options),
};
const ALL = { ...HOLDERS, ...OTHERS };

describe.each(Object.entries(ALL))('%s.create', (name, make) => {
  it.each([undefined, null, 5, {}])('refuses %s for a heap', (heap: any) => {
    refused('ERR_COLLECTION_ARGUMENT', () => make(heap, numbers));
  });

  if (name in HOLDERS || name === 'Ring')
    it.each([undefined, null, 'numbers', {}, Point])('refuses %s for a type, and makes nothing', (type: any) => {
      const heap = create();
      const before = heap.stats().liveBlocks;
      refused('ERR_COLLECTION_ARGUMENT', () => make(heap, type));
      expect(heap.stats().liveBlocks).toBe(before);
    });

  if (name !== 'Ring')
    it('refuses an option that there is not, and names those that there are', () => {
      const error = refused('ERR_COLLECTION_ARGUMENT', () => make(create(), numbers, { capasity: 5 }));
      expect(error.message).toMatch(/capasity.*capacity/);
    });
});

it('a map whose capacity finds no room is not made, and nothing of it stays', () => {
  const heap = create({ maxBytes: MIB });
  const before = heap.stats().liveBlocks;
  refused('ERR_HEAP_OUT_OF_MEMORY', () => HashMap.create(heap, texts, numbers, { capacity: 1e6 }));
  expect(heap.stats().liveBlocks).toBe(before);
});
