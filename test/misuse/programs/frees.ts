import { type Heap } from 'sabmalloc';
import { attempt, type Misuse, SIZES, SLAB_SIZES } from '../scene.js';

const SLICE = 4096;

/** A block whose slab outlives it, because another block of the slab stays. */
function mortal(heap: Heap, bytes: number): number {
  heap.malloc(bytes);
  return heap.malloc(bytes);
}

/** What is freed more than once. */
export const DOUBLE_FREES: readonly Misuse[] = [
  {
    name: 'a block is freed twice',
    code: 'ERR_HEAP_DOUBLE_FREE',
    *run({ heap }) {
      for (const bytes of SIZES) {
        const block = heap.malloc(bytes);
        heap.free(block);
        yield attempt(() => heap.free(block), 'free', block);
        yield attempt(() => heap.free(block), 'free', block);
      }
    },
  },
  {
    name: 'a block is freed a second time after many others',
    code: 'ERR_HEAP_DOUBLE_FREE',
    *run({ heap }) {
      for (const bytes of SIZES.slice(0, 5)) {
        heap.malloc(bytes);
        const blocks = Array.from({ length: 150 }, () => heap.malloc(bytes));
        heap.freeMany(blocks);
        for (const block of [blocks[0], blocks[75], blocks[149]]) yield attempt(() => heap.free(block), 'free', block);
      }
    },
  },
  {
    name: 'a block is freed by its address, then by its view, and the other way round',
    code: 'ERR_HEAP_DOUBLE_FREE',
    *run({ heap }) {
      for (const length of [1, 100, 10_000]) {
        const [first, second] = [heap.alloc(Float64Array, length), heap.alloc(Float64Array, length)];
        heap.free(first.byteOffset);
        yield attempt(() => heap.free(first), 'free', first.byteOffset);
        heap.free(second);
        yield attempt(() => heap.free(second.byteOffset), 'free', second.byteOffset);
      }
    },
  },
  {
    name: 'a view of no elements is freed twice',
    code: 'ERR_HEAP_DOUBLE_FREE',
    *run({ heap }) {
      const view = heap.alloc(Uint8Array, 0);
      heap.free(view);
      yield attempt(() => heap.free(view), 'free', view.byteOffset);
    },
  },
  {
    name: 'one freeMany names a block twice',
    code: 'ERR_HEAP_DOUBLE_FREE',
    *run({ heap }) {
      for (const bytes of SIZES.slice(0, 7)) {
        const [first, second, third] = heap.mallocMany(bytes, 3);
        const call = (): void => heap.freeMany([first, second, first, third]);
        yield { ...attempt(call, 'free', first), frees: [first, second] };
      }
    },
  },
  {
    name: 'a block is freed again after collect() returned its pages',
    code: 'ERR_HEAP_DOUBLE_FREE',
    *run({ heap }) {
      const blocks = [48, 700, 6000, 30_000, 90_000].map((bytes) => heap.malloc(bytes));
      heap.freeMany(blocks);
      heap.collect();
      for (const block of blocks) yield attempt(() => heap.free(block), 'free', block);
    },
  },
  {
    name: 'a block is freed under its old address after realloc moved it',
    code: 'ERR_HEAP_DOUBLE_FREE',
    *run({ heap }) {
      for (const bytes of SLAB_SIZES) {
        const old = mortal(heap, bytes);
        heap.realloc(old, bytes * 3 + 100);
        yield attempt(() => heap.free(old), 'free', old);
      }
    },
  },
  {
    name: 'a view is freed after resize moved its block',
    code: 'ERR_HEAP_DOUBLE_FREE',
    *run({ heap }) {
      const old = heap.alloc(Uint16Array, 20);
      heap.alloc(Uint16Array, 20);
      heap.resize(old, 2000);
      yield attempt(() => heap.free(old), 'free', old.byteOffset);
    },
  },
  {
    name: 'a block is freed again after others were allocated and freed',
    code: 'ERR_HEAP_DOUBLE_FREE',
    *run({ heap }) {
      const block = mortal(heap, 64);
      heap.free(block);
      const again = heap.malloc(64);
      heap.free(again);
      yield attempt(() => heap.free(block), 'free', block);
    },
  },
];

/** What lies inside a block, or between blocks. */
export const INTERIOR_FREES: readonly Misuse[] = [
  {
    name: 'the inside of a block is freed',
    code: 'ERR_HEAP_INVALID_FREE',
    *run(scene) {
      const { heap } = scene;
      for (const { address, usable } of scene.residents()) {
        for (const off of [16, 32, 4096, usable >>> 1, usable - 16]) {
          const inside = address + (off & ~15);
          if (inside > address && inside < address + usable) yield attempt(() => heap.free(inside), 'free', inside);
        }
      }
    },
  },
  {
    name: 'an address off by some bytes is freed',
    code: 'ERR_HEAP_INVALID_FREE',
    *run(scene) {
      const { heap } = scene;
      for (const { address } of scene.residents())
        for (const off of [-8, -1, 1, 2, 4, 8, 12])
          yield attempt(() => heap.free(address + off), 'free', address + off);
    },
  },
  {
    name: 'the second slice of a large block is freed',
    code: 'ERR_HEAP_INVALID_FREE',
    *run({ heap }) {
      const block = heap.malloc(100_000);
      yield attempt(() => heap.free(block + SLICE), 'free', block + SLICE);
      heap.free(block);
      yield attempt(() => heap.free(block + SLICE), 'free', block + SLICE);
    },
  },
  {
    name: 'the part is freed that realloc took off a large block',
    code: 'ERR_HEAP_INVALID_FREE',
    *run({ heap }) {
      const block = heap.malloc(400_000);
      heap.realloc(block, 50_000);
      for (const off of [53_248, 200_704]) yield attempt(() => heap.free(block + off), 'free', block + off);
    },
  },
  {
    name: 'the bytes behind the last block of a slab are freed',
    code: 'ERR_HEAP_INVALID_FREE',
    *run(scene) {
      const fresh = scene.another();
      // The first slab of this class is one slice: 28 blocks of 144 bytes, and 64 bytes that are nobody's.
      const first = fresh.mallocMany(144, 28).reduce((least, block) => Math.min(least, block));
      for (const address of [first + 28 * 144, first + SLICE - 16])
        yield attempt(() => fresh.free(address), 'free', address);
    },
  },
  {
    name: 'a block is freed after its pages became part of a large block',
    code: 'ERR_HEAP_INVALID_FREE',
    *run({ heap }) {
      heap.collect();
      const blocks = Array.from({ length: 64 }, () => heap.malloc(4096));
      heap.freeMany(blocks);
      heap.collect();
      const large = heap.malloc(200_000);
      const inside = blocks.filter((block) => block > large && block < large + 200_000);
      for (const block of inside) yield attempt(() => heap.free(block), 'free', block);
    },
  },
  {
    name: 'a block is freed after its pages went to another class',
    code: 'ERR_HEAP_INVALID_FREE',
    *run({ heap }) {
      heap.collect();
      const blocks = Array.from({ length: 256 }, () => heap.malloc(16));
      heap.freeMany(blocks);
      heap.collect();
      const others = Array.from({ length: 200 }, () => heap.malloc(96));
      const isInside = (block: number): boolean => others.some((other) => block > other && block < other + 96);
      for (const block of blocks.filter(isInside).slice(0, 20)) yield attempt(() => heap.free(block), 'free', block);
    },
  },
];

/** What no block ever was. */
export const WILD_FREES: readonly Misuse[] = [
  {
    name: 'the header, the tables or the control block of a worker are freed',
    code: 'ERR_HEAP_INVALID_FREE',
    *run(scene) {
      const fresh = scene.another();
      // In a heap without blocks that is all there is.
      for (let address = 8; address < fresh.stats().committedBytes; address += address < 128 ? 8 : 1008)
        yield attempt(() => fresh.free(address), 'free', address);
    },
  },
  {
    name: 'memory that no block ever lay in is freed',
    code: 'ERR_HEAP_INVALID_FREE',
    *run({ heap }) {
      const { byteLength } = heap.buffer;
      for (const address of [byteLength - 65_536, byteLength - SLICE, byteLength - 16, byteLength - 8])
        yield attempt(() => heap.free(address), 'free', address);
    },
  },
  {
    name: 'an address past the end of the region is freed',
    code: 'ERR_HEAP_INVALID_FREE',
    *run({ heap }) {
      const { byteLength } = heap.buffer;
      const { maxBytes } = heap.stats();
      for (const address of [byteLength, byteLength + 16, maxBytes, maxBytes + SLICE, 2 ** 31, 2 ** 32 - 16])
        yield attempt(() => heap.free(address), 'free', address);
    },
  },
  {
    name: 'a number is freed that a 32-bit computer would take for a block',
    code: 'ERR_HEAP_INVALID_FREE',
    *run(scene) {
      const { heap } = scene;
      for (const { address } of scene.residents())
        for (const alias of [address + 2 ** 32, address - 2 ** 32, -address, address + 2 ** 40])
          yield attempt(() => heap.free(alias), 'free', alias);
    },
  },
  {
    name: 'a number is freed that is no address',
    code: 'ERR_HEAP_INVALID_FREE',
    *run(scene) {
      const { heap } = scene;
      const { address } = scene.resident();
      const fractions = [address + 0.5, address + 2 ** -20, address - 0.25];
      for (const value of [NaN, Infinity, -Infinity, -1, -8, 5e-324, Number.MAX_VALUE, 2 ** 53, ...fractions])
        yield attempt(() => heap.free(value), 'free', value);
    },
  },
];
