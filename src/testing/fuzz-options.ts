import { PRESETS, resolveOptions, type PresetName } from '../config/index.js';
import { type CreateOptions, type Heap } from '../index.js';
import { type Guest } from './guest.js';
import { type Wrap } from './party.js';
import { PRESET_NAMES } from './settings.js';

/** How far a fuzzing has come. */
export interface FuzzProgress {
  /** Once it has found a failure it shrinks it. */
  readonly phase: 'searching' | 'shrinking';
  /** Of the last run: should the next one hang, a fuzzing with this seed leads to it. */
  readonly seed: number;
  readonly runs: number;
  readonly commands: number;
  readonly seconds: number;
}

export interface FuzzOptions {
  /** Runs, each with a heap of its own. By default 200, or with `seconds` as many as fit. */
  readonly runs?: number | undefined;
  /** Ends after so many seconds, whatever the number of runs. */
  readonly seconds?: number | undefined;
  /** The same seed does the same. Another each time, unless given. */
  readonly seed?: number | undefined;
  /** Where below the seed a failure lies, as a FuzzError says it: runs that alone. */
  readonly path?: string | undefined;
  /** Worker threads besides the calling one, driven in lock step. 0 unless given. */
  readonly workers?: number | undefined;
  /** Most commands of a run; 100 unless given. */
  readonly commands?: number | undefined;
  /** Fuzzes heaps of this preset only, large ones and small ones. Without it every preset has its turn. */
  readonly preset?: PresetName | undefined;
  /** Fuzzes heaps made with exactly these options. Excludes `preset`. */
  readonly heap?: CreateOptions | undefined;
  /** Largest request in bytes, for heaps made with `heap`; 64 KiB unless given. */
  readonly largest?: number | undefined;
  /** Code of yours that uses the heap, driven between calls of the fuzzer's own. */
  readonly guest?: ((heap: Heap) => Guest | Promise<Guest>) | undefined;
  /** Puts something between the fuzzer and the heap of the calling thread: instruments, or a planted bug. */
  readonly wrap?: Wrap | undefined;
  /** Called after every run, and a few times a second while a failure is shrunk. */
  readonly onProgress?: ((progress: FuzzProgress) => void) | undefined;
}

export const FUZZ_DEFAULTS = { runs: 200, workers: 0, commands: 100, largest: 65_536 } as const;

/** Bounds of the options that are numbers. */
export const FUZZ_LIMITS = {
  runs: { min: 1, max: 1e9 },
  seconds: { min: 1, max: 1e7 },
  seed: { min: 0, max: 2 ** 31 - 1 },
  workers: { min: 0, max: 16 },
  commands: { min: 1, max: 10_000 },
  largest: { min: 64, max: 2 ** 30 },
} as const;

/** An option of `fuzzHeap` is wrong; the message says what would be right. */
export class FuzzOptionError extends TypeError {
  constructor(
    readonly option: string,
    message: string,
  ) {
    super(message);
    this.name = 'FuzzOptionError';
  }
}

const PATH_PATTERN = /^\d+(:\d+)*@[A-Za-z0-9+/]*:[A-Za-z0-9+/]*$/;

function fail(option: string, message: string): never {
  throw new FuzzOptionError(option, message);
}

/** Throws FuzzOptionError, or the heap's own ERR_HEAP_CONFIG where the options of a heap are wrong. */
export function checkFuzzOptions(options: FuzzOptions): void {
  for (const [name, { min, max }] of Object.entries(FUZZ_LIMITS)) {
    const value = options[name as keyof typeof FUZZ_LIMITS];
    if (value !== undefined && !(Number.isInteger(value) && value >= min && value <= max))
      fail(name, `${name} is ${value}; it must be an integer from ${min} to ${max}`);
  }
  const { preset, heap, path, seed, largest, workers = FUZZ_DEFAULTS.workers } = options;
  if (preset !== undefined && !Object.hasOwn(PRESETS, preset))
    fail('preset', `there is no preset "${preset}"; there are ${PRESET_NAMES.join(', ')}`);
  if (preset !== undefined && heap !== undefined)
    fail('preset', 'give either preset or heap: heap may name a preset itself');
  if (heap !== undefined) checkHeap(heap, workers);
  if (largest !== undefined && heap === undefined)
    fail('largest', 'largest goes with heap: give the options of one too');
  if (path !== undefined && seed === undefined) fail('path', 'a path leads on from a seed: give the seed too');
  if (path !== undefined && !PATH_PATTERN.test(path))
    fail('path', `"${path}" is no path; copy it as it stands from the replay line of a failure`);
}

function checkHeap(heap: CreateOptions, workers: number): void {
  if (heap.memory !== undefined)
    fail('heap', 'every run makes a heap of its own: give maxBytes and backing instead of memory');
  const { maxWorkers } = resolveOptions(heap).settings;
  if (maxWorkers < workers + 1)
    fail('heap', `maxWorkers is ${maxWorkers}; ${workers} workers and the main thread need ${workers + 1}`);
}
