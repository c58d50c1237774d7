import { describe, expect, it } from 'vitest';
import { empty } from '../kit/contracts.js';
import { refused } from '../kit/errors.js';
import { heapsOfTest, KIB, MIB } from '../kit/heaps.js';

const create = heapsOfTest();

/** A block's address, and the next alloc() gives the same block: it lies on top of the stack of its class. */
function freed(heap: ReturnType<typeof create>, view: Uint8Array | Float64Array): number {
  const address = view.byteOffset;
  heap.free(view);
  return address;
}

describe('a view over a block that had one before', () => {
  it('is the view it had, if type and length are the same', () => {
    const heap = create({ maxBytes: 4 * MIB });
    const first = heap.alloc(Float64Array, 20).fill(1);
    const address = freed(heap, first);
    const second = heap.alloc(Float64Array, 20);
    expect(second).toBe(first);
    expect(second.byteOffset).toBe(address);
    expect(second.every((value) => value === 0)).toBe(true);
    heap.free(second);
    empty(heap);
  });

  it('is another one, if type or length differ', () => {
    const heap = create({ maxBytes: 4 * MIB });
    const first = heap.alloc(Float64Array, 20);
    const address = freed(heap, first);
    const bytes = heap.allocUnsafe(Uint8Array, 160);
    expect(bytes).toBeInstanceOf(Uint8Array);
    expect(bytes).toMatchObject({ byteOffset: address, length: 160 });
    freed(heap, bytes);
    const shorter = heap.allocUnsafe(Float64Array, 19);
    expect(shorter).not.toBe(first);
    expect(shorter).toMatchObject({ byteOffset: address, length: 19 });
    heap.free(shorter);
    empty(heap);
  });

  it('is a view of a class of one’s own, if such a view is asked for', () => {
    class Samples extends Float64Array {}
    const heap = create({ maxBytes: 4 * MIB });
    const plain = heap.alloc(Float64Array, 20);
    freed(heap, plain);
    const samples = heap.alloc(Samples, 20);
    expect(samples).toBeInstanceOf(Samples);
    heap.free(samples);
    expect(heap.alloc(Float64Array, 20)).not.toBeInstanceOf(Samples);
  });

  it('is of the buffer as it is now, if the region has grown meanwhile', () => {
    const heap = create({ maxBytes: 64 * MIB, backing: 'wasm' });
    const before = heap.alloc(Float64Array, 20);
    const address = freed(heap, before);
    const bytesBefore = heap.buffer.byteLength;
    heap.free(heap.malloc(32 * MIB));
    expect(heap.buffer.byteLength).toBeGreaterThan(bytesBefore);
    const after = heap.alloc(Float64Array, 20);
    expect(after.byteOffset).toBe(address);
    expect(after.buffer).toBe(heap.buffer);
    heap.free(before);
    empty(heap);
  });
});

describe('free() of a view', () => {
  it('is refused the second time, whether or not the heap remembers the view', () => {
    const heap = create({ maxBytes: 4 * MIB });
    const view = heap.alloc(Uint8Array, 100);
    heap.free(view);
    refused('ERR_HEAP_DOUBLE_FREE', () => heap.free(view));
    refused('ERR_HEAP_DOUBLE_FREE', () => heap.free(new Uint8Array(view.buffer, view.byteOffset, 100)));
    empty(heap);
  });

  it('takes no view of other memory for one it knows, though it begins at the same offset', () => {
    const heap = create({ maxBytes: 4 * MIB });
    const view = heap.alloc(Uint8Array, 100);
    const elsewhere = new Uint8Array(new SharedArrayBuffer(4 * MIB), view.byteOffset, 100);
    refused('ERR_HEAP_INVALID_FREE', () => heap.free(elsewhere));
    heap.free(view);
    empty(heap);
  });

  it('takes nothing for a view that only looks like one', () => {
    const heap = create({ maxBytes: 4 * MIB });
    const view = heap.alloc(Uint8Array, 100);
    const { buffer, byteOffset, byteLength } = view;
    const likenesses: unknown[] = [
      { buffer, byteOffset, byteLength, length: 100 },
      new DataView(buffer, byteOffset, byteLength),
      new Proxy(view, {}),
      Object.create(view),
      [byteOffset],
      String(byteOffset),
    ];
    for (const likeness of likenesses) refused('ERR_HEAP_INVALID_FREE', () => heap.free(likeness as never));
    heap.free(view);
    empty(heap);
  });

  it('works for more views than are remembered', () => {
    const heap = create({ maxBytes: 16 * MIB });
    const views = Array.from({ length: 5000 }, (_, i) => heap.alloc(Uint16Array, 1 + (i % 50)).fill(i));
    expect(views.every((view, i) => view.every((value) => value === i))).toBe(true);
    for (const view of views) heap.free(view);
    heap.collect();
    empty(heap);
  });
});

it('malloc and free work without their heap, until it is detached', () => {
  const heap = create({ maxBytes: 4 * MIB });
  const { malloc, free } = heap;
  free(malloc(100));
  const kept = malloc(100);
  heap.detach();
  refused('ERR_HEAP_DETACHED', () => malloc(100));
  refused('ERR_HEAP_DETACHED', () => free(kept));
});

describe('the class of 64 KiB', () => {
  it.each([
    [32 * KIB, 32 * KIB],
    [32 * KIB + 1, 36 * KIB],
    [56 * KIB, 56 * KIB],
    [56 * KIB + 1, 64 * KIB],
    [64 * KIB, 64 * KIB],
    [64 * KIB + 1, 68 * KIB],
  ])('serves %d bytes with %d', (bytes, usable) => {
    const heap = create({ maxBytes: 4 * MIB });
    const address = heap.malloc(bytes);
    expect(heap.usableSize(address)).toBe(usable);
    heap.u8.fill(7, address, address + bytes);
    const moved = heap.realloc(address, bytes + 5000);
    expect(heap.u8.subarray(moved, moved + bytes).every((value) => value === 7)).toBe(true);
    const back = heap.realloc(moved, bytes);
    expect(heap.u8.subarray(back, back + bytes).every((value) => value === 7)).toBe(true);
    heap.free(back);
    heap.collect();
    empty(heap);
  });
});
