import { type Heap } from 'sabmalloc';
import { afterEach, describe, expect, it } from 'vitest';
import { aligned, empty, noOverlap } from '../kit/contracts.js';
import { refused } from '../kit/errors.js';
import { freeAll, GIB, heapsOfTest, KIB, MIB } from '../kit/heaps.js';
import { workersOfTest } from '../kit/workers.js';
import { damage, nonZero, stamp } from '../workers/common.mjs';

const create = heapsOfTest();
const workers = workersOfTest();

const HALF = 2 ** 31;

/** Address space is taken, memory is not: blocks that nobody touches cost nothing. */
function occupyLowHalf(heap: Heap): number[] {
  const low: number[] = [];
  const high: number[] = [];
  for (const bytes of [GIB, 256 * MIB, 16 * MIB, MIB, 64 * KIB, 4 * KIB]) {
    for (let address; (address = heap.tryMalloc(bytes)) !== 0;) {
      if (address < HALF) low.push(address);
      else high.push(address);
      if (bytes < GIB && address >= HALF) break;
    }
  }
  freeAll(heap, high);
  return low;
}

let rssBefore = 0;

describe.each(['growable', 'wasm'] as const)('a region of 4 GiB, backing %s', (backing) => {
  afterEach(() => {
    expect(process.memoryUsage.rss() - rssBefore).toBeLessThan(600 * MIB);
  });

  const occupied = (): { heap: Heap; low: number[] } => {
    rssBefore = process.memoryUsage.rss();
    const heap = create({ backing, maxBytes: 2 ** 32 });
    return { heap, low: occupyLowHalf(heap) };
  };

  it('gives addresses above 2^31, and every call takes them', () => {
    const { heap, low } = occupied();
    const sizes = [0, 8, 16, 100, 1000, 1024, 5000, 32_768, 40_000, MIB, 20 * MIB];
    const blocks = sizes.map((bytes, tag) => {
      const address = tag % 2 === 0 ? heap.malloc(bytes) : heap.calloc(Math.min(bytes, MIB), 64);
      aligned(address, bytes);
      expect(address).toBeGreaterThan(HALF);
      if (tag % 2 === 1) expect(nonZero(heap.u8, address, Math.min(bytes, MIB))).toBe(-1);
      const kept = Math.min(bytes, tag % 2 === 0 ? bytes : MIB);
      stamp(heap.u8, address, kept, tag);
      return { address, bytes: kept, tag };
    });
    noOverlap(blocks);
    heap.check();
    expect(heap.stats().liveBlocks).toBe(low.length + blocks.length);
    expect(new Set([...heap.blocks()].map(({ address }) => address))).toEqual(
      new Set([...low, ...blocks.map(({ address }) => address)]),
    );
    for (const block of blocks) {
      expect(damage(heap.view(Uint8Array, block.address, block.bytes), 0, block.bytes, block.tag)).toBe(-1);
      const moved = heap.realloc(block.address, block.bytes * 2 + 100);
      expect(damage(heap.u8, moved, block.bytes, block.tag)).toBe(-1);
      heap.free(moved);
      refused(['ERR_HEAP_DOUBLE_FREE', 'ERR_HEAP_INVALID_FREE'], () => heap.free(moved));
    }
    freeAll(heap, low);
    heap.collect();
    empty(heap);
  });

  it('gives views there, of every width', () => {
    const { heap, low } = occupied();
    const view = heap.alloc(Float64Array, 1000);
    expect(view.byteOffset).toBeGreaterThan(HALF);
    expect(heap.addressOf(view)).toBe(view.byteOffset);
    view[999] = Math.E;
    expect(heap.f64[(heap.addressOf(view) + 999 * 8) / 8]).toBe(Math.E);
    expect(heap.i32.length).toBe(heap.buffer.byteLength / 4);
    const bigger = heap.resize(view, 100_000);
    expect(bigger[999]).toBe(Math.E);
    heap.free(bigger);
    freeAll(heap, low);
    heap.collect();
    empty(heap);
  });

  it('refuses misuse there, and numbers that would wrap', () => {
    const { heap } = occupied();
    const address = heap.malloc(1000);
    expect(address).toBeGreaterThan(HALF);
    for (const wrong of [
      address | 0,
      address - 2 ** 32,
      address + 2 ** 32,
      address + 16,
      address + 1,
      address - HALF,
    ]) {
      const isLive = [...heap.blocks()].some((block) => block.address === wrong);
      if (!isLive) refused(['ERR_HEAP_INVALID_FREE', 'ERR_HEAP_DOUBLE_FREE'], () => heap.free(wrong));
    }
    expect(heap.usableSize(address)).toBeGreaterThanOrEqual(1000);
    heap.free(address);
    refused('ERR_HEAP_DOUBLE_FREE', () => heap.free(address));
    heap.check();
  });

  it('lets other workers free what lies there', async () => {
    const { heap, low } = occupied();
    const other = await workers.agent(heap);
    const blocks = Array.from({ length: 300 }, (_, i) => heap.malloc(i * 20));
    for (const [tag, address] of blocks.entries()) stamp(heap.u8, address, tag * 20, tag);
    for (const [tag, address] of blocks.entries()) {
      if (tag % 30 === 0) expect(await other.call('damage', address, tag * 20, tag)).toBe(-1);
    }
    expect(Math.max(...blocks)).toBeGreaterThan(HALF);
    await other.call('freeAll', blocks);
    heap.collect();
    expect(heap.stats().liveBlocks).toBe(low.length);
    heap.check();
    const theirs = await other.heap<number>('malloc', MIB);
    expect(theirs).toBeGreaterThan(HALF);
    heap.free(theirs);
    freeAll(heap, low);
    await other.heap('collect');
    heap.collect();
    empty(heap);
  });

  it('holds one block of more than 2 GiB', () => {
    rssBefore = process.memoryUsage.rss();
    const heap = create({ backing, maxBytes: 2 ** 32 });
    const bytes = HALF + 300 * MIB;
    const address = heap.malloc(bytes);
    expect(heap.usableSize(address)).toBeGreaterThanOrEqual(bytes);
    heap.u8[address + bytes - 1] = 77;
    expect(heap.view(Uint8Array, address, bytes)[bytes - 1]).toBe(77);
    expect(heap.stats().liveBytes).toBeGreaterThanOrEqual(bytes);
    const shrunk = heap.realloc(address, MIB);
    const other = heap.malloc(bytes);
    noOverlap([
      { address: shrunk, bytes: MIB },
      { address: other, bytes },
    ]);
    heap.freeMany([shrunk, other]);
    heap.collect();
    empty(heap);
  });
});
