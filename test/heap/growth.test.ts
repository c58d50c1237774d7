import { type Heap } from 'sabmalloc';
import { describe, expect, it } from 'vitest';
import { aligned, conserved, empty, noOverlap } from '../kit/contracts.js';
import { refused } from '../kit/errors.js';
import { fillWith, freeAll, heapsOfTest, KIB, largestBlock, MIB } from '../kit/heaps.js';
import { Model } from '../kit/model.js';
import { workersOfTest } from '../kit/workers.js';
import { damage, stamp } from '../workers/common.mjs';

const create = heapsOfTest();
const workers = workersOfTest();

const BACKINGS = ['auto', 'growable', 'wasm', 'fixed'] as const;
const GROWING = ['auto', 'growable', 'wasm'] as const;

/** Fills half the region with stamped blocks, looking at the views anew for each, and verifies all of them at the end. */
function growsUnder(heap: Heap, bytes: number, count: number): Model {
  const model = new Model();
  for (let tag = 0; tag < count; tag++) {
    const address = heap.malloc(bytes);
    aligned(address, bytes);
    expect(heap.u8.byteLength).toBeGreaterThanOrEqual(address + bytes);
    for (const view of [heap.i32, heap.u32, heap.f32, heap.f64]) {
      expect(view.byteLength).toBeGreaterThanOrEqual(Math.floor((address + bytes) / 8) * 8);
    }
    stamp(heap.u8, address, bytes, tag);
    model.add({ address, bytes, usable: heap.usableSize(address), tag });
  }
  for (const { address, tag } of model.blocks()) expect(damage(heap.u8, address, bytes, tag)).toBe(-1);
  conserved(heap, model);
  return model;
}

describe.each(BACKINGS)('backing %s', (backing) => {
  it('serves blocks of every kind up to its limit and back', () => {
    const heap = create({ backing, maxBytes: 64 * MIB });
    for (const bytes of [100, 10_000, 700 * KIB]) {
      const model = growsUnder(heap, bytes, Math.floor(Math.min(2000, (50 * MIB) / bytes)));
      freeAll(
        heap,
        model.blocks().map(({ address }) => address),
      );
    }
    heap.collect();
    empty(heap);
    expect(heap.buffer.byteLength).toBeLessThanOrEqual(64 * MIB);
    expect(largestBlock(heap, 64 * MIB)).toBeGreaterThan(0.9 * 64 * MIB);
  });

  it('has a buffer that other workers see as the same memory', async () => {
    const heap = create({ backing, maxBytes: 64 * MIB });
    const other = await workers.agent(heap);
    // The other worker attached while the region was small: what lies past its views must be found all the same.
    const address = heap.malloc(40 * MIB);
    stamp(heap.u8, address, 40 * MIB, 5);
    expect(await other.call('damage', address, 40 * MIB, 5)).toBe(-1);
    expect(await other.heap('usableSize', address)).toBeGreaterThanOrEqual(40 * MIB);
    const [small] = await other.call<[number, number][]>('allocate', 1, 5000, 5000, 1, 6);
    expect(damage(heap.u8, small[0], small[1], 6)).toBe(-1);
    await other.heap('free', address);
    heap.free(small[0]);
    heap.collect();
    await other.heap('collect');
    empty(heap);
  });

  it('sees what another worker put where the region grew', async () => {
    const heap = create({ backing, maxBytes: 64 * MIB });
    const other = await workers.agent(heap);
    const blocks = await other.call<[number, number][]>('allocate', 40, MIB, MIB, 1, 9);
    for (const [address, bytes] of blocks) {
      expect(heap.usableSize(address)).toBeGreaterThanOrEqual(bytes);
      expect(damage(heap.view(Uint8Array, address, bytes), 0, bytes, 9)).toBe(-1);
      expect(damage(heap.u8, address, bytes, 9)).toBe(-1);
      heap.free(address);
    }
    empty(heap);
  });

  it('is named by stats as no more than it reserved', () => {
    const heap = create({ backing, maxBytes: 16 * MIB });
    expect(heap.stats().reservedBytes).toBeLessThanOrEqual(16 * MIB);
    expect(heap.stats().committedBytes).toBeLessThan(MIB);
    fillWith(heap, MIB);
    const { reservedBytes, committedBytes } = heap.stats();
    expect(reservedBytes).toBeGreaterThanOrEqual(committedBytes);
    expect(committedBytes).toBeGreaterThan(14 * MIB);
    expect(reservedBytes).toBeLessThanOrEqual(16 * MIB);
  });
});

describe.each(GROWING)('a growing region of backing %s', (backing) => {
  it('starts small', () => {
    const heap = create({ backing, maxBytes: 512 * MIB });
    expect(heap.buffer.byteLength).toBeLessThanOrEqual(16 * MIB);
    expect(heap.u8.byteLength).toBe(heap.buffer.byteLength);
  });

  it('grows with what is live, and the views with it', () => {
    const heap = create({ backing, maxBytes: 512 * MIB });
    const small = heap.buffer.byteLength;
    const address = heap.malloc(200 * MIB);
    expect(heap.buffer.byteLength).toBeGreaterThan(small);
    expect(heap.u8.byteLength).toBeGreaterThanOrEqual(address + 200 * MIB);
    heap.u8[address + 200 * MIB - 1] = 1;
    heap.free(address);
    empty(heap);
  });

  it('grows only up to maxBytes, even where maxBytes is no round number', () => {
    for (const maxBytes of [10 * MIB + 4096, 13_000_000, 20 * MIB - 1]) {
      const heap = create({ backing, maxBytes });
      fillWith(heap, 100 * KIB);
      expect(heap.buffer.byteLength).toBeLessThanOrEqual(Math.ceil(maxBytes / (64 * KIB)) * 64 * KIB);
      refused('ERR_HEAP_OUT_OF_MEMORY', () => heap.malloc(200 * KIB));
      heap.check();
    }
  });

  it('zeroes memory that another worker added and used', async () => {
    const heap = create({ backing, maxBytes: 64 * MIB });
    // Attached while the region was small, so that its views end before what it is given.
    const late = await workers.agent(heap);
    const dirty = heap.malloc(40 * MIB);
    heap.u8.fill(255, dirty, dirty + 40 * MIB);
    heap.free(dirty);
    const clean = await late.heap('calloc', 40 * MIB, 1);
    expect(clean).toBe(dirty);
    expect(heap.u8.subarray(dirty, dirty + 40 * MIB).every((byte) => byte === 0)).toBe(true);
    await late.heap('free', clean);
    empty(heap);
  });

  it('moves a block of memory that another worker added', async () => {
    const heap = create({ backing, maxBytes: 64 * MIB });
    const late = await workers.agent(heap);
    // Fills its cache, so that later it needs no new memory, and no new views, for a block of this size.
    const kept = await late.heap<number>('malloc', 1000);
    const [low, high] = [heap.malloc(20 * MIB), heap.malloc(20 * MIB)];
    stamp(heap.u8, high, 1000, 4);
    // Too small for a span, so it is copied, by a worker whose views end before it.
    const moved = await late.heap<number>('realloc', high, 1000);
    expect(moved).not.toBe(high);
    expect(damage(heap.u8, moved, 1000, 4)).toBe(-1);
    heap.freeMany([low, moved, kept]);
    await late.heap('collect');
    heap.collect();
    empty(heap);
  });

  it('grows under several workers at once, each block its own', async () => {
    const heap = create({ backing, maxBytes: 256 * MIB });
    const others = await workers.agents(heap, 3);
    const lists = await Promise.all(
      others.map((other, i) => other.call<[number, number][]>('allocate', 150, 1000, 900 * KIB, i + 1, i)),
    );
    const blocks = lists.flat().map(([address]) => ({ address, bytes: heap.usableSize(address) }));
    noOverlap(blocks);
    for (const [i, other] of others.entries()) {
      expect(await other.call('damaged', lists[(i + 1) % 3], (i + 1) % 3)).toBe(0);
    }
    heap.freeMany(blocks.map(({ address }) => address));
    for (const other of others) await other.heap('collect');
    empty(heap);
  });
});
