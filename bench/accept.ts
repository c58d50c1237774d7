import { compare, native, ours, showSpread, type CompareFlags, type Comparison } from './compare.js';
import { NativeBench, NO_COMPILER } from './native.js';
import { printTable } from './report.js';
import { type BenchName, type Spec } from './spec.js';

export interface Verdict extends Comparison {
  readonly target: number;
  readonly met: boolean;
}

const BASE: Omit<Spec, 'bench' | 'sizeMin' | 'sizeMax' | 'slots'> = {
  workers: 1,
  sizes: [],
  orders: [],
  rounds: 12,
  warmup: 12,
  ops: 4_000_000,
  burst: 1,
  seed: 1,
  touch: false,
  verify: false,
  trace: '',
  single: false,
  preset: 'production',
  options: {},
};

const specOf = (bench: BenchName, sizeMin: number, sizeMax: number, slots: number): Spec => ({
  ...BASE,
  bench,
  sizeMin,
  sizeMax,
  slots,
});

/** What the project promises: these benches at one worker no slower than the C library, and 1.7 times as fast at two. */
const PROMISED = [
  specOf('larson', 8, 64, 1000),
  specOf('larson', 8, 1024, 1000),
  specOf('random-mixed', 16, 1024, 400),
];
const NATIVE_TARGET = 1;
const SCALING_TARGET = 1.7;

const titleOf = (spec: Spec): string => `${spec.bench} ${spec.sizeMin}-${spec.sizeMax}`;

/** Runs the promised comparisons; the native ones are left out where there is no compiler. */
export async function accept(preset: string, flags: CompareFlags): Promise<Verdict[]> {
  const bench = NativeBench.build();
  if (bench === undefined) process.stderr.write(`${NO_COMPILER}\n`);
  const verdicts: Verdict[] = [];
  const judge = (comparison: Comparison, target: number): void => {
    const met = comparison.ratio !== undefined && comparison.ratio.median >= target;
    verdicts.push({ ...comparison, target, met });
  };
  for (const promised of PROMISED) {
    const spec = { ...promised, preset };
    if (bench === undefined) continue;
    judge(await compare(titleOf(spec), [ours(spec), native(spec, bench)], flags), NATIVE_TARGET);
  }
  for (const promised of PROMISED) {
    const one = { ...promised, preset };
    const two = { ...one, workers: 2 };
    judge(await compare(titleOf(one), [ours(two, '2 workers'), ours(one, '1 worker')], flags), SCALING_TARGET);
  }
  return verdicts;
}

export function printVerdicts(verdicts: readonly Verdict[]): void {
  printComparisons(
    verdicts,
    ['target', 'met'],
    verdicts.map(({ target, met }) => [`>= ${target}`, met ? 'yes' : 'NO']),
  );
}

/** A row for every comparison, with more columns where the caller has some. */
export function printComparisons(
  comparisons: readonly Comparison[],
  moreHead: readonly string[] = [],
  more: readonly (readonly string[])[] = [],
): void {
  const rows = comparisons.map(({ title, candidates, ratio }, i) => [
    title,
    ...[0, 1].map((c) => {
      const candidate = candidates.at(c);
      return candidate === undefined ? '-' : `${candidate.name}\n${showSpread(candidate.mops)}`;
    }),
    ratio === undefined ? '-' : showSpread(ratio),
    ...(more[i] ?? []),
  ]);
  printTable(['bench', 'M ops/s', 'against', 'ratio', ...moreHead], rows);
  const noisy = comparisons.reduce((sum, { noisyRuns }) => sum + noisyRuns, 0);
  process.stdout.write('Medians (and extremes) of runs in alternation, each in a process of its own.\n');
  if (noisy > 0) process.stdout.write(`${noisy} runs began while other programs were busy: distrust these numbers.\n`);
}
