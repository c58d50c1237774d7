import { InvalidArgumentError, Option } from 'commander';
import { PRESETS, type PresetName } from '../config/index.js';
import { FUZZ_DEFAULTS, FUZZ_LIMITS } from '../testing/index.js';

/** Flags of the commands, as they are typed in; each is refused with a sentence that says what would be right. */

export interface FuzzFlags {
  readonly runs?: number;
  readonly seed?: number;
  readonly preset?: PresetName;
  readonly workers: number;
  /** Seconds. */
  readonly time?: number;
  readonly path?: string;
  readonly use?: string;
}

type Limits = (typeof FUZZ_LIMITS)[keyof typeof FUZZ_LIMITS];

function integer({ min, max }: Limits, example: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Write an integer from ${min} to ${max}, such as ${example}.`);
  };
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

function duration({ min, max }: Limits): (text: string) => number {
  return (text) => {
    const [, digits = '', unit = 's'] = /^(\d+)([smh])?$/.exec(text) ?? [];
    const seconds = digits === '' ? NaN : Number(digits) * UNIT_SECONDS[unit];
    if (seconds >= min && seconds <= max) return seconds;
    throw new InvalidArgumentError(
      `Write seconds, minutes or hours, such as 30s, 10m or 2h, from ${min} second to ${max} seconds.`,
    );
  };
}

export const FUZZ_OPTIONS: readonly Option[] = [
  new Option(
    '--runs <n>',
    `runs, each with a heap of its own (default: ${FUZZ_DEFAULTS.runs}, or as many as --time allows)`,
  ).argParser(integer(FUZZ_LIMITS.runs, 1000)),
  new Option('--time <duration>', 'end after this time, whatever the number of runs: 30s, 10m, 2h').argParser(
    duration(FUZZ_LIMITS.seconds),
  ),
  new Option('--seed <n>', 'the same seed makes the same calls (default: another each time)').argParser(
    integer(FUZZ_LIMITS.seed, 42),
  ),
  new Option('--preset <name>', 'heaps of this preset only (default: every preset in turn)').choices(
    Object.keys(PRESETS),
  ),
  new Option('--workers <n>', 'worker threads besides the main one, driven in lock step')
    .argParser(integer(FUZZ_LIMITS.workers, 3))
    .default(FUZZ_DEFAULTS.workers),
  new Option('--path <path>', 'do again only what lies there below the --seed: from the replay line of a failure'),
  new Option(
    '--use <module>',
    'your own code: a module that exports guest(heap), or wrap(heap), as README.md explains',
  ),
];
