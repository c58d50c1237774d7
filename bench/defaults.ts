import { OWN, type BenchName, type Spec } from './spec.js';

/** Specs of the comparisons that are fixed in programs: `accept` and `suite`. */
const COMMON: Omit<Spec, 'bench'> = {
  allocator: OWN,
  workers: 1,
  sizeMin: 0,
  sizeMax: 0,
  sizes: [],
  orders: [],
  slots: 1000,
  rounds: 12,
  warmup: 12,
  ops: 4_000_000,
  burst: 1,
  seed: 1,
  touch: false,
  verify: false,
  trace: '',
  single: false,
  unsafe: false,
  preset: 'production',
  options: {},
};

type More = Partial<Omit<Spec, 'bench' | 'sizeMin' | 'sizeMax'>>;

export const specOf = (bench: BenchName, [sizeMin, sizeMax]: readonly [number, number], more: More = {}): Spec => ({
  ...COMMON,
  bench,
  sizeMin,
  sizeMax,
  ...more,
});

export const larson = (sizeMin: number, sizeMax: number, more: More = {}): Spec =>
  specOf('larson', [sizeMin, sizeMax], more);

export const randomMixed = (live: number, more: More = {}): Spec =>
  specOf('random-mixed', [16, 1024], { slots: live, ...more });

/** Ten million small blocks and their table take well over half a GiB. */
export const manyLive = (live: number, more: More = {}): Spec =>
  specOf('random-mixed', [16, 64], {
    slots: live,
    rounds: 6,
    warmup: 2,
    ops: 2_000_000,
    options: { maxBytes: 2 ** 31 },
    ...more,
  });

export const replayOf = (trace: string, more: More = {}): Spec =>
  specOf('replay', [0, 0], { trace, single: true, rounds: 15, warmup: 40, ...more });

/** Long arrays take long to clear. */
export const arraysOf = (length: number, more: More = {}): Spec =>
  specOf('arrays', [4 * length, 4 * length], {
    slots: 1,
    rounds: 10,
    warmup: 10,
    ops: length > 4096 ? 40_000 : 400_000,
    ...more,
  });

export const recordsOf = (bytes: number, more: More = {}): Spec =>
  specOf('records', [bytes, bytes], { workers: 2, slots: 1024, rounds: 10, warmup: 10, ops: 200_000, ...more });

export const ringsOf = (bench: 'producer-consumer' | 'worker-ring', bytes: number, more: More = {}): Spec =>
  specOf(bench, [bytes, bytes], {
    workers: 2,
    slots: 1024,
    burst: 64,
    rounds: 10,
    warmup: 10,
    ops: 1_000_000,
    ...more,
  });

export const TRACES = ['cc1', 'jq', 'python-pipeline', 'redis', 'sqlite'] as const;

/** A small fraction of the work: to see that everything runs, not to measure. */
export const quick = (spec: Spec): Spec => ({
  ...spec,
  rounds: Math.min(spec.rounds, 2),
  warmup: Math.min(spec.warmup, 1),
  ops: Math.max(1000, Math.round(spec.ops / 40)),
});
