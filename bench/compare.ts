import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { SingleBar } from 'cli-progress';
import { jobFor, type Job } from './measure.js';
import { type NativeBench } from './native.js';
import { MAIN_SCRIPT } from './paths.js';
import { waitForQuiet } from './quiet.js';
import { flagsOf, type Result, type Spec } from './spec.js';

/** Something to measure; each measurement is a process of its own, so that none inherits another's heap or compiled code. */
export interface Candidate {
  readonly name: string;
  readonly spec: Spec;
  readonly run: () => Promise<Result>;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface Comparison {
  readonly title: string;
  /** Runs that began while other programs were busy. */
  readonly noisyRuns: number;
  readonly candidates: readonly { readonly name: string; readonly mops: Spread; readonly runs: readonly Result[] }[];
  /** First candidate by second, each from runs next to each other. Absent where there is no second. */
  readonly ratio?: Spread;
}

export function ours(spec: Spec, name = 'sabmalloc'): Candidate {
  return { name, spec, run: () => runOurs(spec) };
}

export function native(spec: Spec, bench: NativeBench): Candidate {
  let job: Job | undefined;
  return { name: 'native', spec, run: () => bench.measure((job ??= jobFor(spec))) };
}

async function runOurs(spec: Spec): Promise<Result> {
  const words = [...process.execArgv, MAIN_SCRIPT, ...flagsOf(spec), '--json'];
  const { stdout } = await promisify(execFile)(process.execPath, words);
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Result;
}

export interface CompareFlags {
  /** Runs of each candidate. */
  readonly repeat: number;
  /** Seconds to wait for a quiet machine before each run. */
  readonly patience: number;
}

/** Measures the candidates in turn, so that what disturbs the machine disturbs all of them. */
export async function compare(
  title: string,
  candidates: readonly Candidate[],
  { repeat, patience }: CompareFlags,
): Promise<Comparison> {
  const runs = candidates.map((): Result[] => []);
  const bar = new SingleBar({ format: `${title} {bar} {value}/{total}`, clearOnComplete: true });
  let noisy = 0;
  bar.start(repeat * candidates.length, 0);
  try {
    for (let turn = 0; turn < repeat; turn++) {
      for (let i = 0; i < candidates.length; i++) {
        // Who goes first takes turns as well.
        const at = (i + turn) % candidates.length;
        if (!(await waitForQuiet(patience))) noisy++;
        runs[at].push(await candidates[at].run());
        bar.increment();
      }
    }
  } finally {
    bar.stop();
  }
  checkSameWork(candidates, runs);
  const first = runs[0];
  const second = runs.at(1);
  return {
    title,
    noisyRuns: noisy,
    candidates: candidates.map(({ name }, i) => ({
      name: runs[i][0].allocator === 'sabmalloc' ? name : runs[i][0].allocator,
      mops: spread(runs[i].map((run) => run.mops)),
      runs: runs[i],
    })),
    ...(second === undefined ? {} : { ratio: spread(first.map((run, turn) => run.mops / second[turn].mops)) }),
  };
}

function checkSameWork(candidates: readonly Candidate[], runs: readonly Result[][]): void {
  const sums = runs.map((own, i) => ({ workers: candidates[i].spec.workers, sums: own.map((run) => run.checksum) }));
  for (const { workers, sums: own } of sums) {
    const expected = sums.find((other) => other.workers === workers)?.sums[0];
    if (own.every((sum) => sum === expected)) continue;
    throw new Error(`Candidates did different work: checksums ${own.join(', ')} where ${expected} was expected.`);
  }
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const median = (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2;
  return { median, min: sorted[0], max: sorted[sorted.length - 1] };
}

/** A median with its extremes, as it stands in tables. */
export const showSpread = ({ median, min, max }: Spread): string =>
  `${median.toFixed(2)} (${min.toFixed(2)}-${max.toFixed(2)})`;
