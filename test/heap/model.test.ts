import { fuzzHeap, pathGroups } from 'sabmalloc/testing';
import { describe, expect, it } from 'vitest';
import { BUDGET, longTest } from '../kit/budget.js';
import { KIB, MIB } from '../kit/heaps.js';
import { SEED } from '../kit/random.js';

describe('the heap equals its model after every call', () => {
  it(
    'of one thread, whatever the preset, the backing and the size, on every path',
    async () => {
      const { reached } = await fuzzHeap({ runs: 4 * BUDGET.modelRuns, seed: SEED, commands: BUDGET.modelCommands });
      const missed = [...pathGroups(0).values()].flat().filter((path) => !reached[path]);
      expect(missed).toEqual([]);
    },
    longTest(120_000),
  );

  it.each([
    ['with transfer slots', { transferSlots: 4, maxBytes: 4 * MIB }],
    ['without caches to speak of', { cacheCapacity: 4, cacheBytes: 0, magazineCapacity: 0, maxBytes: 2 * MIB }],
    ['with a single slot', { maxWorkers: 1, maxBytes: 512 * KIB }],
  ])(
    'of one thread in a heap %s',
    async (_, heap) => {
      const options = { heap, largest: 60 * KIB, seed: SEED, commands: BUDGET.modelCommands };
      const { runs } = await fuzzHeap({ ...options, runs: Math.ceil(BUDGET.modelRuns / 3) });
      expect(runs).toBe(Math.ceil(BUDGET.modelRuns / 3));
    },
    longTest(60_000),
  );
});
