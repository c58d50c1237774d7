import fc from 'fast-check';
import { Heap } from 'sabmalloc';
import { describe, it } from 'vitest';
import { BUDGET, longTest } from '../kit/budget.js';
import { heapCommands } from '../kit/commands.js';
import { empty } from '../kit/contracts.js';
import { freeAll, KIB, leave, MIB } from '../kit/heaps.js';
import { Model } from '../kit/model.js';
import { runs } from '../kit/random.js';

type Options = NonNullable<Parameters<typeof Heap.create>[0]>;

interface Setting {
  readonly options: Options;
  readonly largest: number;
  /** Small enough that some requests must be refused. */
  readonly tight: boolean;
}

const SETTINGS: Record<string, Setting> = {
  'a roomy heap': { options: { maxBytes: 256 * MIB }, largest: 300 * KIB, tight: false },
  'a tight heap': { options: { maxBytes: MIB }, largest: 120 * KIB, tight: true },
  'the smallest heap': { options: { maxBytes: 512 * KIB, maxWorkers: 1 }, largest: 40 * KIB, tight: true },
  'preset debug': { options: { preset: 'debug', maxBytes: 64 * MIB }, largest: 100 * KIB, tight: false },
  'preset minimal': { options: { preset: 'minimal', maxBytes: 2 * MIB }, largest: 60 * KIB, tight: true },
  'preset research': { options: { preset: 'research', maxBytes: 64 * MIB }, largest: 100 * KIB, tight: false },
  'a wasm memory': { options: { backing: 'wasm', maxBytes: 64 * MIB }, largest: 200 * KIB, tight: false },
  'a fixed buffer': { options: { backing: 'fixed', maxBytes: 4 * MIB }, largest: 200 * KIB, tight: true },
};

describe('the heap equals its model after every call', () => {
  it.each(Object.entries(SETTINGS))(
    'in %s',
    (_, { options, largest, tight }) => {
      const property = fc.property(heapCommands(largest, BUDGET.modelCommands), (commands) => {
        const heap = Heap.create(options);
        const model = new Model();
        try {
          fc.modelRun(() => ({ model, real: { heap, tight, nextTag: 1 } }), commands);
          freeAll(
            heap,
            model.blocks().map(({ address }) => address),
          );
          heap.collect();
          empty(heap);
        } finally {
          leave(heap);
        }
      });
      fc.assert(property, runs(BUDGET.modelRuns));
    },
    longTest(90_000),
  );
});
