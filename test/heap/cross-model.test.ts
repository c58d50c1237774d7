import { fuzzHeap, pathGroups } from 'sabmalloc/testing';
import { describe, expect, it } from 'vitest';
import { BUDGET, longTest } from '../kit/budget.js';
import { KIB, MIB } from '../kit/heaps.js';
import { SEED } from '../kit/random.js';

const ALONE = new Set([...pathGroups(0).values()].flat());

/** Several real threads in lock step. Nothing here depends on timing, so failures shrink and replay. */
describe('the heap equals its model after every call of several threads', () => {
  it(
    'whatever the preset, the backing and the size, on every path that takes several',
    async () => {
      const options = { workers: 2, seed: SEED, commands: BUDGET.crossCommands };
      const { reached } = await fuzzHeap({ ...options, runs: 6 * BUDGET.crossRuns });
      const missed = [...pathGroups(2).values()].flat().filter((path) => !ALONE.has(path) && !reached[path]);
      expect(missed).toEqual([]);
    },
    longTest(120_000),
  );

  it(
    'with transfer slots, in a small heap',
    async () => {
      const heap = { transferSlots: 4, maxBytes: 2 * MIB, maxWorkers: 8 };
      const options = { workers: 3, heap, largest: 100 * KIB, seed: SEED, commands: BUDGET.crossCommands };
      const { reached } = await fuzzHeap({ ...options, runs: BUDGET.crossRuns });
      expect(reached['remote free brought home']).toBeGreaterThan(0);
    },
    longTest(60_000),
  );
});
