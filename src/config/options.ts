import { Geometry } from '../layout/geometry.js';
import type { BooleanOption, ChoiceOption, IntegerOption, OptionSpec, TextOption } from './option-spec.js';

/**
 * The options table: the one place where an option is named, typed, bounded, defaulted and explained. Types, validation,
 * command-line flags, environment variables, the JSON Schema of presets and `docs/CONFIGURATION.md` come from it. No default
 * is written anywhere else.
 *
 * `heap` options are fixed when the region is made: they are stored in its header, so that all workers agree.
 * `call` options belong to the `Heap.create` call itself: where the memory comes from, what this worker writes where.
 */

export const OPTIONS = {
  maxBytes: {
    type: 'integer',
    unit: 'bytes',
    min: Geometry.REGION_MIN_BYTES,
    max: Geometry.REGION_MAX_BYTES,
    default: 1073741824,
    group: 'core',
    scope: 'heap',
    since: '0.1.0',
    conflictsWith: ['memoryBytes'],
    doc: 'Largest size the region may grow to. Address space is reserved for all of it where the runtime can; memory is used only as it is touched.',
    when: 'Raise it when the heap throws ERR_HEAP_OUT_OF_MEMORY, lower it where address space is short.',
  },
  maxWorkers: {
    type: 'integer',
    unit: 'workers',
    min: 1,
    max: Geometry.WORKERS_MAX,
    default: 64,
    group: 'core',
    scope: 'heap',
    since: '0.1.0',
    doc: 'Most workers attached at the same time; a slot costs 64 bytes. Slots of workers that left or died are used again.',
    when: 'Raise it for more threads than the default allows.',
  },
  backing: {
    type: 'choice',
    choices: ['auto', 'growable', 'wasm', 'fixed'],
    default: 'auto',
    open: 'auto',
    group: 'core',
    scope: 'call',
    since: '0.1.0',
    conflictsWith: ['memory'],
    doc: 'What the region is made of: a growable SharedArrayBuffer, a shared WebAssembly.Memory, or a SharedArrayBuffer of fixed size. `auto` takes the first that the runtime offers, in this order.',
    when: 'Choose `wasm` to share the region with a WebAssembly module, `fixed` where a growing buffer is not accepted.',
  },
  memory: {
    type: 'memory',
    default: undefined,
    group: 'core',
    scope: 'call',
    since: '0.1.0',
    conflictsWith: ['backing'],
    doc: 'A SharedArrayBuffer or shared WebAssembly.Memory of yours for the heap to live in. The heap takes what is there; a WebAssembly.Memory or growable buffer that may grow needs maxBytes too.',
    when: 'Give it when the memory is made elsewhere, as by a WebAssembly module.',
  },
  memoryOffset: {
    type: 'integer',
    unit: 'bytes',
    min: 0,
    max: Geometry.REGION_MAX_BYTES,
    default: 0,
    group: 'core',
    scope: 'call',
    since: '0.1.0',
    needs: 'memory',
    doc: 'Where in `memory` the region begins, rounded up to 4096.',
    when: 'Set it when the beginning of the memory is in use already.',
  },
  memoryBytes: {
    type: 'integer',
    unit: 'bytes',
    min: Geometry.REGION_MIN_BYTES,
    max: Geometry.REGION_MAX_BYTES,
    default: undefined,
    group: 'core',
    scope: 'call',
    since: '0.1.0',
    needs: 'memory',
    conflictsWith: ['maxBytes'],
    doc: 'How many bytes of `memory` the region may use, from memoryOffset on; without it the region takes the rest.',
    when: 'Set it when the end of the memory belongs to somebody else.',
  },
  prewarmBytes: {
    type: 'integer',
    unit: 'bytes',
    min: 0,
    max: Geometry.REGION_MAX_BYTES,
    default: 0,
    group: 'core',
    scope: 'call',
    since: '0.1.0',
    doc: 'Bytes of the region that are made and touched when it is created, as far as it may grow: the operating system hands out memory at its first touch, page by page, and that is what the first allocations wait for.',
    when: 'Set it to what the program will use, where the first seconds must be as fast as the others.',
  },
  cacheCapacity: {
    type: 'integer',
    unit: 'blocks',
    min: 4,
    max: 500,
    default: 164,
    group: 'cache',
    scope: 'heap',
    since: '0.1.0',
    doc: 'Most blocks of one class that a worker keeps at hand. Higher serves bigger bursts without a refill and makes the control block of every worker bigger.',
    when: 'Raise it when `stats().cacheMisses` grows with bursts of small blocks, lower it for many workers in a small region.',
  },
  cacheBytes: {
    type: 'integer',
    unit: 'bytes',
    min: 0,
    max: 16777216,
    default: 196608,
    group: 'cache',
    scope: 'heap',
    since: '0.1.0',
    doc: 'Most bytes of one class in each tier of that cache, and never more than a 64th of maxBytes: caps the number of blocks of the bigger classes, but leaves 4, or 1 in a small region.',
    when: 'Raise it when bursts of blocks of several KiB miss, lower it to hold less memory.',
  },
  magazineCapacity: {
    type: 'integer',
    unit: 'blocks',
    min: 0,
    max: 64,
    default: 16,
    group: 'cache',
    scope: 'heap',
    since: '0.1.0',
    doc: 'Second tier of the cache for Mid blocks (over 1 KiB): a ring that takes what the stack spills and refills it first. 0 turns it off.',
    when: 'Lower it to hold less memory, raise it when Mid blocks are freed and allocated in long waves.',
  },
  warmCaches: {
    type: 'integer',
    unit: 'bytes',
    min: 0,
    max: Geometry.SLAB_BLOCK_MAX_BYTES,
    default: 0,
    group: 'cache',
    scope: 'heap',
    since: '0.1.0',
    doc: 'Largest size of blocks of which a worker fills its caches when it attaches, by one refill of each class; 0 for none. What is not used is held until the next `collect()`.',
    when: 'Set it to the sizes of a worker that must not meet a slow call at its start.',
  },
  refillMax: {
    type: 'integer',
    unit: 'blocks',
    min: 1,
    max: 500,
    default: 96,
    group: 'refill',
    scope: 'heap',
    since: '0.1.0',
    doc: 'Most blocks one refill takes from the slabs for the smallest classes; a quarter of it for the biggest. Never more than the cache has room for.',
    when: 'Lower it when workers allocate little each, raise it when one allocates in long runs.',
  },
  refillMaxHot: {
    type: 'integer',
    unit: 'blocks',
    min: 1,
    max: 500,
    default: 128,
    group: 'refill',
    scope: 'heap',
    since: '0.1.0',
    doc: 'The same as refillMax for hot classes, blocks up to 128 bytes.',
    when: 'As refillMax.',
  },
  spillHysteresis: {
    type: 'integer',
    unit: 'blocks',
    min: 1,
    max: 250,
    default: 32,
    group: 'refill',
    scope: 'heap',
    since: '0.1.0',
    doc: 'How far below its capacity a full cache is emptied, so that the next frees find room again. At most half the capacity is spilled.',
    when: 'Lower it when frees and allocations alternate in short waves, raise it when frees come in long runs.',
  },
  transferSlots: {
    type: 'integer',
    unit: 'slots',
    min: 0,
    max: 16,
    default: 0,
    group: 'refill',
    scope: 'heap',
    since: '0.1.0',
    doc: 'Transfer cache: Mid blocks of one class that other workers may hand back to their owner directly, without queueing the slab. Off: it was never faster (docs/decisions/0006-tiers.md).',
    when: 'Try a few slots when one worker allocates Mid blocks that others free, and measure.',
  },
  transferBudget: {
    type: 'integer',
    unit: 'blocks',
    min: 1,
    max: 16,
    default: 8,
    group: 'refill',
    scope: 'heap',
    since: '0.1.0',
    doc: 'Most blocks one allocation takes out of the transfer cache.',
    when: 'Only together with transferSlots.',
  },
  emptySlabsKept: {
    type: 'integer',
    unit: 'slabs',
    min: 0,
    max: 16,
    default: 1,
    group: 'refill',
    scope: 'heap',
    since: '0.1.0',
    doc: 'Slabs without a live block that a worker keeps per class instead of returning their pages at once.',
    when: 'Raise it when whole slabs come and go in a loop, set 0 where other classes or workers need the pages sooner.',
  },
  profileLevel: {
    type: 'integer',
    unit: 'level',
    min: 0,
    max: 3,
    default: 0,
    group: 'debug',
    scope: 'heap',
    since: '0.1.0',
    doc: 'What is counted of the calls that caches serve. 0: nothing. 1: one call in `sampleEvery` counts for all of them, so totals are estimates without bias. 2: every call; none takes the fast path. 3: as 2, and every allocation and free is recorded in trace rings.',
    when: 'Set 1 to watch a program at work, 2 to size caches exactly; `sabmalloc record` sets 3.',
  },
  sampleEvery: {
    type: 'integer',
    unit: 'calls',
    min: 1,
    max: 1048576,
    default: 256,
    group: 'debug',
    scope: 'heap',
    since: '0.1.0',
    doc: 'Mean distance between two calls that profileLevel 1 counts. The distances are random, so that no rhythm of the program falls in with them.',
    when: 'Lower it for closer estimates of rare sizes, raise it to disturb less.',
  },
  traceCapacity: {
    type: 'integer',
    unit: 'events',
    min: 64,
    max: 1048576,
    default: 8192,
    group: 'debug',
    scope: 'heap',
    since: '0.1.0',
    doc: 'Events that the trace ring of each worker holds at profileLevel 3, 24 bytes each; all rings together never take more than a 16th of maxBytes. A full ring drops what comes until somebody drains it.',
    when: 'Raise it when you drain rings yourself and events are dropped.',
  },
  statsInterval: {
    type: 'integer',
    unit: 'milliseconds',
    min: 10,
    max: 86400000,
    default: undefined,
    group: 'debug',
    scope: 'call',
    since: '0.1.0',
    needs: 'statsFile',
    doc: 'How often the worker that made the heap writes its statistics to `statsFile`, besides once at its end.',
    when: 'Set it to watch a heap over time.',
  },
  statsFile: {
    type: 'text',
    unit: 'file',
    default: undefined,
    group: 'debug',
    scope: 'call',
    since: '0.1.0',
    doc: 'File for the statistics of the heap: a name that ends in `.prom` is replaced each time by Prometheus text, to any other a line of JSON is appended. Written when the worker that made the heap detaches or exits.',
    when: 'Give it where a collector reads files, or to look at a run afterwards.',
  },
  poison: {
    type: 'boolean',
    default: false,
    group: 'debug',
    scope: 'heap',
    since: '0.1.0',
    doc: 'Fill blocks with 0xFA when they are handed out, 0xDF when their owner frees them, 0xDE when another worker does, and 0xAD when they come from a worker that left, so that reading such memory shows. Freed memory that no longer holds its filling was written after it was freed. Takes every call off the fast path.',
    when: 'Turn it on in tests and to look for a use after free.',
  },
  headers: {
    type: 'choice',
    choices: ['none', 'light', 'full'],
    default: 'none',
    group: 'debug',
    scope: 'heap',
    since: '0.1.0',
    doc: 'What blocks carry at their end. `light`: 8 bytes written when a slab is carved, checked at every free, which finds writes past the end. `full`: 32 bytes and the rest of the block filled, which finds a write of a single byte past the end, and say how large the block is, who allocated and who freed it. Both take every call off the fast path.',
    when: '`light` where a program overruns its blocks in production, `full` in tests.',
  },
  quarantineBytes: {
    type: 'integer',
    unit: 'bytes',
    min: 0,
    max: 268435456,
    default: 0,
    group: 'debug',
    scope: 'heap',
    since: '0.1.0',
    worksWith: { option: 'headers', value: 'full' },
    doc: 'Bytes of freed blocks that each worker holds back before they may be allocated again, the oldest first to go, so that a stale address meets no new block; never more than a 64th of maxBytes. With `poison` they are looked at when they leave. Large blocks (spans) are not held back.',
    when: 'Raise it when a use after free shows only as a wrong value in another block.',
  },
  callSiteEvery: {
    type: 'integer',
    unit: 'allocations',
    min: 0,
    max: 1048576,
    default: 0,
    group: 'debug',
    scope: 'heap',
    since: '0.1.0',
    worksWith: { option: 'headers', value: 'full' },
    doc: 'Record the place in the program that allocates, and that frees: 1 for every call, N for one in N at random, 0 for none. Errors, the leak report and `blocks()` name it. A recorded call takes some microseconds; a heap remembers up to 1,000 places.',
    when: 'Take 1 in tests, some hundreds where every call is too slow.',
  },
  guardEvery: {
    type: 'integer',
    unit: 'allocations',
    min: 0,
    max: 1048576,
    default: 0,
    group: 'debug',
    scope: 'heap',
    since: '0.1.0',
    worksWith: { option: 'headers', value: 'full' },
    doc: 'Put a page of 4 KiB that no block uses behind one in N allocations at random, 0 for none. A write far past the end lands in it, harms nobody and is found at the free or by `check()`.',
    when: 'Turn it on when blocks are found overwritten by whole records rather than by a few bytes.',
  },
  leakReport: {
    type: 'choice',
    choices: ['off', 'end', 'detach'],
    default: 'off',
    group: 'debug',
    scope: 'heap',
    since: '0.1.0',
    doc: 'Print what is still live, grouped by worker and place of allocation: `end`: when the worker that created the heap detaches or its thread exits; `detach`: also of each other worker what it allocated, when that one leaves.',
    when: 'In tests and in programs that should end with an empty heap. `heap.leaks()` gives the same at any time.',
  },
  debugLevel: {
    type: 'integer',
    unit: 'level',
    min: 0,
    max: 3,
    default: 0,
    group: 'debug',
    scope: 'heap',
    since: '0.1.0',
    doc: 'What the heap says on the console: 0 nothing; 1 damage that it finds outside a call that can throw; 2 also workers that come and go, growth and adoption; 3 also every allocation and free.',
    when: 'Take 1 in tests, 2 and 3 to follow a small program. 3 takes every call off the fast path.',
  },
  learnCaches: {
    type: 'boolean',
    default: false,
    group: 'learning',
    scope: 'heap',
    since: '0.1.0',
    doc: 'Each worker learns how many blocks the cache of each class holds and how many a refill takes, from its misses and spills. What cacheCapacity, cacheBytes, refillMax and refillMaxHot say is then the most; each class begins with a quarter.',
    when: 'Turn it on together with a large cacheCapacity and cacheBytes, so that only the classes that need it hold much. docs/LEARNING.md has figures.',
  },
  learnMemory: {
    type: 'boolean',
    default: false,
    group: 'learning',
    scope: 'heap',
    since: '0.1.0',
    doc: 'Each worker learns how many empty slabs each class keeps, beginning with emptySlabsKept, and how often to return what caches and empty slabs hold while the heap grows.',
    when: 'Turn it on where committed memory matters more than speed. docs/LEARNING.md has figures.',
  },
  learnLog: {
    type: 'text',
    unit: 'file',
    default: undefined,
    group: 'learning',
    scope: 'call',
    since: '0.1.0',
    doc: 'Path of a CSV file that says what the worker that makes the heap has learned, step by step; written anew, added to by `collect()` and `detach()`.',
    when: 'Give it to see what learnCaches and learnMemory do.',
  },
} as const satisfies Record<string, OptionSpec>;

export type OptionName = keyof typeof OPTIONS;

type ValueOf<Spec extends OptionSpec> = Spec extends IntegerOption
  ? number
  : Spec extends BooleanOption
    ? boolean
    : Spec extends ChoiceOption
      ? Spec['choices'][number]
      : Spec extends TextOption
        ? string
        : SharedArrayBuffer | WebAssembly.Memory;

/** Any option of the table, each optional. */
export type HeapOptions = { readonly [Name in OptionName]?: ValueOf<(typeof OPTIONS)[Name]> };

/** Every option with its effective value: undefined only where the table has no default. */
export type EffectiveOptions = {
  readonly [Name in OptionName]: (typeof OPTIONS)[Name] extends { default: undefined }
    ? ValueOf<(typeof OPTIONS)[Name]> | undefined
    : ValueOf<(typeof OPTIONS)[Name]>;
};

/** Values of `headers`, as settings have them. */
export const enum Headers {
  NONE,
  LIGHT,
  FULL,
}

/** Values of `debugLevel`: what a heap says on the console, each with those below. */
export const enum DebugLevel {
  DAMAGE = 1,
  EVENTS,
  CALLS,
}

/** Values of `leakReport`, as settings have them. */
export const enum LeakReport {
  OFF,
  END,
  DETACH,
}

/** The heap-wide options with their effective values, as numbers, of a choice its place among the choices: what the header stores. */
export type HeapSettings = {
  readonly [
    Name in OptionName as (typeof OPTIONS)[Name] extends { deprecated: { successor: string } }
      ? never
      : (typeof OPTIONS)[Name] extends { scope: 'heap' }
        ? Name
        : never
  ]: number;
};

/** Whether the header stores it: a heap-wide option that has not handed its value on to a successor. */
const isStored = (spec: OptionSpec): boolean => spec.scope === 'heap' && spec.deprecated?.successor === undefined;

export const OPTION_NAMES = Object.keys(OPTIONS) as OptionName[];
export const SETTING_NAMES = OPTION_NAMES.filter((name) => isStored(OPTIONS[name])) as (keyof HeapSettings)[];

/** The number that stands for a value in the settings. */
export function settingOf(name: OptionName, value: unknown): number {
  const spec: OptionSpec = OPTIONS[name];
  return spec.type === 'choice' ? spec.choices.indexOf(value as string) : Number(value);
}

/** True if the number stands for a value that the option may have. */
export function isSetting(name: OptionName, setting: number): boolean {
  const spec: OptionSpec = OPTIONS[name];
  if (spec.type === 'integer') return setting >= spec.min && setting <= spec.max;
  if (spec.type === 'choice') return setting >= 0 && setting < spec.choices.length;
  return setting === 0 || setting === 1;
}
