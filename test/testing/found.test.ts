import { EventEmitter } from 'node:events';
import { describe, it, expect } from 'vitest';
import { refused } from '../kit/errors.js';
import { heapsOfTest, MIB } from '../kit/heaps.js';

const create = heapsOfTest();

/** What the fuzzer, or work on it, found in the heap. */
describe('found', () => {
  it('alloc of a length whose bytes pass every number is out of memory', () => {
    const heap = create({ maxBytes: MIB });
    refused('ERR_HEAP_OUT_OF_MEMORY', () => heap.alloc(Float64Array, Number.MAX_VALUE));
  });

  it('a heap that was detached listens no more to workers that live on', () => {
    const worker = Object.assign(new EventEmitter(), { threadId: 1 });
    const heap = create({ maxBytes: MIB });
    heap.watch(worker);
    heap.detach();
    expect(worker.listenerCount('exit')).toBe(0);
  });
});
