import fc from 'fast-check';
import { type CreateOptions } from '../index.js';
import { heapCommands } from './commands.js';
import { type HeapCommand } from './command.js';
import { checkFuzzOptions, FUZZ_DEFAULTS, type FuzzOptions, type FuzzProgress } from './fuzz-options.js';
import { type PathName, Reached } from './paths.js';
import { play } from './play.js';
import { settingOf, settingsWith } from './settings.js';
import { ThreadPool } from './thread.js';
import { type Setting } from './world.js';

/** Runs under one seed, all in heaps of one setting. The next so many have the next seed, and the next setting. */
const BATCH_RUNS = 10;

const SHRINK_SECONDS_MOST = 60;
const PROGRESS_EVERY_MS = 250;

/** What a fuzzing that found nothing has done. */
export interface FuzzReport {
  readonly seed: number;
  readonly runs: number;
  readonly commands: number;
  readonly seconds: number;
  /** How often each path through the heap was taken; 0 is there too. */
  readonly reached: Readonly<Partial<Record<PathName, number>>>;
}

/** A failure, shrunk to the few commands that it takes, with what is needed to see it again. */
export class FuzzError extends Error {
  /** Give these to `fuzzHeap`, with the other options as they were. */
  readonly seed: number;
  readonly path: string;
  /** Options of the heap in which it failed. */
  readonly heap: CreateOptions;
  /** What was done, a line each. The last one failed. */
  readonly commands: readonly string[];
  /** Runs until it was found. */
  readonly runs: number;
  /** All of that in words: the message without the line that replays it. */
  readonly explanation: string;

  constructor(found: Pick<FuzzError, 'seed' | 'path' | 'heap' | 'commands' | 'runs'>, cause: unknown, replay: string) {
    const explanation = [
      `failed in run ${found.runs}; what it takes, in a heap of ${JSON.stringify(found.heap)}:`,
      ...found.commands.map((command, i) => `${String(i + 1).padStart(4)}. ${command}`),
      String(cause),
    ].join('\n');
    super(`${explanation}\nreplay: ${replay}`, { cause });
    this.name = 'FuzzError';
    this.explanation = explanation;
    this.seed = found.seed;
    this.path = found.path;
    this.heap = found.heap;
    this.commands = found.commands;
    this.runs = found.runs;
  }
}

class Fuzzing {
  private readonly settings: readonly Setting[];
  private readonly pool = new ThreadPool();
  private readonly workers: number;
  private readonly reached: Reached;
  private readonly startedAt = performance.now();
  private readonly endsAt: number;
  private runs = 0;
  private commands = 0;
  /** When the first failure was found, and what the last one that failed did. */
  private failedAt: number | undefined;
  private failedLog: readonly string[] = [];
  private toldAt = 0;
  /** Of the runs under way. */
  private seed = 0;

  constructor(private readonly options: FuzzOptions) {
    const { workers = FUZZ_DEFAULTS.workers, heap, largest = FUZZ_DEFAULTS.largest, preset, seconds } = options;
    this.workers = workers;
    this.settings = heap === undefined ? settingsWith(preset, workers) : [settingOf(heap, largest)];
    this.reached = new Reached(workers);
    this.endsAt = this.startedAt + (seconds ?? Infinity) * 1000;
  }

  async search(seed: number): Promise<FuzzReport> {
    const { seconds, runs = seconds === undefined ? FUZZ_DEFAULTS.runs : Infinity } = this.options;
    try {
      for (let batch = 0; this.runs < runs && performance.now() < this.endsAt; batch++)
        await this.check((seed + batch) % 2 ** 31, Math.min(BATCH_RUNS, runs - this.runs));
    } finally {
      await this.pool.close();
    }
    return this.report(seed);
  }

  async replay(seed: number, path: string): Promise<FuzzReport> {
    try {
      await this.check(seed, 1, path);
    } finally {
      await this.pool.close();
    }
    return this.report(seed);
  }

  private report(seed: number): FuzzReport {
    const { runs, commands, seconds } = this.progress();
    return { seed, runs, commands, seconds, reached: this.reached.toObject() };
  }

  private progress(): FuzzProgress {
    return {
      phase: this.failedAt === undefined ? 'searching' : 'shrinking',
      seed: this.seed,
      runs: this.runs,
      commands: this.commands,
      seconds: (performance.now() - this.startedAt) / 1000,
    };
  }

  /** The runs of one seed; throws FuzzError. With a path, only what lies there. */
  private async check(seed: number, runs: number, replay?: string): Promise<void> {
    this.seed = seed;
    const setting = this.settings[seed % this.settings.length];
    const [path = '', replayPath] = replay?.split('@') ?? [];
    const arbitrary = heapCommands({
      largest: setting.largest,
      workers: this.workers,
      maxCommands: this.options.commands ?? FUZZ_DEFAULTS.commands,
      hasGuest: this.options.guest !== undefined,
      replayPath,
    });
    const end = replay === undefined ? runs : this.runs + 1;
    const property = fc.asyncProperty(arbitrary, async (commands) => {
      if (replay !== undefined && this.runs === end) return;
      await this.run(setting, commands);
    });
    const details = await fc.check(property, { seed, numRuns: runs, path, endOnFailure: replay !== undefined });
    if (details.failed) throw this.failure(details, setting, seed);
  }

  private async run(setting: Setting, commands: Iterable<HeapCommand>): Promise<void> {
    const now = performance.now();
    const isShrinking = this.failedAt !== undefined;
    if (now > (isShrinking ? this.failedAt! + SHRINK_SECONDS_MOST * 1000 : this.endsAt)) return;
    const log: string[] = [];
    const { workers, pool } = this;
    const { wrap, guest } = this.options;
    const reached = isShrinking ? new Reached(workers) : this.reached;
    if (!isShrinking) this.runs++;
    try {
      await play({ setting, workers, pool, reached, wrap, guest }, commands, log);
      if (!isShrinking) this.commands += log.length - 1;
    } catch (error) {
      this.failedAt ??= performance.now();
      this.failedLog = log;
      throw error;
    } finally {
      this.tell(isShrinking);
    }
  }

  private tell(isShrinking: boolean): void {
    const now = performance.now();
    if (isShrinking && now < this.toldAt + PROGRESS_EVERY_MS) return;
    this.toldAt = now;
    this.options.onProgress?.(this.progress());
  }

  private failure(details: fc.RunDetails<[Iterable<HeapCommand>]>, { options }: Setting, seed: number): FuzzError {
    const replayPath = /replayPath="([^"]*)"/.exec(fc.stringify(details.counterexample))?.[1] ?? ':';
    const path = `${details.counterexamplePath}@${replayPath}`;
    const found = { seed, path, heap: options, commands: this.failedLog, runs: this.runs };
    return new FuzzError(found, details.errorInstance, replayOf(this.options, seed, path));
  }
}

/** The call that does it again, except for what only the caller can write: functions. */
function replayOf(options: FuzzOptions, seed: number, path: string): string {
  const { workers, commands, preset, heap, largest, guest, wrap } = options;
  const given = Object.entries({ seed, path, workers, commands, preset, heap, largest })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  const functions = Object.entries({ guest, wrap }).filter(([, value]) => value !== undefined);
  return `fuzzHeap({ ${[...given, ...functions.map(([name]) => name)].join(', ')} })`;
}

/**
 * Drives heaps with random calls, right and wrong, of one thread or of several in lock step, and compares each heap with a
 * model after every call. Throws a FuzzError with the fewest calls that fail, and FuzzOptionError for wrong options.
 */
export async function fuzzHeap(options: FuzzOptions = {}): Promise<FuzzReport> {
  checkFuzzOptions(options);
  const { seed = Math.floor(Math.random() * 2 ** 31), path } = options;
  const fuzzing = new Fuzzing(options);
  return path === undefined ? fuzzing.search(seed) : fuzzing.replay(seed, path);
}
