import { type Heap } from 'sabmalloc';
import { describe, expect, it } from 'vitest';
import { conserved } from '../kit/contracts.js';
import { refused } from '../kit/errors.js';
import { heapsOfTest, MIB } from '../kit/heaps.js';
import { Model } from '../kit/model.js';
import { damage, stamp } from '../workers/common.mjs';

const create = heapsOfTest();

/** A heap with one live block that must outlast every refusal. */
function witness(maxBytes = 4 * MIB): { heap: Heap; block: number; isIntact: () => void } {
  const heap = create({ maxBytes });
  const block = heap.malloc(500);
  stamp(heap.u8, block, 500, 1);
  const model = new Model();
  model.add({ address: block, bytes: 500, usable: heap.usableSize(block), tag: 1 });
  const isIntact = (): void => {
    expect(damage(heap.u8, block, 500, 1)).toBe(-1);
    conserved(heap, model);
  };
  return { heap, block, isIntact };
}

/** None of these is a number of bytes, whatever it could be coerced to. */
const NO_SIZES: readonly unknown[] = [
  ...['16', '', 'x', -1, -16, 1.5, 0.1, NaN, Infinity, -Infinity, -(2 ** 32), 16n, 0n, null, true, false],
  ...[{}, [], [16], { valueOf: () => 16 }, () => 16, Symbol('16'), new Date(16)],
];

const NO_ALIGNMENTS: readonly unknown[] = [
  ...[0, 3, 12, 24, 48, 100, 131_072, 2 ** 20, 2 ** 31, 2 ** 32, 2 ** 40, -8, -16, -(2 ** 31), 1.5, 0.5],
  ...[NaN, Infinity, -Infinity, '16', '', 16n, null, true, false, {}, [16], { valueOf: () => 16 }, Symbol('16')],
];

describe('what is no size', () => {
  const calls: Record<string, (heap: Heap, size: never, block: number) => unknown> = {
    malloc: (heap, size) => heap.malloc(size),
    'malloc with an alignment': (heap, size) => heap.malloc(size, 64),
    tryMalloc: (heap, size) => heap.tryMalloc(size),
    calloc: (heap, size) => heap.calloc(size),
    realloc: (heap, size, block) => heap.realloc(block, size),
    'realloc(0)': (heap, size) => heap.realloc(0, size),
    'mallocMany, as size': (heap, size) => heap.mallocMany(size, 2),
    'mallocMany, as count': (heap, size) => heap.mallocMany(16, size),
    alloc: (heap, size) => heap.alloc(Uint8Array, size),
    'alloc of Float64Array': (heap, size) => heap.alloc(Float64Array, size),
    allocUnsafe: (heap, size) => heap.allocUnsafe(Int16Array, size),
    view: (heap, size, block) => heap.view(Uint8Array, block, size),
    resize: (heap, size, block) => heap.resize(heap.view(Uint8Array, block, 500), size),
  };

  it.each(Object.entries(calls))('is refused by %s', (_, call) => {
    const { heap, block, isIntact } = witness();
    for (const size of NO_SIZES) refused('ERR_HEAP_INVALID_SIZE', () => call(heap, size as never, block));
    isIntact();
  });

  it('is refused where it is missing', () => {
    const { heap, block, isIntact } = witness();
    refused('ERR_HEAP_INVALID_SIZE', () => heap.malloc(undefined as never));
    refused('ERR_HEAP_INVALID_SIZE', () => heap.calloc(undefined as never));
    refused('ERR_HEAP_INVALID_SIZE', () => heap.realloc(block, undefined as never));
    isIntact();
  });

  it('is named in the error', () => {
    const { heap } = witness();
    expect(refused('ERR_HEAP_INVALID_SIZE', () => heap.malloc(-5)).message).toContain('-5');
    expect(Object.values(refused('ERR_HEAP_INVALID_SIZE', () => heap.malloc(1.5)))).toContain(1.5);
  });
});

describe('a size that no region could hold', () => {
  it.each([4 * MIB, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 16, 2 ** 53, 2 ** 60])('is out of memory: %d', (size) => {
    const { heap, block, isIntact } = witness();
    expect(heap.tryMalloc(size)).toBe(0);
    const calls = [
      () => heap.malloc(size),
      () => heap.calloc(size),
      () => heap.realloc(block, size),
      () => heap.mallocMany(16, size),
      () => heap.mallocMany(size, 2),
      () => heap.alloc(Uint8Array, size),
      () => heap.alloc(Float64Array, size),
      () => heap.allocUnsafe(Uint16Array, size),
      () => heap.resize(heap.view(Uint8Array, block, 500), size),
    ];
    for (const call of calls) refused('ERR_HEAP_OUT_OF_MEMORY', call);
    isIntact();
  });
});

describe('what is no alignment', () => {
  it('is refused by malloc, tryMalloc and calloc', () => {
    const { heap, isIntact } = witness();
    for (const alignment of NO_ALIGNMENTS) {
      refused('ERR_HEAP_INVALID_ALIGNMENT', () => heap.malloc(64, alignment as never));
      refused('ERR_HEAP_INVALID_ALIGNMENT', () => heap.tryMalloc(64, alignment as never));
      refused('ERR_HEAP_INVALID_ALIGNMENT', () => heap.calloc(64, alignment as never));
    }
    isIntact();
  });

  it('is refused for sizes of every kind', () => {
    const { heap, isIntact } = witness();
    for (const size of [0, 1, 16, 1000, 40_000, 200_000]) {
      refused('ERR_HEAP_INVALID_ALIGNMENT', () => heap.malloc(size, 3));
      refused('ERR_HEAP_INVALID_ALIGNMENT', () => heap.malloc(size, 131_072));
    }
    isIntact();
  });

  it('is named in the error', () => {
    const { heap } = witness();
    expect(refused('ERR_HEAP_INVALID_ALIGNMENT', () => heap.malloc(64, 12)).message).toContain('12');
  });
});

describe('what is no live block', () => {
  it('is refused by realloc, usableSize and resize', () => {
    const { heap, block, isIntact } = witness();
    const freed = heap.malloc(64);
    heap.free(freed);
    const values: unknown[] = [
      ...[
        freed,
        block + 16,
        block + 1,
        block - 8,
        -block,
        8,
        4096,
        2 ** 31,
        2 ** 32 + block,
        block + 0.5,
        NaN,
        Infinity,
      ],
      ...['x', String(block), BigInt(block), {}, [block], true, Symbol('block')],
    ];
    for (const value of values) {
      refused('ERR_HEAP_INVALID_ADDRESS', () => heap.realloc(value as never, 100));
      refused('ERR_HEAP_INVALID_ADDRESS', () => heap.usableSize(value as never));
    }
    refused('ERR_HEAP_INVALID_ADDRESS', () => heap.usableSize(0));
    isIntact();
  });

  it('is refused by resize and addressOf as a view', () => {
    const { heap, block, isIntact } = witness();
    const freed = heap.alloc(Uint8Array, 64);
    heap.free(freed);
    refused('ERR_HEAP_INVALID_ADDRESS', () => heap.resize(freed, 10));
    refused('ERR_HEAP_INVALID_ADDRESS', () => heap.resize(heap.view(Uint8Array, block, 500).subarray(16), 10));
    for (const view of [new Uint8Array(8), new Uint8Array(new SharedArrayBuffer(64)), {}, 8, 'x', null]) {
      refused('ERR_HEAP_INVALID_ADDRESS', () => heap.addressOf(view as never));
      refused('ERR_HEAP_INVALID_ADDRESS', () => heap.resize(view as never, 10));
    }
    isIntact();
  });
});
