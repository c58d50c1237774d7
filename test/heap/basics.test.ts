import { describe, expect, it } from 'vitest';
import { aligned, conserved, empty, fits, noOverlap } from '../kit/contracts.js';
import { refused } from '../kit/errors.js';
import { freeAll, heapsOfTest, KIB, MIB } from '../kit/heaps.js';
import { Model } from '../kit/model.js';
import { seeded } from '../kit/random.js';
import { damage, nonZero, stamp } from '../workers/common.mjs';

const create = heapsOfTest();

describe('malloc', () => {
  it('serves without any option', () => {
    const heap = create();
    const address = heap.malloc(100);
    aligned(address, 100);
    heap.u8[address] = 7;
    expect(heap.u8[address]).toBe(7);
    heap.free(address);
    empty(heap);
  });

  it('gives a unique freeable address for size 0', () => {
    const heap = create({ maxBytes: MIB });
    const addresses = Array.from({ length: 100 }, () => heap.malloc(0));
    expect(new Set(addresses).size).toBe(100);
    for (const address of addresses) {
      aligned(address, 0);
      fits(0, heap.usableSize(address));
    }
    expect(heap.stats().liveBlocks).toBe(100);
    freeAll(heap, addresses);
    heap.collect();
    empty(heap);
  });

  it('gives memory that every whole-region view shows', () => {
    const heap = create({ maxBytes: MIB });
    const address = heap.malloc(16);
    heap.f64[address >>> 3] = Math.PI;
    expect(Buffer.from(heap.u8.slice(address, address + 8)).readDoubleLE()).toBe(Math.PI);
    heap.i32[address >>> 2] = -2;
    expect(heap.u32[address >>> 2]).toBe(2 ** 32 - 2);
    heap.f32[address >>> 2] = 1;
    expect(heap.i32[address >>> 2]).toBe(0x3f800000);
    for (const view of [heap.u8, heap.i32, heap.u32, heap.f32, heap.f64]) expect(view.buffer).toBe(heap.buffer);
  });

  it('says what is missing when there is no memory, and which option to raise', () => {
    const heap = create({ maxBytes: MIB });
    const error = refused('ERR_HEAP_OUT_OF_MEMORY', () => heap.malloc(2 * MIB));
    expect(error.message).toContain('maxBytes');
    expect(error.message).toContain(String(2 * MIB));
    expect(Object.values(error)).toContain(2 * MIB);
    expect(Object.values(error)).toContain(MIB);
    expect(heap.tryMalloc(2 * MIB)).toBe(0);
    empty(heap);
  });

  it('goes on after it ran out of memory', () => {
    const heap = create({ maxBytes: MIB });
    const model = new Model();
    for (let tag = 0; ; tag++) {
      const address = heap.tryMalloc(1000);
      if (address === 0) break;
      model.add({ address, bytes: 1000, usable: heap.usableSize(address), tag });
    }
    refused('ERR_HEAP_OUT_OF_MEMORY', () => heap.malloc(1000));
    refused('ERR_HEAP_OUT_OF_MEMORY', () => heap.calloc(1000));
    conserved(heap, model);
    heap.free(model.remove(model.pick(3).address).address);
    const address = heap.malloc(1000);
    model.add({ address, bytes: 1000, usable: heap.usableSize(address), tag: 0 });
    conserved(heap, model);
  });
});

describe('calloc', () => {
  it.each([1, 8, 16, 100, 1000, 4096, 20_000, 32_768, 40_000, 300_000, 2 * MIB])('zeroes %i used bytes', (bytes) => {
    const heap = create({ maxBytes: 16 * MIB });
    const dirty = Array.from({ length: 4 }, () => heap.malloc(bytes));
    for (const address of dirty) heap.u8.fill(0xff, address, address + heap.usableSize(address));
    freeAll(heap, dirty);
    const clean = Array.from({ length: 4 }, (_, i) => (i < 2 ? heap.calloc(bytes) : heap.calloc(bytes, 64)));
    for (const address of clean) expect(nonZero(heap.u8, address, bytes)).toBe(-1);
    expect(clean[2] % 64).toBe(0);
    noOverlap(clean.map((address) => ({ address, bytes })));
    heap.check();
  });
});

describe('free', () => {
  it('does nothing with 0, null and undefined', () => {
    const heap = create({ maxBytes: MIB });
    const model = new Model();
    const address = heap.malloc(50);
    model.add({ address, bytes: 50, usable: heap.usableSize(address), tag: 0 });
    heap.free(0);
    heap.free(null);
    heap.free(undefined);
    conserved(heap, model);
  });

  it('makes room for the next', () => {
    const heap = create({ maxBytes: MIB });
    for (let i = 0; i < 10_000; i++) heap.free(heap.malloc(100 * KIB));
    for (let i = 0; i < 100_000; i++) heap.free(heap.malloc(100));
    empty(heap);
  });
});

describe('usableSize', () => {
  it('may be used to the last byte', () => {
    const heap = create({ maxBytes: 16 * MIB });
    const blocks = [1, 9, 17, 129, 500, 1100, 5000, 33_000, 100_000].map((bytes, tag) => {
      const address = heap.malloc(bytes);
      return { address, bytes: heap.usableSize(address), tag };
    });
    for (const { address, bytes, tag } of blocks) stamp(heap.u8, address, bytes, tag);
    for (const { address, bytes, tag } of blocks) expect(damage(heap.u8, address, bytes, tag)).toBe(-1);
    noOverlap(blocks);
    heap.check();
  });
});

describe('the batches', () => {
  it.each([1, 16, 100, 2000, 20_000, 70_000])('allocate and free %i bytes, many at a time', (bytes) => {
    const heap = create({ maxBytes: 32 * MIB });
    const list = Array.from(heap.mallocMany(bytes, 100));
    expect(list).toHaveLength(100);
    for (const address of list) {
      aligned(address, bytes);
      fits(bytes, heap.usableSize(address));
    }
    noOverlap(list.map((address) => ({ address, bytes: heap.usableSize(address) })));
    expect(heap.stats().liveBlocks).toBe(100);
    heap.freeMany(list);
    heap.collect();
    empty(heap);
  });

  it('fill what they are given', () => {
    const heap = create({ maxBytes: MIB });
    const out = new Uint32Array(10);
    heap.mallocMany(32, 10, out);
    expect(new Set(out).size).toBe(10);
    for (const address of out) expect(heap.usableSize(address)).toBe(32);
    heap.freeMany(out);
    empty(heap);
  });

  it('do nothing for none', () => {
    const heap = create({ maxBytes: MIB });
    expect(Array.from(heap.mallocMany(64, 0))).toEqual([]);
    heap.freeMany([]);
    empty(heap);
  });

  it('allocate all or nothing', () => {
    const heap = create({ maxBytes: MIB });
    const kept = heap.mallocMany(100, 5);
    const before = heap.stats().liveBlocks;
    for (const bytes of [16, 1000, 20_000, 200_000]) {
      const count = Math.ceil(MIB / bytes) + 1;
      refused('ERR_HEAP_OUT_OF_MEMORY', () => heap.mallocMany(bytes, count));
      heap.check();
      expect(heap.stats().liveBlocks).toBe(before);
    }
    heap.freeMany(kept);
    heap.collect();
    empty(heap);
  });

  it(
    'free in any order',
    seeded((random) => {
      const heap = create({ maxBytes: 16 * MIB });
      const list = Array.from({ length: 2000 }, () => heap.malloc(random.size(0, 5000)));
      heap.freeMany(random.shuffle(list));
      heap.collect();
      empty(heap);
    }),
  );
});
