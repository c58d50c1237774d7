import { Geometry } from '../layout/geometry.js';

/**
 * The options table: the one place where an option is named, typed, bounded, defaulted and explained. Types, validation,
 * command-line flags, preset checks and `docs/CONFIGURATION.md` come from it. No default is written anywhere else.
 *
 * `heap` options are fixed when the region is made: they are stored in its header, so that all workers agree.
 * `call` options belong to the `Heap.create` call itself and say where the memory comes from.
 */
export type OptionGroup = 'core' | 'cache' | 'refill' | 'debug';
export type OptionScope = 'heap' | 'call';

interface OptionBase {
  readonly group: OptionGroup;
  readonly scope: OptionScope;
  readonly since: string;
  /** What it does and when to touch it. */
  readonly doc: string;
  readonly conflictsWith?: readonly string[];
}

export interface IntegerOption extends OptionBase {
  readonly type: 'integer';
  readonly unit: 'bytes' | 'blocks' | 'workers' | 'slabs' | 'slots';
  readonly min: number;
  readonly max: number;
  /** undefined: absent unless given. */
  readonly default: number | undefined;
}

export interface BooleanOption extends OptionBase {
  readonly type: 'boolean';
  readonly default: boolean;
}

export interface ChoiceOption extends OptionBase {
  readonly type: 'choice';
  readonly choices: readonly string[];
  readonly default: string;
}

export interface MemoryOption extends OptionBase {
  readonly type: 'memory';
  readonly default: undefined;
}

export type OptionSpec = IntegerOption | BooleanOption | ChoiceOption | MemoryOption;

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
    doc: 'Largest size the region may grow to. Address space is reserved for all of it where the runtime can, memory is used only as it is touched; raise it when the heap throws ERR_HEAP_OUT_OF_MEMORY.',
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
  },
  backing: {
    type: 'choice',
    choices: ['auto', 'growable', 'wasm', 'fixed'],
    default: 'auto',
    group: 'core',
    scope: 'call',
    since: '0.1.0',
    conflictsWith: ['memory'],
    doc: 'What the region is made of: a growable SharedArrayBuffer, a shared WebAssembly.Memory, or a SharedArrayBuffer of fixed size. `auto` takes the first that the runtime offers, in this order.',
  },
  memory: {
    type: 'memory',
    default: undefined,
    group: 'core',
    scope: 'call',
    since: '0.1.0',
    conflictsWith: ['backing'],
    doc: 'A SharedArrayBuffer or shared WebAssembly.Memory of yours for the heap to live in; use memoryOffset and memoryBytes for a part of it. The heap takes what is there; a WebAssembly.Memory or growable buffer that may grow needs maxBytes too.',
  },
  memoryOffset: {
    type: 'integer',
    unit: 'bytes',
    min: 0,
    max: Geometry.REGION_MAX_BYTES,
    default: undefined,
    group: 'core',
    scope: 'call',
    since: '0.1.0',
    doc: 'Where in `memory` the region begins, rounded up to 4096. Needs `memory`.',
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
    conflictsWith: ['maxBytes'],
    doc: 'How many bytes of `memory` the region may use, from memoryOffset on. Needs `memory`; without it the region takes the rest.',
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
    doc: 'The same for hot classes, blocks up to 128 bytes.',
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
  },
  countHits: {
    type: 'boolean',
    default: false,
    group: 'debug',
    scope: 'heap',
    since: '0.1.0',
    doc: 'Count every allocation that a cache serves, for `stats().cacheHits`. Takes every call off the fast path.',
  },
  poison: {
    type: 'boolean',
    default: false,
    group: 'debug',
    scope: 'heap',
    since: '0.1.0',
    doc: 'Fill blocks with 0xFA when they are handed out and 0xDF when they are freed, so that reading uninitialised or freed memory shows. Takes every call off the fast path.',
  },
} as const satisfies Record<string, OptionSpec>;

export type OptionName = keyof typeof OPTIONS;

type ValueOf<Spec extends OptionSpec> = Spec extends IntegerOption
  ? number
  : Spec extends BooleanOption
    ? boolean
    : Spec extends ChoiceOption
      ? Spec['choices'][number]
      : SharedArrayBuffer | WebAssembly.Memory;

/** Any option of the table, each optional. */
export type HeapOptions = { readonly [Name in OptionName]?: ValueOf<(typeof OPTIONS)[Name]> };

/** The heap-wide options with their effective values, as numbers: what the header stores. */
export type HeapSettings = {
  readonly [Name in OptionName as (typeof OPTIONS)[Name] extends { scope: 'heap' } ? Name : never]: number;
};

export const OPTION_NAMES = Object.keys(OPTIONS) as OptionName[];
export const SETTING_NAMES = OPTION_NAMES.filter((name) => OPTIONS[name].scope === 'heap') as (keyof HeapSettings)[];
