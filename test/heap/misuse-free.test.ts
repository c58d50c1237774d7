import { type Heap } from 'sabmalloc';
import { describe, expect, it } from 'vitest';
import { conserved, noOverlap } from '../kit/contracts.js';
import { refused } from '../kit/errors.js';
import { heapsOfTest, KIB, MIB } from '../kit/heaps.js';
import { Model } from '../kit/model.js';
import { damage, stamp } from '../workers/common.mjs';

const create = heapsOfTest();

const PRESETS = ['production', 'debug', 'minimal', 'research'] as const;
const SIZES = [1, 16, 100, 1000, 5000, 32_768, 40_000, 300_000];

/** A heap with live blocks of every kind, their contents, and free blocks between them. */
class Inhabited {
  readonly model = new Model();

  constructor(readonly heap: Heap) {
    const holes: number[] = [];
    for (const [tag, bytes] of SIZES.entries()) {
      for (let i = 0; i < 3; i++) {
        const address = heap.malloc(bytes);
        if (i === 1) holes.push(address);
        else this.keep(address, bytes, tag);
      }
    }
    heap.freeMany(holes);
  }

  keep(address: number, bytes: number, tag: number): void {
    stamp(this.heap.u8, address, bytes, tag);
    this.model.add({ address, bytes, usable: this.heap.usableSize(address), tag });
  }

  /** Exactly the same blocks with the same contents; and no block that is handed out from now on is one of them. */
  isIntact(): void {
    conserved(this.heap, this.model);
    for (const { address, bytes, tag } of this.model.blocks()) {
      expect(damage(this.heap.u8, address, bytes, tag)).toBe(-1);
    }
    const fresh = SIZES.flatMap((bytes) => [this.heap.malloc(bytes), this.heap.malloc(bytes)]).map((address) => ({
      address,
      bytes: this.heap.usableSize(address),
    }));
    noOverlap([...fresh, ...this.model.blocks().map(({ address, usable }) => ({ address, bytes: usable }))]);
    for (const { address } of fresh) this.heap.free(address);
    conserved(this.heap, this.model);
  }
}

describe.each(PRESETS)('in preset %s, free refuses', (preset) => {
  const inhabited = (): Inhabited => new Inhabited(create({ preset, maxBytes: 8 * MIB }));

  it('what is no address at all', () => {
    const home = inhabited();
    const block = home.model.pick(0).address;
    const values: unknown[] = [
      ...[
        NaN,
        Infinity,
        -Infinity,
        -1,
        -8,
        -block,
        block - 2 ** 32,
        block + 2 ** 32,
        2 ** 53,
        Number.MAX_VALUE,
        5e-324,
      ],
      ...[block + 0.5, block + 2 ** -20, true, false, '', '0', String(block), BigInt(block), 0n, Symbol('block')],
      ...[{}, [], [block], { valueOf: () => block }, () => block, new Date(block), /x/, new Map()],
    ];
    for (const value of values) refused('ERR_HEAP_INVALID_FREE', () => home.heap.free(value as never));
    home.isIntact();
  });

  it('what is no start of a block', () => {
    const home = inhabited();
    for (const { address, usable } of home.model.blocks()) {
      for (const off of [1, 2, 4, 7, 8, 12, 16, 24, 4096, 65_536, usable >>> 1, usable - 1]) {
        if (off > 0 && off < usable) refused('ERR_HEAP_INVALID_FREE', () => home.heap.free(address + off));
      }
      for (const off of [1, 3, 4]) refused('ERR_HEAP_INVALID_FREE', () => home.heap.free(address - off));
    }
    home.isIntact();
  });

  it('what was never handed out', () => {
    const home = inhabited();
    const { byteLength } = home.heap.buffer;
    const wild = [1, 2, 7, 8, 16, 64, 512, 4096, 4104, 65_536];
    const ends = [byteLength - 65_536, byteLength - 4096, byteLength - 16, byteLength - 8, byteLength, byteLength + 16];
    const far = [
      8 * MIB,
      8 * MIB + 4096,
      2 ** 31 - 8,
      2 ** 31,
      2 ** 31 + 16,
      2 ** 32 - 16,
      2 ** 32,
      2 ** 32 + 16,
      2 ** 40,
    ];
    for (const address of [...wild, ...ends, ...far]) {
      refused('ERR_HEAP_INVALID_FREE', () => home.heap.free(address));
    }
    home.isIntact();
  });

  it('every multiple of 8 that is no live block', () => {
    const home = inhabited();
    for (let address = 8; address < home.heap.buffer.byteLength; address += address < 600 * KIB ? 8 : 1024) {
      if (home.model.get(address) !== undefined) continue;
      refused(['ERR_HEAP_INVALID_FREE', 'ERR_HEAP_DOUBLE_FREE'], () => home.heap.free(address));
    }
    home.isIntact();
  });

  it('a block that was freed just before', () => {
    const home = inhabited();
    for (const bytes of SIZES) {
      const address = home.heap.malloc(bytes);
      home.heap.free(address);
      const error = refused('ERR_HEAP_DOUBLE_FREE', () => home.heap.free(address));
      expect(Object.values(error)).toContain(address);
      expect(error.message).toContain(String(address));
      refused('ERR_HEAP_DOUBLE_FREE', () => home.heap.free(address));
    }
    home.isIntact();
  });

  it('a block that was freed before others', () => {
    const home = inhabited();
    const blocks = SIZES.flatMap((bytes) =>
      Array.from({ length: 50 }, () => home.heap.malloc(Math.min(bytes, 40_000))),
    );
    home.heap.freeMany(blocks);
    for (const address of blocks) {
      refused(['ERR_HEAP_DOUBLE_FREE', 'ERR_HEAP_INVALID_FREE'], () => home.heap.free(address));
    }
    home.heap.collect();
    for (const address of blocks) {
      refused(['ERR_HEAP_DOUBLE_FREE', 'ERR_HEAP_INVALID_FREE'], () => home.heap.free(address));
    }
    home.isIntact();
  });

  it('views that are no block of this heap', () => {
    const home = inhabited();
    const { address, bytes } = home.model.blocks().find((block) => block.bytes === 1000)!;
    const other = create({ preset, maxBytes: 8 * MIB });
    const foreign = other.alloc(Uint8Array, 100);
    const interior = home.heap.view(Uint8Array, address, bytes).subarray(16);
    const views = [
      new Uint8Array(16),
      new Float64Array(new SharedArrayBuffer(8 * MIB), address, 1),
      new Uint8Array(home.heap.buffer.slice(0), address, 8),
      foreign,
      interior,
      home.heap.buffer,
      new ArrayBuffer(8),
    ];
    for (const view of views) refused('ERR_HEAP_INVALID_FREE', () => home.heap.free(view as never));
    other.check();
    other.free(foreign);
    home.isIntact();
  });

  it('a view twice', () => {
    const home = inhabited();
    const view = home.heap.alloc(Float64Array, 10);
    home.heap.free(view);
    refused('ERR_HEAP_DOUBLE_FREE', () => home.heap.free(view));
    home.isIntact();
  });

  it('lists with one such entry, and frees none twice', () => {
    const home = inhabited();
    for (const bytes of SIZES.slice(0, 6)) {
      const list = Array.from(home.heap.mallocMany(bytes, 4));
      const bad = [...list, list[1]];
      refused(['ERR_HEAP_DOUBLE_FREE', 'ERR_HEAP_INVALID_FREE'], () => home.heap.freeMany(bad));
      home.heap.check();
      const live = new Set([...home.heap.blocks()].map((block) => block.address));
      for (const address of list) if (live.has(address)) home.heap.free(address);
      refused(['ERR_HEAP_DOUBLE_FREE', 'ERR_HEAP_INVALID_FREE'], () => home.heap.freeMany(['x', NaN, -8] as never));
    }
    home.isIntact();
  });
});

describe('in preset perf-main, free', () => {
  it('of what it was given back by malloc works as in any preset', () => {
    const home = new Inhabited(create({ preset: 'perf-main', maxBytes: 8 * MIB }));
    home.isIntact();
  });
});

describe('the error of a refused free', () => {
  it('is a HeapError that carries code, message and numbers', () => {
    const heap = create({ maxBytes: MIB });
    const address = heap.malloc(64);
    const error = refused('ERR_HEAP_INVALID_FREE', () => heap.free(address + 16));
    expect(error.name).toBe('HeapError');
    expect(error.message).toContain(String(address + 16));
    expect(Object.values(error)).toContain(address + 16);
    expect(error.stack).toContain('misuse-free.test');
  });
});
