import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { EventWord, type ReplayPlan } from 'sabmalloc/trace';
import { resultOf, type Job } from './measure.js';
import { NATIVE_FOLDER, NATIVE_SOURCE } from './paths.js';
import { environmentOf, type NativeLibrary } from './rivals/native-libraries.js';
import { casesOf, type Measure, type Result, type Spec } from './spec.js';

export const NO_COMPILER =
  'No C compiler, so there is no native malloc to compare with. Get one (Debian and Ubuntu: apt-get install gcc libc6-dev; ' +
  'Fedora: dnf install gcc; macOS: xcode-select --install) or name yours in the environment variable CC.';

interface NativeReport extends Omit<Measure, 'label'> {
  readonly allocator: string;
}

/** The C program of `bench/native`: does what our workers do, on the C library's malloc or one that takes its place. */
export class NativeBench {
  readonly #binary: string;
  readonly #compiler: string;

  /** Builds it where that is needed; undefined where there is no compiler. */
  static build(): NativeBench | undefined {
    const cc = process.env['CC'] ?? 'cc';
    const version = firstLine(cc);
    if (version === undefined) return undefined;
    const binary = join(NATIVE_FOLDER, 'bench');
    if (!existsSync(binary) || modified(binary) < newestSource()) {
      mkdirSync(NATIVE_FOLDER, { recursive: true });
      execFileSync(cc, ['-O2', '-std=gnu11', '-pthread', '-o', binary, NATIVE_SOURCE, '-ldl'], { stdio: 'inherit' });
    }
    return new NativeBench(binary, `${version} -O2`);
  }

  private constructor(binary: string, compiler: string) {
    this.#binary = binary;
    this.#compiler = compiler;
  }

  /** Runs every case of the job, a process each, on the C library's malloc or on `library`. */
  async measure(job: Job, library?: NativeLibrary): Promise<Result> {
    const env = environmentOf(library);
    // The program refuses to run on any other malloc than the one named, so that a preload that failed is no silent glibc.
    const expected = library === undefined ? [] : ['allocator', library.name];
    const scratch = mkdtempSync(join(tmpdir(), 'sabmalloc-bench-'));
    try {
      const plan = job.plan === undefined ? [] : ['plan', writePlan(scratch, job.plan)];
      const measures: Measure[] = [];
      let allocator = '';
      for (const { label, spec } of casesOf(job.spec)) {
        const report = await this.#run([...wordsOf(spec), ...plan, ...expected], env);
        allocator = report.allocator;
        measures.push({ label, ops: report.ops, seconds: report.seconds, checksum: report.checksum });
      }
      const tuning = Object.keys(library?.tuning ?? {}).map((name) => `${name}=${env[name] ?? ''}`);
      return resultOf(job, { allocator, runtime: [this.#compiler, ...tuning].join(', '), measures });
    } finally {
      rmSync(scratch, { recursive: true });
    }
  }

  async #run(words: readonly string[], env: NodeJS.ProcessEnv): Promise<NativeReport> {
    const { stdout } = await promisify(execFile)(this.#binary, words, { env });
    return JSON.parse(stdout) as NativeReport;
  }
}

function firstLine(cc: string): string | undefined {
  try {
    return execFileSync(cc, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split('\n')[0];
  } catch {
    return undefined;
  }
}

const modified = (path: string): number => statSync(path).mtimeMs;

function newestSource(): number {
  const folder = dirname(NATIVE_SOURCE);
  return Math.max(...readdirSync(folder).map((name) => modified(join(folder, name))));
}

const FIELDS = ['workers', 'slots', 'rounds', 'warmup', 'ops', 'burst', 'seed', 'sizeMin', 'sizeMax'] as const;

function wordsOf(spec: Spec): string[] {
  const fields = FIELDS.flatMap((name) => [name, `${spec[name]}`]);
  const flags = { fifo: spec.orders[0] === 'fifo', touch: spec.touch };
  return [spec.bench, ...fields, ...Object.entries(flags).flatMap(([name, value]) => [name, value ? '1' : '0'])];
}

/** The plan in the form that `native/replay.h` reads. */
function writePlan(folder: string, plan: ReplayPlan): string {
  const parts: Uint32Array[] = [Uint32Array.of(plan.threads.length, plan.mailboxes, plan.cells)];
  for (const { events, leftovers } of plan.threads)
    parts.push(Uint32Array.of(events.length / EventWord.WORDS, leftovers.length), events, leftovers);
  const path = join(folder, 'plan');
  writeFileSync(
    path,
    Buffer.concat(parts.map((part) => new Uint8Array(part.buffer, part.byteOffset, part.byteLength))),
  );
  return path;
}
