/** What one run does and what it found: the vocabulary of all other files here. */

export const BENCH_NAMES = [
  'larson',
  'random-mixed',
  'tiny-hot',
  'producer-consumer',
  'worker-ring',
  'short-lived',
  'arrays',
  'records',
  'replay',
] as const;
export type BenchName = (typeof BENCH_NAMES)[number];

/** The allocator of this project, as it is called among its rivals. */
export const OWN = 'sabmalloc';

export const ORDERS = ['lifo', 'fifo'] as const;
export type Order = (typeof ORDERS)[number];

export type OptionValue = string | number | boolean;

/** Everything that decides what a run does. Plain data: it travels to workers and, as flags, to child processes. */
export interface Spec {
  readonly bench: BenchName;
  /** `sabmalloc`, or a name of the rivals' catalogue. */
  readonly allocator: string;
  readonly workers: number;
  /** Sizes are uniform from sizeMin to sizeMax; tiny-hot takes each of `sizes` by itself. */
  readonly sizeMin: number;
  readonly sizeMax: number;
  readonly sizes: readonly number[];
  /** Orders of tiny-hot. */
  readonly orders: readonly Order[];
  /** Blocks a worker keeps alive; of the benches that hand blocks over through rings, the length of a ring. */
  readonly slots: number;
  readonly rounds: number;
  /** Rounds before the measured ones. */
  readonly warmup: number;
  /** Mallocs plus frees of one worker in one round. */
  readonly ops: number;
  /** Blocks freed, and then allocated, in a row; with rings the blocks handed over at once. */
  readonly burst: number;
  readonly seed: number;
  readonly touch: boolean;
  readonly verify: boolean;
  /** Of replay: the name of a trace or a file, and whether one worker does everything. */
  readonly trace: string;
  readonly single: boolean;
  /** Of arrays: allocUnsafe instead of alloc. */
  readonly unsafe: boolean;
  readonly preset: string;
  /** Heap options beside the preset. */
  readonly options: Readonly<Record<string, OptionValue>>;
}

/** What the workers of one case measured together. */
export interface Measure {
  readonly label: string;
  readonly ops: number;
  readonly seconds: number;
  readonly checksum: number;
}

export interface MemoryUse {
  readonly committedBytes: number;
  readonly peakCommittedBytes: number;
}

export interface ReplayNumbers {
  readonly trace: string;
  readonly events: number;
  readonly nsPerEvent: number;
  readonly peakLiveBytes: number;
  readonly peakCommittedBytes?: number;
  readonly committedPerLive?: number;
}

export interface Environment {
  readonly node: string;
  readonly cpu: string;
  readonly cores: number;
  readonly loadAverage: readonly number[];
  readonly platform: string;
  readonly command: string;
}

export interface CaseResult {
  readonly label: string;
  readonly mops: number;
  readonly seconds: number;
}

export interface Result {
  readonly bench: BenchName;
  readonly allocator: string;
  readonly workers: number;
  readonly sizeMin: number;
  readonly sizeMax: number;
  /** Millions of mallocs plus frees (of replay: of events) a second, all workers together. */
  readonly mops: number;
  readonly seconds: number;
  readonly ops: number;
  /** Of the work done: equal for equal flags, whatever the allocator. */
  readonly checksum: string;
  readonly preset: string;
  readonly runtime: string;
  readonly slots: number;
  readonly rounds: number;
  readonly warmupRounds: number;
  readonly burst: number;
  readonly seed: number;
  readonly touch: boolean;
  readonly verify: boolean;
  readonly options: Readonly<Record<string, OptionValue>>;
  readonly memory?: MemoryUse;
  readonly replay?: ReplayNumbers;
  /** Where one run consists of several cases: each by itself. */
  readonly cases?: readonly CaseResult[];
  readonly environment: Environment;
}

/** One size and order of tiny-hot each; every other bench is one case. */
export function casesOf(spec: Spec): { label: string; spec: Spec }[] {
  if (spec.bench !== 'tiny-hot') return [{ label: spec.bench, spec }];
  return spec.sizes.flatMap((size) =>
    spec.orders.map((order) => ({
      label: `${size} B ${order}`,
      spec: { ...spec, sizes: [size], sizeMin: size, sizeMax: size, orders: [order] },
    })),
  );
}

const sizeFlags = (spec: Spec): string[] => {
  switch (spec.bench) {
    case 'replay':
      return [];
    case 'arrays':
      return ['--length', `${spec.sizeMin / Float32Array.BYTES_PER_ELEMENT}`];
    case 'tiny-hot':
      return ['--size', spec.sizes.join(',')];
    default:
      return ['--size', spec.sizeMin === spec.sizeMax ? `${spec.sizeMin}` : `${spec.sizeMin}-${spec.sizeMax}`];
  }
};

const ownFlags = (spec: Spec): string[] => {
  const common = ['--workers', `${spec.workers}`, '--ops', `${spec.ops}`];
  switch (spec.bench) {
    case 'larson':
    case 'producer-consumer':
    case 'worker-ring':
      return [...common, '--slots', `${spec.slots}`, '--burst', `${spec.burst}`];
    case 'random-mixed':
      return [...common, '--live', `${spec.slots}`];
    case 'tiny-hot':
      return [...common, '--slots', `${spec.slots}`, '--order', spec.orders.join(',')];
    case 'short-lived':
      return ['--workers', `${spec.workers}`, '--slots', `${spec.slots}`];
    case 'arrays':
      return [...common, '--live', `${spec.slots}`, ...(spec.unsafe ? ['--unsafe'] : [])];
    case 'records':
      return ['--ops', `${spec.ops}`, '--slots', `${spec.slots}`, '--burst', `${spec.burst}`];
    case 'replay':
      return [spec.trace, ...(spec.single ? ['--single'] : [])];
  }
};

/** The flags that say `spec` again, all of them spelled out. */
export function flagsOf(spec: Spec): string[] {
  return [
    spec.bench,
    ...ownFlags(spec),
    ...sizeFlags(spec),
    ...['--rounds', `${spec.rounds}`, '--warmup', `${spec.warmup}`, '--seed', `${spec.seed}`],
    ...(spec.touch ? ['--touch'] : []),
    ...(spec.verify ? ['--verify'] : []),
    ...(spec.allocator === OWN ? [] : ['--allocator', spec.allocator]),
    ...['--preset', spec.preset],
    ...Object.entries(spec.options).flatMap(([name, value]) => ['--set', `${name}=${value}`]),
  ];
}
