import { planReplay, type ReplayPlan } from 'sabmalloc/trace';
import { environment } from './environment.js';
import { runGenerations } from './generations.js';
import { runPool, type PoolResult } from './pool.js';
import { casesOf, type Measure, type MemoryUse, type Result, type Spec } from './spec.js';
import { readTrace } from './trace.js';

/** What a candidate, ours or a native one, says about one run of a spec. */
export interface CandidateRun {
  readonly allocator: string;
  readonly runtime: string;
  readonly measures: readonly Measure[];
  readonly memory?: MemoryUse;
}

/** A replay's spec takes its workers from the trace, so both belong together. */
export interface Job {
  readonly spec: Spec;
  readonly plan?: ReplayPlan;
}

export function jobFor(spec: Spec): Job {
  if (spec.bench !== 'replay') return { spec };
  const plan = planReplay(readTrace(spec.trace), spec.single);
  const { sizeMin, sizeMax } = plan;
  return { spec: { ...spec, workers: plan.threads.length, slots: plan.cells, sizeMin, sizeMax }, plan };
}

/** Runs every case of the job on an allocator that JavaScript can call. */
export async function measure(job: Job): Promise<Result> {
  const measures: Measure[] = [];
  let memory: MemoryUse | undefined;
  for (const { label, spec } of casesOf(job.spec)) {
    const { memory: used, ...measured } = await measureCase(spec, job.plan);
    measures.push({ label, ...measured });
    if (used !== undefined) memory = largest(memory, used);
  }
  const run = { allocator: job.spec.allocator, runtime: `node ${process.version}`, measures };
  return resultOf(job, memory === undefined ? run : { ...run, memory });
}

async function measureCase(
  spec: Spec,
  plan: ReplayPlan | undefined,
): Promise<Omit<Measure, 'label'> & { memory?: MemoryUse }> {
  if (spec.bench === 'short-lived') return runGenerations(spec);
  const result = await runPool(spec, plan);
  return { ...totalOf(result), ...(result.memory === undefined ? {} : { memory: result.memory }) };
}

const largest = (a: MemoryUse | undefined, b: MemoryUse): MemoryUse =>
  a !== undefined && a.peakCommittedBytes > b.peakCommittedBytes ? a : b;

/** Each round lasts from the first worker's start to the last one's end; the waiting between rounds does not count. */
function totalOf({ reports }: PoolResult): Omit<Measure, 'label'> {
  let nanoseconds = 0;
  reports[0].starts.forEach((_, round) => {
    const start = Math.min(...reports.map((report) => report.starts[round]));
    nanoseconds += Math.max(...reports.map((report) => report.ends[round])) - start;
  });
  return {
    ops: reports.reduce((sum, report) => sum + report.ops, 0),
    seconds: nanoseconds / 1e9,
    checksum: mixChecksums(reports.map((report) => report.checksum)),
  };
}

/** Each part counts with its place, so that parts swapped or missing show. */
function mixChecksums(parts: readonly number[]): number {
  return parts.reduce((sum, part, i) => (sum + Math.imul(part, 2 * i + 1)) >>> 0, 0);
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits));

export function resultOf(job: Job, run: CandidateRun): Result {
  const { spec } = job;
  const ops = run.measures.reduce((sum, one) => sum + one.ops, 0);
  const seconds = run.measures.reduce((sum, one) => sum + one.seconds, 0);
  const checksum = mixChecksums(run.measures.map((one) => one.checksum));
  return {
    bench: spec.bench,
    allocator: run.allocator,
    workers: spec.workers,
    sizeMin: spec.sizeMin,
    sizeMax: spec.sizeMax,
    mops: mopsOf(ops, seconds),
    seconds: round(seconds, 9),
    ops,
    checksum: checksum.toString(16).padStart(8, '0'),
    preset: spec.preset,
    runtime: run.runtime,
    slots: spec.slots,
    rounds: spec.rounds,
    warmupRounds: spec.warmup,
    burst: spec.burst,
    seed: spec.seed,
    touch: spec.touch,
    verify: spec.verify,
    options: spec.options,
    ...(run.memory === undefined ? {} : { memory: run.memory }),
    ...replayNumbers(job, run, ops, seconds),
    ...casesIn(run),
    environment: environment(spec),
  };
}

const mopsOf = (ops: number, seconds: number): number => round(ops / seconds / 1e6, 3);

function casesIn({ measures }: CandidateRun): Pick<Result, 'cases'> {
  if (measures.length < 2) return {};
  return {
    cases: measures.map(({ label, ops, seconds }) => ({
      label,
      mops: mopsOf(ops, seconds),
      seconds: round(seconds, 9),
    })),
  };
}

function replayNumbers({ plan }: Job, run: CandidateRun, ops: number, seconds: number): Pick<Result, 'replay'> {
  if (plan === undefined) return {};
  const { peakLiveBytes } = plan;
  const peakCommittedBytes = run.memory?.peakCommittedBytes;
  return {
    replay: {
      trace: plan.name,
      events: plan.events,
      nsPerEvent: round((seconds / ops) * 1e9, 2),
      peakLiveBytes,
      ...(peakCommittedBytes === undefined
        ? {}
        : { peakCommittedBytes, committedPerLive: round(peakCommittedBytes / peakLiveBytes, 3) }),
    },
  };
}
