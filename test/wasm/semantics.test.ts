import { type Heap } from 'sabmalloc';
import { TINY_MAX_BYTES } from 'sabmalloc';
import { describe, expect, it } from 'vitest';
import { refused } from '../kit/errors.js';
import { KIB, MIB } from '../kit/heaps.js';
import { modulesOfTest } from './kit.js';

/** Of WASI, as wasi-libc and Emscripten have them. */
const EINVAL = 28;
const ENOMEM = 48;
const SIZE_MAX = 0xffff_ffff;
const INVALID = 'ERR_HEAP_INVALID_ADDRESS';

const { driver, wrapped } = modulesOfTest();

const bytesAt = (heap: Heap, address: number, length: number): number[] => [
  ...heap.u8.subarray(address, address + length),
];

describe('C without an allocator of its own', () => {
  it.each([0, 1, 8, 16, 17, 1024, 1025, 65536, 65537, MIB])(
    'gets %i bytes, 16-aligned, and gives them back',
    (bytes) => {
      const { exports, heap } = driver();
      const before = heap.stats().liveBlocks;
      const address = exports.c_malloc(bytes);
      expect(address).toBeGreaterThan(heap.bounds.begin);
      expect(address % 16).toBe(0);
      expect(heap.usableSize(address)).toBeGreaterThanOrEqual(bytes);
      expect(exports.c_malloc_usable_size(address)).toBe(heap.usableSize(address));
      exports.c_free(address);
      expect(heap.stats().liveBlocks).toBe(before);
    },
  );

  it('gets different blocks of size 0', () => {
    const { exports } = driver();
    expect(exports.c_malloc(0)).not.toBe(exports.c_malloc(0));
    expect(exports.c_calloc(0, 8)).not.toBe(0);
  });

  it('gets 0 for what does not fit, whatever the call', () => {
    const { exports, heap, counters } = driver();
    const block = exports.c_malloc(100);
    heap.u8.fill(7, block, block + 100);
    const out = exports.c_malloc(4);
    heap.u32[out / 4] = 99;
    const before = heap.stats();
    for (const bytes of [4 * MIB, 2 ** 31, SIZE_MAX]) {
      expect(exports.c_malloc(bytes)).toBe(0);
      expect(exports.c_calloc(1, bytes)).toBe(0);
      expect(exports.c_realloc(block, bytes)).toBe(0);
      expect(exports.c_realloc(0, bytes)).toBe(0);
      expect(exports.c_aligned_alloc(64, bytes)).toBe(0);
      expect(exports.c_posix_memalign(out, 64, bytes)).toBe(ENOMEM);
    }
    expect(counters.refused).toBe(18);
    expect(heap.u32[out / 4]).toBe(99);
    expect(bytesAt(heap, block, 100)).toEqual(new Array(100).fill(7));
    expect(heap.stats().liveBlocks).toBe(before.liveBlocks);
    heap.check();
  });

  it.each([
    [2 ** 16, 2 ** 16],
    [2 ** 31, 2],
    [SIZE_MAX, SIZE_MAX],
    [3, 0x5555_5556],
    [2, 2 ** 31 + 8],
  ])('gets 0 from calloc(%i, %i), whose product is beyond 32 bits', (count, bytes) => {
    expect(driver().exports.c_calloc(count, bytes)).toBe(0);
  });

  it('gets zeroed memory from calloc, where other bytes were', () => {
    const { exports, heap } = driver();
    const dirty = exports.c_malloc(600);
    heap.u8.fill(255, dirty, dirty + 600);
    exports.c_free(dirty);
    const block = exports.c_calloc(30, 20);
    expect(block).toBe(dirty);
    expect(bytesAt(heap, block, 600)).toEqual(new Array(600).fill(0));
  });

  it('reallocates: from NULL, larger, smaller, to 0', () => {
    const { exports, heap } = driver();
    let block = exports.c_realloc(0, 10);
    const text = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
    heap.u8.set(text, block);
    for (const bytes of [40, 5000, 200_000, 20]) {
      block = exports.c_realloc(block, bytes);
      expect(bytesAt(heap, block, 10)).toEqual(text);
      expect(heap.usableSize(block)).toBeGreaterThanOrEqual(bytes);
    }
    const before = heap.stats().liveBlocks;
    block = exports.c_realloc(block, 0);
    expect(block).not.toBe(0);
    expect(heap.stats().liveBlocks).toBe(before);
    exports.c_free(block);
    expect(heap.stats().liveBlocks).toBe(before - 1);
  });

  it.each([1, 2, 4, 8, 16, 32, 4096, 65536])('gets memory aligned to %i', (alignment) => {
    const { exports, heap } = driver();
    for (const bytes of [0, 1, alignment - 1, 3 * alignment + 5]) {
      const blocks = [exports.c_aligned_alloc(alignment, bytes), exports.c_memalign(alignment, bytes)];
      for (const block of blocks) {
        expect(block).not.toBe(0);
        expect(block % alignment).toBe(0);
        expect(heap.usableSize(block)).toBeGreaterThanOrEqual(bytes);
        exports.c_free(block);
      }
    }
  });

  it.each([0, 3, 24, 65535, 2 ** 17, 2 ** 31, SIZE_MAX])('gets nothing aligned to %i', (alignment) => {
    const { exports } = driver();
    expect(exports.c_aligned_alloc(alignment, 64)).toBe(0);
    expect(exports.c_memalign(alignment, 64)).toBe(0);
  });

  it('gets the address from posix_memalign by the pointer, wherever that lies', () => {
    const { exports, heap } = driver();
    const view = new DataView(heap.buffer);
    for (const out of [exports.c_malloc(16), exports.c_malloc(16) + 3, exports.static_address()]) {
      expect(exports.c_posix_memalign(out, 256, 100)).toBe(0);
      const address = view.getUint32(out, true);
      expect(address % 256).toBe(0);
      exports.c_free(address);
    }
  });

  it.each([
    ['0', 0, ENOMEM],
    ['2, less than a pointer', 2, EINVAL],
    ['24, no power of two', 24, EINVAL],
    ['128 KiB, more than the heap has', 128 * KIB, ENOMEM],
  ])('is told by posix_memalign what is wrong with an alignment of %s', (_, alignment, code) => {
    const { exports, heap } = driver();
    const out = exports.c_calloc(1, 4);
    expect(exports.c_posix_memalign(out, alignment, 8)).toBe(alignment === 0 ? EINVAL : code);
    expect(heap.u32[out / 4]).toBe(0);
  });

  it('is told by posix_memalign that a place for the pointer is none, and loses no block', () => {
    const { exports, heap } = driver();
    const before = heap.stats().liveBlocks;
    for (const out of [0, heap.buffer.byteLength - 3, SIZE_MAX])
      expect(exports.c_posix_memalign(out, 16, 8)).toBe(EINVAL);
    expect(heap.stats().liveBlocks).toBe(before);
  });

  it('may free NULL, and ask for its size', () => {
    const { exports, counters } = driver();
    exports.c_free(0);
    expect(exports.c_malloc_usable_size(0)).toBe(0);
    expect({ ...pick(counters) }).toEqual({ served: 0, passedOn: 0, refused: 0 });
  });

  it('frees what JavaScript allocated, and the reverse', () => {
    const { exports, heap } = driver();
    const before = heap.stats().liveBlocks;
    exports.c_free(heap.addressOf(heap.alloc(Float64Array, 100)));
    heap.free(exports.c_malloc(500));
    const resized = heap.resize(heap.view(Uint8Array, exports.c_malloc(32), 32), 4096);
    exports.c_free(exports.c_realloc(heap.addressOf(resized), 10));
    expect(heap.stats().liveBlocks).toBe(before);
  });
});

const pick = ({ served, passedOn, refused }: { served: number; passedOn: number; refused: number }): object => ({
  served,
  passedOn,
  refused,
});

describe('mistakes of C', () => {
  it('with blocks of the heap throw through the module, and the heap is as it was', () => {
    const { exports, heap, counters } = driver();
    const live = exports.c_malloc(64);
    const freed = exports.c_malloc(64);
    exports.c_free(freed);
    const before = { ...pick(counters) };
    const blocks = heap.stats().liveBlocks;
    refused('ERR_HEAP_DOUBLE_FREE', () => exports.c_free(freed));
    refused('ERR_HEAP_INVALID_FREE', () => exports.c_free(live + 16));
    refused('ERR_HEAP_INVALID_FREE', () => exports.c_free(live + 1));
    refused('ERR_HEAP_INVALID_FREE', () => exports.c_free(heap.bounds.begin));
    refused('ERR_HEAP_INVALID_FREE', () => exports.c_free(heap.bounds.end - 16));
    refused(INVALID, () => exports.c_realloc(freed, 10));
    refused(INVALID, () => exports.c_realloc(live + 16, 10));
    refused(INVALID, () => exports.c_malloc_usable_size(live + 16));
    expect({ ...pick(counters) }).toEqual(before);
    expect(heap.stats().liveBlocks).toBe(blocks);
    heap.check();
  });

  it('with addresses outside the heap are left alone, and counted', () => {
    const { exports, heap, counters } = driver();
    const address = exports.static_address();
    const before = bytesAt(heap, address, 32);
    const outside = [address, exports.static_address() + 1, heap.bounds.begin - 16, heap.bounds.end, SIZE_MAX];
    for (const each of outside) {
      exports.c_free(each);
      expect(exports.c_realloc(each, 100)).toBe(0);
      expect(exports.c_malloc_usable_size(each)).toBe(0);
    }
    exports.free_local();
    expect(counters.refused).toBe(3 * outside.length + 1);
    expect(bytesAt(heap, address, 32)).toEqual(before);
    heap.check();
  });

  it('with addresses outside the heap throw, if it is strict', () => {
    const { exports, counters, heap } = driver({ strict: true });
    const address = exports.static_address();
    refused('ERR_HEAP_INVALID_FREE', () => exports.c_free(address));
    refused(INVALID, () => exports.c_realloc(address, 10));
    refused(INVALID, () => exports.c_malloc_usable_size(address));
    refused('ERR_HEAP_INVALID_FREE', () => exports.free_local());
    expect({ ...pick(counters) }).toEqual({ served: 0, passedOn: 0, refused: 0 });
    heap.check();
  });
});

describe('C with an allocator of its own', () => {
  it('keeps it for all but tiny requests', () => {
    const { exports, heap, counters } = wrapped();
    const isOurs = (address: number): boolean => address >= heap.bounds.begin && address < heap.bounds.end;
    const own = exports.own_live_blocks();
    const tiny = exports.c_malloc(TINY_MAX_BYTES);
    const large = exports.c_malloc(TINY_MAX_BYTES + 1);
    expect([isOurs(tiny), isOurs(large)]).toEqual([true, false]);
    expect([isOurs(exports.c_calloc(8, 8)), isOurs(exports.c_calloc(80, 80))]).toEqual([true, false]);
    expect([isOurs(exports.c_aligned_alloc(64, 8)), isOurs(exports.c_aligned_alloc(4096, 8))]).toEqual([true, false]);
    expect(exports.c_malloc_usable_size(large)).toBe(TINY_MAX_BYTES + 16);
    expect(exports.own_live_blocks()).toBe(own + 3);
    expect({ ...pick(counters) }).toEqual({ served: 3, passedOn: 4, refused: 0 });
  });

  it('gets its own blocks back, and strays too', () => {
    const { exports } = wrapped();
    const own = exports.own_live_blocks();
    const strays = exports.own_strays();
    exports.c_free(exports.c_malloc(5000));
    expect(exports.own_live_blocks()).toBe(own);
    exports.c_free(exports.static_address());
    expect(exports.own_strays()).toBe(strays + 1);
  });

  it('gets them from a strict heap too', () => {
    const { exports } = wrapped({ strict: true });
    const own = exports.own_live_blocks();
    exports.c_free(exports.c_malloc(5000));
    expect(exports.own_live_blocks()).toBe(own);
  });

  it('moves a block from the heap to it when it grows, and leaves it there', () => {
    const { exports, heap } = wrapped();
    const before = heap.stats().liveBlocks;
    const own = exports.own_live_blocks();
    let block = exports.c_malloc(48);
    const text = Array.from({ length: 48 }, (_, i) => i);
    heap.u8.set(text, block);
    block = exports.c_realloc(block, 3000);
    expect(block >= heap.bounds.begin && block < heap.bounds.end).toBe(false);
    expect(bytesAt(heap, block, 48)).toEqual(text);
    expect([heap.stats().liveBlocks, exports.own_live_blocks()]).toEqual([before, own + 1]);
    block = exports.c_realloc(block, 20);
    expect([heap.stats().liveBlocks, exports.own_live_blocks()]).toEqual([before, own + 1]);
    expect(bytesAt(heap, block, 20)).toEqual(text.slice(0, 20));
    exports.c_free(block);
    expect([heap.stats().liveBlocks, exports.own_live_blocks()]).toEqual([before, own]);
  });

  it('gets a larger block of JavaScript when C shrinks it, no byte more than asked for', () => {
    const { exports, heap } = wrapped();
    const there = exports.c_malloc(2000);
    const behind = exports.c_malloc(2000);
    heap.u8.fill(1, behind, behind + 2000);
    exports.c_free(there);
    const block = heap.malloc(50_000);
    heap.u8.fill(2, block, block + 50_000);
    expect(exports.c_realloc(block, 2000)).toBe(there);
    expect(bytesAt(heap, there, 2000)).toEqual(new Array(2000).fill(2));
    expect(bytesAt(heap, behind, 2000)).toEqual(new Array(2000).fill(1));
  });

  it('is not asked for an alignment that is none', () => {
    const { exports, counters } = wrapped();
    for (const alignment of [0, 24, 4095]) expect(exports.c_aligned_alloc(alignment, 5000)).toBe(0);
    expect({ ...pick(counters) }).toEqual({ served: 0, passedOn: 0, refused: 3 });
  });

  it('keeps a block of the heap as it was when nobody has room for it to grow', () => {
    const { exports, heap, counters } = wrapped();
    const block = exports.c_malloc(48);
    heap.u8.fill(9, block, block + 48);
    for (const bytes of [9 * MIB, SIZE_MAX]) expect(exports.c_realloc(block, bytes)).toBe(0);
    expect(bytesAt(heap, block, 48)).toEqual(new Array(48).fill(9));
    expect(counters.passedOn).toBe(2);
    exports.c_free(block);
    refused(INVALID, () => exports.c_realloc(block, 5000));
  });

  it.each(['tiny', 'all'] as const)('is asked when the heap is full (serve: %s)', (serve) => {
    const { exports, heap, counters } = wrapped({ serve });
    const bytes = 1000;
    const inHeap: number[] = [];
    while (counters.passedOn === 0) inHeap.push(exports.c_malloc(bytes));
    const first = inHeap.pop()!;
    expect(first >= heap.bounds.begin && first < heap.bounds.end).toBe(false);
    expect(inHeap.length * bytes).toBeGreaterThan(0.8 * (heap.bounds.end - heap.bounds.begin));
    expect(exports.c_calloc(1, bytes)).not.toBe(0);
    expect(exports.c_aligned_alloc(1024, 8)).not.toBe(0);
    const [small, large] = inHeap;
    const grown = exports.c_realloc(large, serve === 'all' ? 50_000 : 1020);
    expect(exports.c_realloc(small, 500)).toBe(small);
    expect(grown).not.toBe(0);
    expect(grown === large).toBe(serve === 'tiny');
    expect(counters.refused).toBe(0);
  });

  it('is asked for a while without the heap being looked through, then that is used again', () => {
    const { exports, heap, counters, blocks } = wrapped();
    while (counters.passedOn === 0) exports.c_malloc(1000);
    for (const { address } of heap.blocks()) if (address !== blocks.tls) exports.c_free(address);
    const { served } = counters;
    let requests = 0;
    for (; counters.served === served && requests < 5000; requests++) exports.c_malloc(16);
    expect(requests).toBeGreaterThan(100);
    expect(requests).toBeLessThan(5000);
  });

  it('is asked for the largest only, if the heap serves all', () => {
    const { exports, heap } = wrapped({ serve: 'all' });
    const block = exports.c_malloc(100_000);
    expect(block >= heap.bounds.begin && block < heap.bounds.end).toBe(true);
    expect(exports.c_aligned_alloc(131_072, 100) % 131_072).toBe(0);
  });
});
