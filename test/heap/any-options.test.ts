import fc from 'fast-check';
import { OPTION_NAMES } from 'sabmalloc/config';
import { fuzzHeap, heapOptions } from 'sabmalloc/testing';
import { expect, it } from 'vitest';
import { BUDGET } from '../kit/budget.js';
import { MIB } from '../kit/heaps.js';
import { SEED } from '../kit/random.js';

it('a heap with any options that go together equals its model', async () => {
  const named = new Set<string>();
  const heaps = fc.sample(heapOptions(), { numRuns: BUDGET.modelRuns, seed: SEED });
  for (const [i, heap] of heaps.entries()) {
    for (const name of Object.keys(heap)) named.add(name);
    const options = { ...heap, maxBytes: (1 + (i % 4) * 20) * MIB, maxWorkers: 4 };
    await fuzzHeap({ heap: options, largest: 60_000, runs: 2, commands: 60, seed: SEED }).catch((error: unknown) => {
      throw new Error(`with ${JSON.stringify(options)}, SABTEST_SEED=${SEED}: ${String(error)}`, { cause: error });
    });
  }
  expect(named.size).toBeGreaterThan(OPTION_NAMES.length / 3);
}, 120_000);
