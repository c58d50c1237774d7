import { describe, expect, it } from 'vitest';
import { aligned, conserved, empty, fits } from '../kit/contracts.js';
import { ensure, refused } from '../kit/errors.js';
import { fillWith, heapsOfTest, KIB, MIB } from '../kit/heaps.js';
import { Model } from '../kit/model.js';
import { seeded } from '../kit/random.js';
import { damage, stamp } from '../workers/common.mjs';

const create = heapsOfTest();

describe('realloc', () => {
  const sizes = [
    0,
    1,
    8,
    9,
    16,
    17,
    100,
    128,
    129,
    1000,
    1024,
    1025,
    4096,
    30_000,
    32_768,
    32_769,
    70_000,
    300_000,
    MIB,
  ];

  it('keeps the contents up to the smaller size, from every size to every size', () => {
    const heap = create({ maxBytes: 32 * MIB });
    for (const [tag, from] of sizes.entries()) {
      for (const to of sizes) {
        const old = heap.malloc(from);
        stamp(heap.u8, old, from, tag);
        const address = heap.realloc(old, to);
        aligned(address, Math.min(from, to));
        fitsNow(heap.usableSize(address), to);
        const at = damage(heap.u8, address, Math.min(from, to), tag, from);
        ensure(at === -1, () => `realloc from ${from} to ${to} bytes lost byte ${at}`);
        expect(heap.stats().liveBlocks).toBe(1);
        heap.free(address);
      }
    }
    heap.collect();
    empty(heap);
  });

  /** A block that stays where it is may keep what it holds; enough is what counts. */
  function fitsNow(usable: number, bytes: number): void {
    ensure(usable >= bytes, () => `${bytes} bytes asked, ${usable} usable`);
  }

  it('is malloc for address 0', () => {
    const heap = create({ maxBytes: MIB });
    const address = heap.realloc(0, 100);
    aligned(address, 100);
    fits(100, heap.usableSize(address));
    heap.free(address);
    empty(heap);
  });

  it('keeps a block of size 0', () => {
    const heap = create({ maxBytes: MIB });
    const address = heap.realloc(heap.malloc(1000), 0);
    expect(address).toBeGreaterThan(0);
    expect(heap.stats().liveBlocks).toBe(1);
    expect([...heap.blocks()].map((block) => block.address)).toEqual([address]);
    heap.free(address);
    heap.collect();
    empty(heap);
  });

  it('stays in place where the block has room', () => {
    const heap = create({ maxBytes: MIB });
    for (const bytes of [10, 200, 5000, 100_000]) {
      const address = heap.malloc(bytes);
      expect(heap.realloc(address, heap.usableSize(address))).toBe(address);
    }
  });

  it('grows a large block in place into free memory behind it', () => {
    const heap = create({ maxBytes: 64 * MIB });
    let address = heap.malloc(256 * KIB);
    const moves = new Set([address]);
    for (let bytes = 320 * KIB; bytes <= 16 * MIB; bytes += 64 * KIB) {
      address = heap.realloc(address, bytes);
      moves.add(address);
    }
    // In an otherwise empty heap, growing step by step need not copy at every step.
    expect(moves.size).toBeLessThan(20);
    heap.free(address);
    heap.collect();
    empty(heap);
  });

  it('gives back what a large block no longer needs', () => {
    const heap = create({ maxBytes: 16 * MIB });
    const big = heap.malloc(12 * MIB);
    refused('ERR_HEAP_OUT_OF_MEMORY', () => heap.malloc(8 * MIB));
    const small = heap.realloc(big, 1 * MIB);
    const other = heap.malloc(8 * MIB);
    heap.free(small);
    heap.free(other);
    heap.collect();
    empty(heap);
  });

  it('leaves the block as it was when there is no room', () => {
    const heap = create({ maxBytes: MIB });
    const model = new Model();
    for (const [tag, bytes] of [100, 5000, 200_000].entries()) {
      const address = heap.malloc(bytes);
      stamp(heap.u8, address, bytes, tag);
      model.add({ address, bytes, usable: heap.usableSize(address), tag });
    }
    for (const { address, bytes, tag } of model.blocks()) {
      const error = refused('ERR_HEAP_OUT_OF_MEMORY', () => heap.realloc(address, 1000 * KIB));
      expect(error.message).toContain('maxBytes');
      refused('ERR_HEAP_OUT_OF_MEMORY', () => heap.realloc(address, 2 ** 40));
      expect(damage(heap.u8, address, bytes, tag)).toBe(-1);
      conserved(heap, model);
    }
  });

  it.each([5000, 200_000])('never needs room to make a block of %i bytes smaller', (bytes) => {
    const heap = create({ maxBytes: MIB });
    const address = heap.malloc(bytes);
    stamp(heap.u8, address, 100, 1);
    for (const filler of [1000, 100]) fillWith(heap, filler);
    expect(heap.tryMalloc(100)).toBe(0);
    expect(heap.realloc(address, 100)).toBe(address);
    expect(damage(heap.u8, address, 100, 1)).toBe(-1);
    heap.check();
  });

  it('makes the old address invalid when it moves', () => {
    const heap = create({ maxBytes: 16 * MIB });
    for (const bytes of [16, 1000, 5000, 100_000]) {
      const old = heap.malloc(bytes);
      heap.malloc(bytes);
      const address = heap.realloc(old, bytes * 20);
      if (address === old) continue;
      refused(['ERR_HEAP_DOUBLE_FREE', 'ERR_HEAP_INVALID_FREE'], () => heap.free(old));
      refused('ERR_HEAP_INVALID_ADDRESS', () => heap.realloc(old, 10));
      refused('ERR_HEAP_INVALID_ADDRESS', () => heap.usableSize(old));
      heap.check();
    }
  });

  it(
    'does not lose what lies beside the block',
    seeded((random) => {
      const heap = create({ maxBytes: 64 * MIB });
      const blocks = Array.from({ length: 200 }, (_, tag) => {
        const bytes = random.size(0, 60_000);
        const address = heap.malloc(bytes);
        stamp(heap.u8, address, bytes, tag);
        return { address, bytes, tag };
      });
      for (let i = 0; i < 4000; i++) {
        const block = random.pick(blocks);
        const bytes = random.size(0, 120_000);
        const address = heap.realloc(block.address, bytes);
        const at = damage(heap.u8, address, Math.min(bytes, block.bytes), block.tag, block.bytes);
        ensure(
          at === -1,
          () => `block ${block.address} of ${block.bytes} bytes lost byte ${at} on its way to ${bytes}`,
        );
        Object.assign(block, { address, bytes });
        stamp(heap.u8, address, bytes, block.tag);
      }
      for (const { address, bytes, tag } of blocks) expect(damage(heap.u8, address, bytes, tag)).toBe(-1);
      heap.check();
    }),
  );
});
