import { PRESETS } from 'sabmalloc/config';
import { describe, expect, it } from 'vitest';
import { refused } from '../kit/errors.js';
import { heapsOfTest, KIB, MIB } from '../kit/heaps.js';
import { workersOfTest } from '../kit/workers.js';
import { Scene } from '../misuse/scene.js';

// What test/misuse/ tries out kind by kind is done here at every place that there is.

const create = heapsOfTest();
const workers = workersOfTest();

describe.each(Object.keys(PRESETS))('in preset %s, free refuses', (preset) => {
  it('every multiple of 8 that is no live block', () => {
    const scene = new Scene({ preset: preset as 'production' }, create, workers);
    const { heap } = scene;
    const before = scene.portrait();
    const live = new Set(scene.residents().map(({ address }) => address));
    for (let address = 8; address < heap.buffer.byteLength; address += address < 600 * KIB ? 8 : 1024) {
      if (!live.has(address)) refused(['ERR_HEAP_INVALID_FREE', 'ERR_HEAP_DOUBLE_FREE'], () => heap.free(address));
    }
    expect(scene.portrait()).toEqual(before);
    scene.goesOn();
  });
});

describe('the error of a refused free', () => {
  it('carries its code, its numbers and where it came from', () => {
    const heap = create({ maxBytes: MIB });
    const address = heap.malloc(64);
    const error = refused('ERR_HEAP_INVALID_FREE', () => heap.free(address + 16));
    expect(error).toMatchObject({ name: 'HeapError', address: address + 16, kind: 'interior' });
    expect(error.stack).toContain('misuse-free.test');
  });

  it('says which entry of a list it was', () => {
    const heap = create({ maxBytes: MIB });
    const [first, second] = heap.mallocMany(64, 2);
    expect(refused('ERR_HEAP_INVALID_FREE', () => heap.freeMany([first, second, 12, second]))).toMatchObject({
      index: 2,
    });
    expect(heap.stats().liveBlocks).toBe(0);
  });
});
