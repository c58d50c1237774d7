import { Heap } from 'sabmalloc';
import { describe, expect, it } from 'vitest';
import { refused } from '../kit/errors.js';
import { heapsOfTest, MIB } from '../kit/heaps.js';
import { workersOfTest } from '../kit/workers.js';

const create = heapsOfTest();
const workers = workersOfTest();

describe('after detach', () => {
  const calls: Record<string, (heap: Heap, block: number, view: Uint8Array) => unknown> = {
    malloc: (heap) => heap.malloc(16),
    'malloc of a large block': (heap) => heap.malloc(100_000),
    'malloc with an alignment': (heap) => heap.malloc(16, 4096),
    tryMalloc: (heap) => heap.tryMalloc(16),
    calloc: (heap) => heap.calloc(16),
    realloc: (heap, block) => heap.realloc(block, 32),
    'realloc(0)': (heap) => heap.realloc(0, 32),
    free: (heap, block) => heap.free(block),
    'free of a view': (heap, _, view) => heap.free(view),
    usableSize: (heap, block) => heap.usableSize(block),
    mallocMany: (heap) => heap.mallocMany(16, 4),
    freeMany: (heap, block) => heap.freeMany([block]),
    alloc: (heap) => heap.alloc(Uint8Array, 16),
    allocUnsafe: (heap) => heap.allocUnsafe(Float64Array, 16),
    view: (heap, block) => heap.view(Uint8Array, block, 16),
    addressOf: (heap, _, view) => heap.addressOf(view),
    resize: (heap, _, view) => heap.resize(view, 100),
    share: (heap, _, view) => heap.share(view),
    open: (heap) => heap.open(1),
    retain: (heap) => heap.retain(1),
    release: (heap) => heap.release(1),
    hold: (heap) => heap.hold(1),
    scope: (heap) => heap.scope(),
    collect: (heap) => heap.collect(),
    stats: (heap) => heap.stats(),
    check: (heap) => heap.check(),
    blocks: (heap) => [...heap.blocks()],
    reserve: (heap) => heap.reserve(),
    reclaim: (heap) => heap.reclaim(1),
  };

  it.each(Object.entries(calls))('%s throws', (_, call) => {
    const heap = create({ maxBytes: MIB });
    const token = heap.token;
    const block = heap.malloc(16);
    const view = heap.alloc(Uint8Array, 16);
    heap.detach();
    refused('ERR_HEAP_DETACHED', () => call(heap, block, view));
    const again = Heap.attach(token);
    again.check();
    expect(again.stats().liveBlocks).toBe(2);
    again.detach();
  });

  it('watch throws', () => {
    const heap = create({ maxBytes: MIB });
    const other = workers.start('agent');
    heap.detach();
    refused('ERR_HEAP_DETACHED', () => heap.watch(other.worker));
  });

  it('with live blocks, a worker that comes back finds them', () => {
    const heap = create({ maxBytes: MIB });
    const { token, workerId } = heap;
    const block = heap.malloc(100);
    heap.u8.fill(9, block, block + 100);
    heap.detach();
    const again = Heap.attach(token);
    expect(again).not.toBe(heap);
    expect(again.workerId).not.toBe(workerId);
    expect([...again.blocks()].map(({ address }) => address)).toEqual([block]);
    expect(again.u8.subarray(block, block + 100).every((byte) => byte === 9)).toBe(true);
    again.free(block);
    expect(again.stats().liveBlocks).toBe(0);
    again.detach();
  });

  it('the disposal of a `using` does the same', () => {
    const heap = create({ maxBytes: MIB });
    expect(typeof heap[Symbol.dispose]).toBe('function');
    heap[Symbol.dispose]();
    refused('ERR_HEAP_DETACHED', () => heap.malloc(16));
  });
});
