import { type Heap } from 'sabmalloc';
import { describe, expect, it } from 'vitest';
import { BUDGET } from '../kit/budget.js';
import { conserved, empty, noOverlap } from '../kit/contracts.js';
import { refused } from '../kit/errors.js';
import { heapsOfTest, MIB } from '../kit/heaps.js';
import { Model } from '../kit/model.js';
import { workersOfTest } from '../kit/workers.js';
import { SIZES } from '../misuse/scene.js';

const create = heapsOfTest();
const workers = workersOfTest();

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

describe('of workers that free a block at the same instant', () => {
  it.each([16, 1000, 40_000])('all but one are refused: blocks of %i bytes', async (bytes) => {
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

describe('a block that another worker has freed', () => {
  // A fresh heap each: nothing here may bring the block home before the call that is to be refused.
  it.each([
    ['as it is', 100, 100],
    ['a little smaller', 1000, 900],
    ['much smaller', 1000, 100],
    ['larger', 100, 1000],
  ])('is not resized, %s', async (_, bytes, wanted) => {
    const heap = create({ maxBytes: 16 * MIB });
    const other = await workers.agent(heap);
    const block = heap.malloc(bytes);
    // A block of the wanted size in the cache, so that no slow path brings anything home.
    heap.free(heap.malloc(wanted));
    await other.heap('free', block);
    const { liveBlocks } = heap.stats();
    refused('ERR_HEAP_INVALID_ADDRESS', () => heap.realloc(block, wanted));
    expect(heap.stats().liveBlocks).toBe(liveBlocks);
    heap.collect();
    empty(heap);
  });
});
