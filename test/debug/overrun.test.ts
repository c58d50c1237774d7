import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { refused } from '../kit/errors.js';
import { heapsOfTest, MIB } from '../kit/heaps.js';

const create = heapsOfTest();

const FULL = { maxBytes: 16 * MIB, headers: 'full', callSiteEvery: 1 } as const;
const LIGHT = { maxBytes: 16 * MIB, headers: 'light' } as const;

describe('full headers', () => {
  it('find any single byte written behind what was asked for, and leave the block as it is', () => {
    const heap = create(FULL);
    const anyBlock = fc.record({
      bytes: fc.oneof(fc.nat(300), fc.nat(70_000)),
      behind: fc.nat(7),
      value: fc.integer({ min: 1, max: 255 }),
    });
    fc.assert(
      fc.property(anyBlock, ({ bytes, behind, value }) => {
        const address = heap.malloc(bytes);
        expect(heap.usableSize(address)).toBe(bytes);
        heap.u8[address + bytes + behind] ^= value;
        const error = refused('ERR_HEAP_CORRUPT', () => heap.free(address));
        expect(error).toMatchObject({ kind: 'overrun', address });
        expect(refused('ERR_HEAP_CORRUPT', () => heap.check())).toMatchObject({ kind: 'overrun', address });
        heap.u8[address + bytes + behind] ^= value;
        heap.check();
        heap.free(address);
      }),
    );
    heap.collect();
    expect(heap.stats().liveBlocks).toBe(0);
  });

  it('find zeros written over all that a block carries', () => {
    const heap = create(FULL);
    for (const bytes of [40, 5000, 200_000]) {
      const address = heap.malloc(bytes);
      const kept = heap.u8.slice(address + bytes, address + bytes + 64);
      heap.u8.fill(0, address + bytes, address + bytes + 64);
      refused('ERR_HEAP_CORRUPT', () => heap.check());
      const found = { kind: 'overrun', address, sizeBytes: bytes, damageAddress: address + bytes };
      expect(refused('ERR_HEAP_CORRUPT', () => heap.free(address))).toMatchObject(found);
      heap.u8.set(kept, address + bytes);
      heap.free(address);
    }
  });

  it('find a write before the next block, over the last byte of what this one carries', () => {
    const heap = create(FULL);
    const [first, second] = heap.mallocMany(64, 2).sort((a, b) => a - b);
    heap.u8[second - 1] = 1;
    expect(refused('ERR_HEAP_CORRUPT', () => heap.free(first))).toMatchObject({ kind: 'overrun', address: first });
    heap.u8[second - 1] = 0;
    heap.free(first);
  });

  it('say which byte was the first, and where the block was allocated', () => {
    const heap = create(FULL);
    const victimOf = (): number => heap.malloc(50);
    const address = victimOf();
    heap.u8.fill(1, address + 50, address + 56);
    const error = refused('ERR_HEAP_CORRUPT', () => heap.free(address));
    expect(error).toMatchObject({ damageAddress: address + 50, allocatedBy: heap.workerId });
    expect(error['allocatedAt']).toMatch(/victimOf \(.*overrun\.test\.ts:\d+:\d+\)$/);
    expect(error.message).toContain(String(error['allocatedAt']));
  });

  it('find it when the block is moved: the old one stays, no new one is left behind', () => {
    const heap = create(FULL);
    const address = heap.malloc(50);
    heap.u8[address + 50] = 1;
    refused('ERR_HEAP_CORRUPT', () => heap.realloc(address, 500));
    expect([...heap.blocks()].map((block) => block.address)).toEqual([address]);
    expect(heap.stats().counters.damages).toBe(1);
  });

  it('clear and copy no byte behind a block', () => {
    const heap = create(FULL);
    for (let bytes = 0; bytes < 100; bytes++) {
      const grown = heap.realloc(heap.calloc(bytes), bytes + 3);
      const view = heap.resize(heap.alloc(Uint8Array, bytes), bytes + 5);
      expect([...view]).toEqual(new Array(bytes + 5).fill(0));
      heap.check();
      heap.free(grown);
      heap.free(view);
    }
  });

  it('with guards: find a write of a page behind the block, which harms nobody', () => {
    const heap = create({ ...FULL, guardEvery: 1, callSiteEvery: 0 });
    const [first, second] = [heap.malloc(64), heap.malloc(64)];
    heap.u8.fill(7, second, second + 64);
    heap.u8.fill(1, first + 1000, first + 4000);
    expect(refused('ERR_HEAP_CORRUPT', () => heap.free(first))).toMatchObject({ damageAddress: first + 1000 });
    heap.free(second);
  });

  it('guard the share of allocations that was asked for', () => {
    const heap = create({ ...FULL, guardEvery: 8, callSiteEvery: 0 });
    const blocks = 4000;
    for (let i = 0; i < blocks; i++) heap.malloc(64);
    const guarded = heap.stats().classes.reduce((sum, each) => sum + (each.blockBytes > 4096 ? each.liveBlocks : 0), 0);
    expect(guarded / blocks).toBeGreaterThan(1 / 10);
    expect(guarded / blocks).toBeLessThan(1 / 6);
  });
});

describe('light headers', () => {
  it('find a write over the last eight bytes of a block of any kind', () => {
    const heap = create(LIGHT);
    for (const bytes of [0, 1, 8, 9, 24, 100, 4000, 32_760, 40_000, 65_528, 65_530, 200_000]) {
      const address = heap.malloc(bytes);
      const usable = heap.usableSize(address);
      expect(usable).toBeGreaterThanOrEqual(bytes);
      heap.u8.fill(0xff, address, address + usable);
      heap.check();
      heap.u8[address + usable] ^= 1;
      expect(refused('ERR_HEAP_CORRUPT', () => heap.free(address))).toMatchObject({ kind: 'overrun', address });
      heap.u8[address + usable] ^= 1;
      heap.free(address);
    }
  });

  it('are written when a slab is carved, not when a block is allocated', () => {
    const heap = create(LIGHT);
    const address = heap.malloc(40);
    heap.free(address);
    const end = address + 48;
    heap.u8[end - 1] ^= 1;
    const again = heap.malloc(40);
    expect(again).toBe(address);
    refused('ERR_HEAP_CORRUPT', () => heap.free(again));
  });

  it('stay right when blocks grow, shrink and move', () => {
    const heap = create(LIGHT);
    let address = heap.malloc(1);
    for (const bytes of [24, 25, 3000, 70_000, 140_000, 60_000, 10]) {
      address = heap.realloc(address, bytes);
      heap.u8.fill(1, address, address + bytes);
      heap.check();
    }
    heap.free(address);
    expect(heap.stats().liveBlocks).toBe(0);
  });
});
