import { SingleBar } from 'cli-progress';
import { type Candidate, type Skipped } from './candidates.js';
import { waitForQuiet } from './quiet.js';
import { OWN, type Result, type Spec } from './spec.js';

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface Measured {
  readonly name: string;
  readonly mops: Spread;
  /** The work of each of its workers, as a share of the first candidate's. */
  readonly work: number;
  readonly runs: readonly Result[];
  /** The first candidate's speed by this one's, each from runs next to each other. */
  readonly ratio?: Spread;
}

export interface Comparison {
  readonly title: string;
  /** Runs that began while other programs were busy. */
  readonly noisyRuns: number;
  readonly candidates: readonly Measured[];
  readonly skipped: readonly Skipped[];
  /** Of the second candidate. Absent where there is none. */
  readonly ratio?: Spread;
}

export interface CompareFlags {
  /** Runs of each candidate. */
  readonly repeat: number;
  /** Seconds to wait for a quiet machine before each run. */
  readonly patience: number;
}

/** Is told of every run. */
export interface Progress {
  begin(title: string, runs: number): void;
  step(): void;
  end(): void;
}

class Bar implements Progress {
  readonly #bar = new SingleBar({ format: '{title} {bar} {value}/{total}', clearOnComplete: true });

  begin(title: string, runs: number): void {
    this.#bar.start(runs, 0, { title });
  }

  step(): void {
    this.#bar.increment();
  }

  end(): void {
    this.#bar.stop();
  }
}

/** Measures the candidates in turn, so that what disturbs the machine disturbs all of them. */
export async function compare(
  title: string,
  candidates: readonly Candidate[],
  { repeat, patience }: CompareFlags,
  progress: Progress = new Bar(),
): Promise<Comparison> {
  const runs = candidates.map((): Result[] => []);
  const failures = new Map<Candidate, string>();
  let noisy = 0;
  progress.begin(title, repeat * candidates.length);
  try {
    for (let turn = 0; turn < repeat; turn++) {
      for (let i = 0; i < candidates.length; i++) {
        // Who goes first takes turns as well.
        const at = (i + turn) % candidates.length;
        const candidate = candidates[at];
        if (!failures.has(candidate)) {
          if (!(await waitForQuiet(patience))) noisy++;
          const needed = at === 0 || candidate.spec.allocator === OWN;
          await runOne(candidate, runs[at], needed ? undefined : failures);
        }
        progress.step();
      }
    }
  } finally {
    progress.end();
  }
  checkSameWork(candidates, runs);
  const measured = candidates.flatMap((candidate, i) =>
    failures.has(candidate) ? [] : [measuredOf(candidate, runs, i)],
  );
  const second = measured.at(1);
  return {
    title,
    noisyRuns: noisy,
    candidates: measured,
    skipped: [...failures].map(([{ name }, why]) => ({ name, why })),
    ...(second?.ratio === undefined ? {} : { ratio: second.ratio }),
  };
}

/** A rival that fails is left out from then on; our own heap, and what all others are compared with, must not fail. */
async function runOne(
  candidate: Candidate,
  into: Result[],
  failures: Map<Candidate, string> | undefined,
): Promise<void> {
  try {
    into.push(await candidate.run());
  } catch (error) {
    if (failures === undefined) throw error;
    const { stderr } = error as { stderr?: string };
    failures.set(candidate, `failed: ${(stderr ?? String(error)).trim().split('\n').at(-1) ?? ''}`);
  }
}

function measuredOf({ name }: Candidate, runs: readonly Result[][], i: number): Measured {
  const own = runs[i];
  return {
    name,
    mops: spread(own.map(({ mops }) => mops)),
    work: share(own[0]) / share(runs[0][0]),
    runs: own,
    ...(i === 0 ? {} : { ratio: spread(own.map(({ mops }, turn) => runs[0][turn].mops / mops)) }),
  };
}

const share = ({ ops, workers }: Result): number => ops / workers;

/** Specs with the same key have the same checksum, whatever the allocator. */
const workOf = ({ workers, rounds, warmup, ops, slots, sizeMin, sizeMax, seed }: Spec): string =>
  [workers, rounds, warmup, ops, slots, sizeMin, sizeMax, seed].join(' ');

function checkSameWork(candidates: readonly Candidate[], runs: readonly Result[][]): void {
  const expected = new Map<string, string>();
  candidates.forEach(({ name, spec }, i) => {
    for (const { checksum } of runs[i]) {
      const work = workOf(spec);
      const other = expected.get(work) ?? checksum;
      expected.set(work, other);
      if (checksum === other) continue;
      throw new Error(`${name} did other work than the rest: its checksum is ${checksum}, theirs ${other}.`);
    }
  });
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const median = (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2;
  return { median, min: sorted[0], max: sorted[sorted.length - 1] };
}

const shown = (value: number): string => value.toFixed(value < 0.1 ? 4 : value < 100 ? 2 : 0);

/** A median with its extremes, as it stands in tables. */
export const showSpread = ({ median, min, max }: Spread): string => `${shown(median)} (${shown(min)}-${shown(max)})`;

/** A candidate's name with what makes it differ. */
export function showName({ name: asked, work, runs }: Measured): string {
  // Rivals know their version.
  const name = runs[0].allocator === OWN ? asked : runs[0].allocator;
  return work > 0.99 ? name : `${name}, 1/${Math.round(1 / work)} of the work`;
}
