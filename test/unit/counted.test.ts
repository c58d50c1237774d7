import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Heap } from 'sabmalloc';
import { describe, expect, it } from 'vitest';
import { drainQueue } from '../../src/slabs/remote.js';
import { TraceOp } from '../../src/layout/format.js';
import { readTraceFile } from '../../src/trace/file.js';
import { countAtomics } from '../kit/atomics.js';
import { Stage } from './kit.js';

/*
 * A guard against regressions that no clock can disturb: what each workload costs, counted. The bounds are what was
 * counted when they were written and a quarter more, so whoever makes a workload dearer must say so here.
 */

interface Workload {
  readonly name: string;
  /** Calls of Atomics for 1,000 mallocs and frees. */
  readonly atomics: number;
  /** Entries of the slow path for 1,000 mallocs and frees: misses of caches, and spills. */
  readonly slow: number;
  /** Prepares, and returns what to count, which returns how many mallocs plus frees it made. */
  start(heap: Heap): () => number;
}

/** Larson and random-mixed on one worker: the block in a random slot is freed and replaced. */
function churn(slots: number, min: number, max: number, pairs = 100_000): Workload['start'] {
  return (heap) => {
    // Small integers only: a generator that makes numbers on the heap of the engine would be counted.
    let state = 1;
    const next = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x3fffffff;
      return (state >>> 8) % below;
    };
    const blocks = Uint32Array.from({ length: slots }, () => heap.malloc(min + next(max - min + 1)));
    return () => {
      for (let pair = 0; pair < pairs; pair++) {
        const slot = next(slots);
        heap.free(blocks[slot]);
        blocks[slot] = heap.malloc(min + next(max - min + 1));
      }
      return pairs * 2;
    };
  };
}

function bursts(bytes: number, count: number): Workload['start'] {
  return (heap) => {
    const blocks = new Uint32Array(count);
    return () => {
      for (let round = 0; round < 200; round++) {
        for (let i = 0; i < count; i++) blocks[i] = heap.malloc(bytes);
        for (let i = count - 1; i >= 0; i--) heap.free(blocks[i]);
      }
      return 400 * count;
    };
  };
}

/** All events of a recorded program on one worker. */
function trace(name: string): Workload['start'] {
  return (heap) => {
    const { ops, sizes, slotOf } = readTraceFile(
      fileURLToPath(new URL(`../../bench/traces/${name}.bin.gz`, import.meta.url)),
    );
    return () => {
      const blocks: number[] = [];
      const unused: number[] = [];
      ops.forEach((op, event) => {
        const kind = op & 7;
        if (kind === TraceOp.FREE) {
          heap.free(blocks[slotOf[event]]);
          blocks[slotOf[event]] = 0;
          unused.push(slotOf[event]);
        } else if (kind === TraceOp.REALLOC) blocks[slotOf[event]] = heap.realloc(blocks[slotOf[event]], sizes[event]);
        else blocks[unused.pop() ?? blocks.length] = heap.malloc(sizes[event]);
      });
      heap.freeMany(blocks);
      return ops.length;
    };
  };
}

const WORKLOADS: readonly Workload[] = [
  { name: 'Larson 8-64', atomics: 0.02, slow: 0.02, start: churn(1000, 8, 64) },
  { name: 'Larson 8-1024', atomics: 0.14, slow: 0.02, start: churn(1000, 8, 1024) },
  { name: 'Larson 257-768', atomics: 0.02, slow: 0.02, start: churn(1000, 257, 768) },
  { name: 'Larson 2-32 KiB', atomics: 2.4, slow: 38, start: churn(1000, 2048, 32768) },
  { name: 'random-mixed, 400 live', atomics: 0.14, slow: 0.02, start: churn(400, 16, 1024) },
  { name: 'random-mixed, 8,192 live', atomics: 0.15, slow: 0.07, start: churn(8192, 16, 1024) },
  { name: 'tiny-hot within a cache', atomics: 0, slow: 0, start: bursts(16, 60) },
  { name: 'tiny-hot beyond a cache', atomics: 22, slow: 22, start: bursts(16, 1000) },
  { name: 'trace of sqlite', atomics: 4.8, slow: 0.25, start: trace('sqlite') },
  { name: 'trace of redis', atomics: 2.2, slow: 4.7, start: trace('redis') },
  { name: 'trace of cc1', atomics: 13.6, slow: 2.8, start: trace('cc1') },
];

function slowEntries(heap: Heap): number {
  const { cacheMisses, cacheSpills } = heap.stats().workers[0];
  return cacheMisses + cacheSpills;
}

describe('for 1,000 mallocs and frees', () => {
  it.each(WORKLOADS)('$name calls Atomics at most $atomics times and the slow path $slow times', (workload) => {
    using heap = Heap.create({ maxBytes: 256 << 20 });
    const work = workload.start(heap);
    work();
    const before = slowEntries(heap);
    let ops = 0;
    const atomics = countAtomics(() => (ops = work()));
    const slow = slowEntries(heap) - before;
    expect((atomics / ops) * 1000).toBeLessThanOrEqual(workload.atomics);
    expect((slow / ops) * 1000).toBeLessThanOrEqual(workload.slow);
  });
});

describe('a block that another worker frees', () => {
  it.each([
    ['one by one', 1, 15],
    ['in batches of 32', 32, 3],
  ])('costs, %s, with its way home, so many calls of Atomics', (_, batch, most) => {
    const stage = new Stage();
    const [producer, consumer] = [stage.attach(), stage.attach()];
    const relay = (): number => {
      let blocks = 0;
      for (let round = 0; round < 200; round++) {
        const list = Array.from({ length: batch }, () => producer.malloc(64));
        for (const block of list) consumer.free(block);
        drainQueue(producer.owner);
        blocks += batch;
      }
      return blocks;
    };
    relay();
    let blocks = 0;
    const atomics = countAtomics(() => (blocks = relay()));
    expect(atomics / blocks).toBeLessThanOrEqual(most);
  });
});

describe('nothing is allocated on the heap of the engine', () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;

  it.each(WORKLOADS.slice(0, 8))('by $name', ({ start }) => {
    using heap = Heap.create({ maxBytes: 256 << 20 });
    const work = start(heap);
    let least = Infinity;
    // Until the engine has compiled it; then the least of them has nothing in it but the calls.
    for (let round = 0; round < 12; round++) {
      collectGarbage();
      const before = process.memoryUsage().heapUsed;
      const ops = work();
      least = Math.min(least, (process.memoryUsage().heapUsed - before) / ops);
    }
    expect(least).toBeLessThan(0.1);
  });
});
