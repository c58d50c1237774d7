import { describe, expect, it } from 'vitest';
import { BUDGET, longTest } from '../kit/budget.js';
import { aligned, empty, fits, noOverlap } from '../kit/contracts.js';
import { ensure, refused } from '../kit/errors.js';
import { heapsOfTest, MIB } from '../kit/heaps.js';

const create = heapsOfTest();

interface Block {
  readonly address: number;
  readonly bytes: number;
  /** What its first and last usable byte should read. */
  readonly mark: number;
}

describe('every size', () => {
  it.each(['production', 'minimal', 'perf-main'] as const)(
    'is served, aligned, without waste and apart from its neighbours, in preset %s',
    (preset) => {
      const heap = create({ preset, maxBytes: 64 * MIB });
      const near: Block[] = [];
      const u8 = heap.u8;
      const release = ({ address, bytes, mark }: Block): void => {
        const intact = heap.u8[address] === mark && heap.u8[address + bytes - 1] === mark;
        ensure(intact, () => `block ${address} of ${bytes} bytes was written by another`);
        heap.free(address);
      };
      for (let size = 0; size <= BUDGET.everySizeTo; size++) {
        const address = heap.malloc(size);
        const bytes = heap.usableSize(address);
        aligned(address, size);
        fits(size, bytes);
        const mark = size & 0xff;
        heap.u8[address] = heap.u8[address + bytes - 1] = mark;
        near.push({ address, bytes, mark });
        if (near.length > 24) release(near.shift()!);
        if (size % 64 === 0) noOverlap(near);
      }
      near.forEach(release);
      expect(u8.length).toBeLessThanOrEqual(heap.u8.length);
      heap.collect();
      empty(heap);
    },
    longTest(60_000),
  );

  it('of a kind lie side by side without overlap', () => {
    const heap = create({ maxBytes: 64 * MIB });
    for (let size = 0; size <= 40_000; size += size < 2000 ? 16 : 1009) {
      const blocks = Array.from({ length: 70 }, () => heap.malloc(size)).map((address) => ({
        address,
        bytes: heap.usableSize(address),
      }));
      noOverlap(blocks);
      for (const { address } of blocks) heap.free(address);
    }
    heap.collect();
    empty(heap);
  });

  it.each([4, 64])('around a power of two is served or refused, in %i MiB', (mebibytes) => {
    const limit = mebibytes * MIB;
    const heap = create({ maxBytes: limit });
    for (let power = 16; power <= 2 * limit; power *= 2) {
      for (let size = Math.max(0, power - 32); size <= power + 32; size++) {
        const address = heap.tryMalloc(size);
        if (address === 0) {
          ensure(size > 0.9 * limit, () => `no room for ${size} bytes in an empty region of ${limit}`);
          refused('ERR_HEAP_OUT_OF_MEMORY', () => heap.malloc(size));
          continue;
        }
        ensure(size < limit, () => `${size} bytes were found in ${limit}`);
        const usable = heap.usableSize(address);
        aligned(address, size);
        fits(size, usable);
        ensure(address + usable <= heap.buffer.byteLength, () => `block of ${size} bytes leaves the region`);
        heap.u8[address] = heap.u8[address + usable - 1] = 1;
        heap.free(address);
      }
    }
    heap.collect();
    empty(heap);
  });

  it('larger than the region could ever hold is out of memory, never a small block', () => {
    const heap = create({ maxBytes: 4 * MIB });
    const sizes = [4 * MIB, 2 ** 31 - 1, 2 ** 31, 2 ** 31 + 16, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 16, 2 ** 33 + 64];
    for (const size of [...sizes, 2 ** 52, 2 ** 53 - 1, 2 ** 53, 2 ** 64, Number.MAX_VALUE]) {
      expect(heap.tryMalloc(size)).toBe(0);
      refused('ERR_HEAP_OUT_OF_MEMORY', () => heap.malloc(size));
      refused('ERR_HEAP_OUT_OF_MEMORY', () => heap.malloc(size, 65_536));
      refused('ERR_HEAP_OUT_OF_MEMORY', () => heap.calloc(size));
      refused('ERR_HEAP_OUT_OF_MEMORY', () => heap.mallocMany(size, 1));
    }
    empty(heap);
  });
});
