import { called, candidateFor, isSkipped, type Candidate, type Skipped } from './candidates.js';
import { compare, showSpread, type CompareFlags, type Comparison, type Measured, type Spread } from './compare.js';
import { printFootnotes, showCandidate } from './comparison-table.js';
import { arraysOf, larson, manyLive, quick, randomMixed, recordsOf, replayOf, ringsOf, TRACES } from './defaults.js';
import { printTable } from './report.js';
import { type Spec } from './spec.js';

/** A comparison with what the first candidate has to reach against each of the others. */
interface Trial {
  readonly title: string;
  readonly first: Candidate;
  readonly rivals: readonly { readonly candidate: Candidate | Skipped; readonly target?: number | undefined }[];
}

export interface Verdict {
  readonly title: string;
  readonly against: string;
  readonly ratio?: Spread;
  /** Absent where the ratio is only shown. */
  readonly target?: number;
  /** Absent where the rival is missing or there is no target. */
  readonly met?: boolean;
  readonly skipped?: string;
  readonly candidates: readonly Measured[];
  readonly noisyRuns: number;
}

export interface AcceptFlags extends CompareFlags {
  readonly preset: string;
  /** Only trials whose title contains it. */
  readonly only: string;
  readonly quick: boolean;
}

interface Plan {
  readonly preset: string;
  /** What becomes of each spec: itself, or less work. */
  readonly fit: (spec: Spec) => Spec;
}

type Targets = Readonly<Partial<Record<string, number>>>;

const workersText = (workers: number): string => `${workers} worker${workers === 1 ? '' : 's'}`;

function trial(title: string, spec: Spec, targets: Targets): Trial {
  const rivals = Object.entries(targets).map(([name, target]) => ({ candidate: candidateFor(spec, name), target }));
  return { title, first: called(spec), rivals };
}

const SMALL = [
  [8, 64],
  [8, 1024],
  [257, 768],
] as const;

function larsonTrials({ preset, fit }: Plan): Trial[] {
  const small = SMALL.flatMap(([min, max]) =>
    [1, 2].map((workers) =>
      trial(`larson ${min}-${max}, ${workersText(workers)}`, fit(larson(min, max, { workers, preset })), {
        mimalloc: 1,
        glibc: 2,
        'wasm-dlmalloc': workers === 1 ? 6 : 20,
      }),
    ),
  );
  const large = [1, 2].map((workers) =>
    trial(`larson 2-32 KiB, ${workersText(workers)}`, fit(larson(2048, 32768, { workers, preset, ops: 1_000_000 })), {
      mimalloc: 1,
    }),
  );
  return [...small, ...large];
}

function ownTrials({ preset, fit }: Plan): Trial[] {
  const scaling = [larson(8, 64, { preset }), larson(8, 1024, { preset }), randomMixed(400, { preset })].map((one) => ({
    title: `${one.bench} ${one.sizeMin}-${one.sizeMax}, 2 workers against 1`,
    first: called(fit({ ...one, workers: 2 }), '2 workers'),
    rivals: [{ candidate: called(fit(one), '1 worker'), target: 1.7 }],
  }));
  const many = fit(manyLive(10 ** 7, { preset }));
  return [
    ...scaling,
    {
      title: 'random-mixed 16-64, 10^7 live against 10^3',
      first: called(many, '10^7 live'),
      // At most twice the cost of an operation.
      rivals: [{ candidate: called(fit(manyLive(1000, { preset })), '10^3 live'), target: 0.5 }],
    },
    {
      title: 'random-mixed 16-64, 10^7 live',
      first: called(many),
      // For scale: most of the cost is cache misses, the bench's own among them, and everybody has those.
      rivals: [{ candidate: candidateFor(many, 'mimalloc') }],
    },
    {
      title: 'larson 8-64, perf-main against production',
      first: called(fit(larson(8, 64, { preset: 'perf-main' })), 'perf-main'),
      rivals: [{ candidate: called(fit(larson(8, 64)), 'production') }],
    },
  ];
}

function engineTrials({ preset, fit }: Plan): Trial[] {
  const arrays = ([16, 256, 16384] as const).map((length, i) =>
    trial(`alloc(Float32Array, ${length})`, fit(arraysOf(length, { preset })), { Float32Array: [1.5, 10, 3][i] }),
  );
  return [
    ...arrays,
    trial('allocUnsafe(Float32Array, 16384)', fit(arraysOf(16384, { preset, unsafe: true })), { Float32Array: 50 }),
    trial('records of 152 B, one at a time', fit(recordsOf(152, { preset })), { clone: 10 }),
  ];
}

function trials(plan: Plan): Trial[] {
  const { preset, fit } = plan;
  const mixed = randomMixed(400, { preset, rounds: 30, warmup: 30, ops: 1_000_000 });
  const handedOver = ringsOf('producer-consumer', 64, { preset });
  return [
    ...larsonTrials(plan),
    trial('random-mixed 16-1024, 1 worker', fit(mixed), { glibc: 1 }),
    trial('producer-consumer 64 B', fit(handedOver), { mimalloc: 0.5 }),
    ...TRACES.map((name) => trial(`replay ${name} --single`, fit(replayOf(name, { preset })), { glibc: 1 })),
    ...engineTrials(plan),
    ...ownTrials(plan),
  ];
}

/** Runs the promised comparisons; rivals that are missing are skipped. */
export async function accept(flags: AcceptFlags): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const { title, first, rivals } of trials({ preset: flags.preset, fit: flags.quick ? quick : (spec) => spec })) {
    if (!title.includes(flags.only)) continue;
    const present = rivals.map(({ candidate }) => candidate).filter((one): one is Candidate => !isSkipped(one));
    const comparison = present.length === 0 ? undefined : await compare(title, [first, ...present], flags);
    verdicts.push(...rivals.map(({ candidate, target }) => judge(title, candidate, target, comparison)));
  }
  return verdicts;
}

function judge(
  title: string,
  rival: Candidate | Skipped,
  target: number | undefined,
  comparison: Comparison | undefined,
): Verdict {
  const skipped = isSkipped(rival) ? rival : comparison?.skipped.find(({ name }) => name === rival.name);
  const [first, ...others] = comparison?.candidates ?? [];
  const measured = others.find(({ name }) => name === rival.name);
  const ratio = measured?.ratio;
  return {
    title,
    against: rival.name,
    ...(target === undefined ? {} : { target }),
    ...(ratio === undefined ? {} : { ratio }),
    ...(ratio === undefined || target === undefined ? {} : { met: ratio.median >= target }),
    ...(skipped === undefined ? {} : { skipped: skipped.why }),
    candidates: measured === undefined ? [] : [first, measured],
    noisyRuns: comparison?.noisyRuns ?? 0,
  };
}

function ruling({ met, skipped, target }: Verdict): string {
  if (skipped !== undefined) return 'skipped';
  if (target === undefined) return 'shown';
  return met === true ? 'yes' : 'NO';
}

export function printVerdicts(verdicts: readonly Verdict[]): void {
  printTable(
    ['bench', 'M ops/s', 'against', 'ratio', 'target', 'met'],
    verdicts.map((verdict) => [
      verdict.title,
      showCandidate(verdict.candidates.at(0)),
      verdict.candidates.length < 2 ? verdict.against : showCandidate(verdict.candidates[1]),
      verdict.ratio === undefined ? '-' : showSpread(verdict.ratio),
      verdict.target === undefined ? '-' : `>= ${verdict.target}`,
      ruling(verdict),
    ]),
  );
  printFootnotes(
    verdicts.map(({ title, noisyRuns, candidates, against, skipped }) => ({
      title,
      noisyRuns,
      candidates,
      skipped: skipped === undefined ? [] : [{ name: against, why: skipped }],
    })),
  );
}
