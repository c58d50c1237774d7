import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { jobFor, measure, type Job } from './measure.js';
import { NativeBench, NO_COMPILER } from './native.js';
import { MAIN_SCRIPT } from './paths.js';
import { missing } from './rivals/availability.js';
import { isOwn, lighten, PRESETS, rivalNamed, RIVALS, unfit } from './rivals/catalogue.js';
import { type NativeLibrary } from './rivals/native-libraries.js';
import { flagsOf, OWN, type Result, type Spec } from './spec.js';

/** Something to measure; each measurement is a process of its own, so that none inherits another's heap or compiled code. */
export interface Candidate {
  readonly name: string;
  readonly spec: Spec;
  readonly run: () => Promise<Result>;
}

export interface Skipped {
  readonly name: string;
  readonly why: string;
}

/** One that JavaScript can call: measured by a process that runs `spec`. */
export function called(spec: Spec, name = spec.allocator): Candidate {
  return { name, spec, run: () => runChild(spec) };
}

function native(spec: Spec, name: string, library: NativeLibrary | undefined): Candidate {
  let job: Job | undefined;
  return { name, spec, run: () => nativeBench().measure((job ??= jobFor(spec)), library) };
}

function nativeBench(): NativeBench {
  const bench = NativeBench.build();
  if (bench === undefined) throw new Error(NO_COMPILER);
  return bench;
}

async function runChild(spec: Spec): Promise<Result> {
  const words = [...process.execArgv, MAIN_SCRIPT, ...flagsOf(spec), '--json'];
  const { stdout } = await promisify(execFile)(process.execPath, words);
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Result;
}

/** `spec` on the allocator or preset called `name`, or why that cannot be. */
export function candidateFor(spec: Spec, name: string): Candidate | Skipped {
  if (isOwn(name)) {
    const preset = (PRESETS as readonly string[]).includes(name) ? name : spec.preset;
    return called({ ...spec, allocator: OWN, preset }, name);
  }
  const rival = rivalNamed(name);
  const why = unfit(rival, spec) ?? missing(rival);
  if (why !== undefined) return { name: rival.name, why };
  const own = lighten({ ...spec, allocator: rival.name }, rival.slowness);
  return rival.reach.kind === 'native' ? native(own, rival.name, rival.reach.library) : called(own);
}

export const isSkipped = (one: Candidate | Skipped): one is Skipped => 'why' in one;

/** Runs `spec` here and now, unless it is for the C program. */
export function measureSpec(spec: Spec): Promise<Result> {
  const job = jobFor(spec);
  if (spec.allocator === OWN) return measure(job);
  const rival = rivalNamed(spec.allocator);
  const why = unfit(rival, job.spec) ?? missing(rival);
  if (why !== undefined) throw new Error(why);
  return rival.reach.kind === 'native' ? nativeBench().measure(job, rival.reach.library) : measure(job);
}

/** `all` stands for every rival that can do what `spec` says. */
export function namesFor(spec: Spec, list: string): string[] {
  if (list !== 'all') return list.split(',').map((name) => name.trim());
  return RIVALS.filter((rival) => unfit(rival, spec) === undefined).map(({ name }) => name);
}
