import { describe, expect, it } from 'vitest';
import { empty, noOverlap } from '../kit/contracts.js';
import { refused } from '../kit/errors.js';
import { heapsOfTest, KIB, MIB } from '../kit/heaps.js';
import { elementOf, isBig, TYPES } from '../kit/types.js';
import { refusedThere, workersOfTest } from '../kit/workers.js';

const create = heapsOfTest();
const workers = workersOfTest();

/** The methods take any typed array constructor; the tests walk over all of them and so forget which one it is. */
const typed = TYPES.map((type) => [type.name, type as unknown as Uint8ArrayConstructor] as const);

describe.each(typed)('%s', (name, Type) => {
  const element = (i: number): number => elementOf(Type, i) as number;
  const zero = (isBig(Type) ? 0n : 0) as number;
  const width = Type.BYTES_PER_ELEMENT;

  it('is allocated, zero-filled, and freed', () => {
    const heap = create({ maxBytes: 16 * MIB });
    for (const length of [0, 1, 2, 3, 7, 100, 1000, 10_000]) {
      const dirty = heap.allocUnsafe(Type, length);
      expect(dirty).toBeInstanceOf(Type);
      expect(dirty).toHaveLength(length);
      new Uint8Array(dirty.buffer, dirty.byteOffset, dirty.byteLength).fill(0xff);
      heap.free(dirty);
      const views = Array.from({ length: 3 }, () => heap.alloc(Type, length));
      for (const view of views) {
        expect(Object.getPrototypeOf(view)).toBe(Type.prototype);
        expect(view).toHaveLength(length);
        expect(view.buffer).toBe(heap.buffer);
        expect(view.byteOffset % Math.max(width, 8)).toBe(0);
        expect(view.every((value) => value === zero)).toBe(true);
        view.fill(element(7));
      }
      noOverlap(views.map((view) => ({ address: view.byteOffset, bytes: view.byteLength })));
      expect(heap.stats().liveBlocks).toBe(3);
      for (const view of views) heap.free(view);
    }
    heap.collect();
    empty(heap);
  });

  it('shows the block at an address, and gives the address back', () => {
    const heap = create({ maxBytes: MIB });
    const address = heap.calloc(100 * width);
    const view = heap.view(Type, address, 100);
    expect(view).toBeInstanceOf(Type);
    expect(heap.addressOf(view)).toBe(address);
    for (let i = 0; i < 100; i++) view[i] = element(i);
    const bytes = heap.u8.slice(address, address + 100 * width);
    expect(new Type(bytes.buffer, 0, 100).every((value, i) => value === element(i))).toBe(true);
    const tail = heap.view(Type, address + width * 10, 90);
    expect(tail[0]).toBe(element(10));
    heap.free(view);
    empty(heap);
  });

  it('is resized with its contents', () => {
    const heap = create({ maxBytes: 16 * MIB });
    let view = heap.alloc(Type, 10);
    const lengths = [10, 11, 100, 5000, 50_000, 200_000, 30_000, 500, 12, 1, 0, 8];
    for (const [step, length] of lengths.entries()) {
      for (let i = 0; i < view.length; i++) view[i] = element(i + step);
      const kept = Math.min(length, view.length);
      view = heap.resize(view, length);
      expect(view).toBeInstanceOf(Type);
      expect(view).toHaveLength(length);
      let wrong = -1;
      for (let i = 0; i < kept && wrong < 0; i++) if (view[i] !== element(i + step)) wrong = i;
      expect(wrong, `first wrong element after resize to ${length}`).toBe(-1);
      expect(heap.stats().liveBlocks).toBe(1);
    }
    heap.free(view);
    heap.collect();
    empty(heap);
  });

  it('is refused where it would lie outside the region or across elements', () => {
    const heap = create({ maxBytes: MIB });
    const address = heap.malloc(64);
    const end = heap.buffer.byteLength;
    const outside: [number, number][] = [
      [MIB, 1],
      [2 * MIB, 0],
      [2 ** 32, 1],
      [2 ** 40, 1],
      [-8, 1],
      [-width, 2],
      [end, 1],
      [Math.floor((end - width) / 8) * 8, 16],
      [address, Math.ceil((MIB * 4) / width)],
      [address, 2 ** 32],
      [NaN, 1],
      [0.5, 1],
    ];
    for (const [at, length] of outside) {
      refused(['ERR_HEAP_INVALID_ADDRESS', 'ERR_HEAP_INVALID_SIZE', 'ERR_HEAP_OUT_OF_MEMORY'], () =>
        heap.view(Type, at, length),
      );
    }
    for (const at of [undefined, null, '16', 16n, {}, [16]]) {
      refused('ERR_HEAP_INVALID_ADDRESS', () => heap.view(Type, at as never, 1));
    }
    for (let off = 1; off < width; off++) {
      refused(['ERR_HEAP_INVALID_ADDRESS', 'ERR_HEAP_INVALID_ALIGNMENT'], () => heap.view(Type, address + off, 1));
    }
    heap.check();
    expect(heap.stats().liveBlocks).toBe(1);
  });

  it('sent to another worker is the same memory, and may be freed and resized there', async () => {
    const heap = create({ maxBytes: 16 * MIB });
    const other = await workers.agent(heap);
    const view = heap.alloc(Type, 1000);
    for (let i = 0; i < 1000; i++) view[i] = element(i);
    expect(await other.call('viewMatches', heap.addressOf(view), view)).toBe(true);
    const bigger = await other.heap<Uint8Array>('resize', view, 3000);
    expect(bigger.constructor.name).toBe(name);
    expect(bigger.subarray(0, 1000).every((value, i) => value === element(i))).toBe(true);
    const mine = heap.view(Type, heap.addressOf(bigger), 3000);
    mine[2999] = element(42);
    expect(bigger[2999]).toBe(element(42));
    await other.heap('free', bigger);
    await refusedThere('ERR_HEAP_DOUBLE_FREE', other.heap('free', bigger));
    const again = heap.alloc(Type, 10);
    await other.heap('free', again);
    heap.collect();
    await other.heap('collect');
    empty(heap);
  });
});

describe('views', () => {
  it.each(['growable', 'wasm', 'fixed'] as const)('of backing %s travel between workers', async (backing) => {
    const heap = create({ backing, maxBytes: 64 * MIB });
    const other = await workers.agent(heap);
    const early = heap.alloc(Float64Array, 1000);
    early[999] = 1.5;
    const late = heap.alloc(Float64Array, (30 * MIB) / 8);
    late[late.length - 1] = 2.5;
    expect(await other.call('viewMatches', early.byteOffset, early)).toBe(true);
    expect(await other.call('viewMatches', late.byteOffset, late)).toBe(true);
    const theirs = await other.heap<Float64Array>('alloc', undefined, 1).catch(() => undefined);
    expect(theirs).toBeUndefined();
    await other.heap('free', early);
    await other.heap('free', late);
    heap.collect();
    empty(heap);
  });

  it('made before the region grew still show the same memory', () => {
    for (const backing of ['growable', 'wasm'] as const) {
      const heap = create({ backing, maxBytes: 64 * MIB });
      const early = heap.alloc(Uint32Array, 100);
      const big = heap.malloc(40 * MIB);
      early[99] = 12_345;
      expect(heap.u32[heap.addressOf(early) / 4 + 99]).toBe(12_345);
      heap.free(early);
      heap.free(big);
      heap.collect();
      empty(heap);
    }
  });

  it('that grow are zero behind what they had', () => {
    const heap = create({ maxBytes: 16 * MIB });
    for (const [from, to] of [
      [3, 10],
      [10, 1000],
      [1000, 100_000],
      [100_000, 150_000],
    ]) {
      heap.free(heap.alloc(Uint16Array, to).fill(0xffff));
      const view = heap.resize(heap.alloc(Uint16Array, from).fill(7), to);
      expect(view.subarray(0, from).every((element) => element === 7)).toBe(true);
      expect(view.subarray(from).every((element) => element === 0)).toBe(true);
      heap.free(view);
    }
  });

  it('of a length that has no bytes left are out of memory', () => {
    const heap = create({ maxBytes: MIB });
    refused('ERR_HEAP_OUT_OF_MEMORY', () => heap.alloc(Float64Array, MIB));
    refused('ERR_HEAP_OUT_OF_MEMORY', () => heap.allocUnsafe(Uint8Array, 2 * MIB));
    const view = heap.alloc(Uint8Array, 100 * KIB).fill(3);
    refused('ERR_HEAP_OUT_OF_MEMORY', () => heap.resize(view, 2 * MIB));
    expect(view.every((byte) => byte === 3)).toBe(true);
    heap.free(view);
    heap.collect();
    empty(heap);
  });

  it('hold what a Buffer over the same block holds', () => {
    const heap = create({ maxBytes: MIB });
    const view = heap.alloc(Uint8Array, 20);
    const buffer = Buffer.from(view.buffer, view.byteOffset, view.length);
    buffer.write('shared');
    expect(String.fromCharCode(...view.subarray(0, 6))).toBe('shared');
    heap.free(buffer);
    empty(heap);
  });
});
