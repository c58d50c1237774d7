import { type Heap } from 'sabmalloc';
import { describe, expect, it } from 'vitest';
import { BUDGET } from '../kit/budget.js';
import { conserved, noOverlap } from '../kit/contracts.js';
import { refused } from '../kit/errors.js';
import { heapsOfTest, MIB } from '../kit/heaps.js';
import { Model } from '../kit/model.js';
import { refusedThere, workersOfTest } from '../kit/workers.js';

const create = heapsOfTest();
const workers = workersOfTest();

const SIZES = [1, 16, 100, 1000, 5000, 32_768, 40_000, 300_000];
const TWICE = 'ERR_HEAP_DOUBLE_FREE';

function inhabited(): { heap: Heap; model: Model } {
  const heap = create({ maxBytes: 16 * MIB });
  const model = new Model();
  for (const [tag, bytes] of SIZES.entries()) {
    const address = heap.malloc(bytes);
    model.add({ address, bytes, usable: heap.usableSize(address), tag });
  }
  return { heap, model };
}

/** Whatever was freed twice must be handed out once: no two of the next blocks may share a byte. */
function handsOutOnce(heap: Heap, model: Model): void {
  conserved(heap, model);
  const fresh = SIZES.flatMap((bytes) => Array.from({ length: 40 }, () => [heap.tryMalloc(bytes), bytes] as const))
    .filter(([address]) => address !== 0)
    .map(([address]) => ({ address, bytes: heap.usableSize(address) }));
  noOverlap([...fresh, ...model.blocks().map(({ address, usable }) => ({ address, bytes: usable }))]);
  for (const { address } of fresh) heap.free(address);
  heap.collect();
  conserved(heap, model);
}

describe.each(SIZES)('a block of %i bytes is refused when it was freed', (bytes) => {
  it('by another worker, then by its owner', async () => {
    const { heap, model } = inhabited();
    const other = await workers.agent(heap);
    const address = heap.malloc(bytes);
    await other.heap('free', address);
    conserved(heap, model);
    refused(TWICE, () => heap.free(address));
    handsOutOnce(heap, model);
  });

  it('by its owner, then by another worker', async () => {
    const { heap, model } = inhabited();
    const other = await workers.agent(heap);
    const address = heap.malloc(bytes);
    heap.free(address);
    await refusedThere(TWICE, other.heap('free', address));
    handsOutOnce(heap, model);
  });

  it('by two other workers', async () => {
    const { heap, model } = inhabited();
    const [first, second] = await workers.agents(heap, 2);
    const address = heap.malloc(bytes);
    await first.heap('free', address);
    await refusedThere(TWICE, second.heap('free', address));
    await refusedThere(TWICE, first.heap('free', address));
    handsOutOnce(heap, model);
  });

  it('by another worker and brought home', async () => {
    const { heap, model } = inhabited();
    const other = await workers.agent(heap);
    const [kept, address] = [heap.malloc(bytes), heap.malloc(bytes)];
    model.add({ address: kept, bytes, usable: heap.usableSize(kept), tag: 0 });
    await other.heap('free', address);
    heap.collect();
    refused([TWICE, 'ERR_HEAP_INVALID_FREE'], () => heap.free(address));
    await refusedThere([TWICE, 'ERR_HEAP_INVALID_FREE'], other.heap('free', address));
    handsOutOnce(heap, model);
  });

  it('by another worker that moved it with realloc', async () => {
    const { heap, model } = inhabited();
    const other = await workers.agent(heap);
    const old = heap.malloc(bytes);
    const moved = await other.heap<number>('realloc', old, bytes * 8 + 100);
    model.add({ address: moved, bytes, usable: heap.usableSize(moved), tag: 0 });
    if (moved !== old) refused([TWICE, 'ERR_HEAP_INVALID_FREE'], () => heap.free(old));
    handsOutOnce(heap, model);
  });
});

describe('another worker is refused', () => {
  it('what is no live block, as the owner would be', async () => {
    const { heap, model } = inhabited();
    const other = await workers.agent(heap);
    for (const { address, usable } of model.blocks()) {
      for (const off of [1, 4, 8, 16, usable >>> 1]) {
        if (off < usable && off > 0) await refusedThere('ERR_HEAP_INVALID_FREE', other.heap('free', address + off));
      }
      await refusedThere('ERR_HEAP_INVALID_ADDRESS', other.heap('usableSize', address + 8));
      await refusedThere('ERR_HEAP_INVALID_ADDRESS', other.heap('realloc', address + 8, 100));
    }
    for (const value of [-8, 8, 4096, 1.5, NaN, '16', 16n, 2 ** 32, {}, heap.buffer.byteLength + 4096]) {
      await refusedThere('ERR_HEAP_INVALID_FREE', other.heap('free', value));
    }
    handsOutOnce(heap, model);
  });

  it('a block that the owner is about to give to someone else', async () => {
    const { heap, model } = inhabited();
    const other = await workers.agent(heap);
    // The same address lives a second life: the free of the first must not end it.
    const first = heap.malloc(64);
    heap.free(first);
    const second = heap.malloc(64);
    expect(second).toBe(first);
    model.add({ address: second, bytes: 64, usable: heap.usableSize(second), tag: 0 });
    await other.heap('free', second);
    model.remove(second);
    await refusedThere(TWICE, other.heap('free', second));
    handsOutOnce(heap, model);
  });

  it.each([16, 1000, 40_000])('in a race for blocks of %i bytes, all but one', async (bytes) => {
    const { heap, model } = inhabited();
    const racers = await workers.agents(heap, 2);
    for (let raced = 0; raced < BUDGET.races; raced += 100) {
      const batch = Array.from(heap.mallocMany(bytes, 100));
      const shared = new SharedArrayBuffer(4 * (1 + batch.length));
      await Promise.all(racers.map((racer) => racer.call('raceFree', batch, shared, racers.length)));
      expect(new Set(new Int32Array(shared, 4))).toEqual(new Set([1]));
    }
    heap.collect();
    handsOutOnce(heap, model);
  });
});
