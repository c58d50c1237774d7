import { availableParallelism } from 'node:os';
import { arraysOf, larson, randomMixed, recordsOf, replayOf, ringsOf, specOf, TRACES } from '../defaults.js';
import { PRESETS } from '../rivals/catalogue.js';
import { type Spec } from '../spec.js';

/** One comparison of the suite. */
export interface Row {
  /** The chart it belongs to. */
  readonly group: string;
  readonly title: string;
  /** Rows of one series differ in the number of workers only. */
  readonly series?: string;
  readonly spec: Spec;
  /** Names of rivals and presets. */
  readonly against: readonly string[];
  /** Of our own candidate, where others of ours are beside it. */
  readonly name?: string;
}

const NATIVE = ['glibc', 'mimalloc', 'jemalloc', 'tcmalloc'];
const WASM = ['wasm-dlmalloc', 'wasm-emmalloc'];
const SHARED = [...NATIVE, ...WASM, 'thi.ng'];
const PRIVATE = ['npm-malloc', 'SharedArrayBuffer', 'Uint8Array', 'Buffer.allocUnsafe'];

const MIB = 2 ** 20;
const KIB = 2 ** 10;

/** 1, 2, 4, ... up to the cores, and all of them. */
export function workerCounts(cores = availableParallelism()): number[] {
  const counts = [];
  for (let count = 1; count < cores; count *= 2) counts.push(count);
  return [...counts, cores];
}

const forWorkers = (counts: readonly number[], rowFor: (workers: number) => Row): Row[] => counts.map(rowFor);

const workersText = (workers: number): string => `${workers} worker${workers === 1 ? '' : 's'}`;

interface LarsonSize {
  readonly text: string;
  readonly min: number;
  readonly max: number;
  readonly more?: Partial<Pick<Spec, 'slots' | 'ops' | 'options'>>;
}

const LARSON: readonly LarsonSize[] = [
  { text: '8-64', min: 8, max: 64 },
  { text: '8-1024', min: 8, max: 1024 },
  { text: '257-768', min: 257, max: 768 },
  { text: '2-32 KiB', min: 2 * KIB, max: 32 * KIB, more: { ops: 1_000_000 } },
  // Fewer blocks, so that they fit into the region of every rival.
  { text: '32 KiB-1 MiB', min: 32 * KIB, max: MIB, more: { ops: 50_000, slots: 64 } },
];

function larsonRows(counts: readonly number[]): Row[] {
  return LARSON.flatMap(({ text, min, max, more = {} }) =>
    [false, true].flatMap((touch) =>
      forWorkers(counts, (workers) => {
        const series = `larson ${text}${touch ? ', touched' : ''}`;
        return {
          group: touch ? 'Larson, blocks touched' : 'Larson',
          title: `${series}, ${workersText(workers)}`,
          series,
          spec: larson(min, max, { ...more, workers, touch }),
          against: touch ? [...NATIVE, ...WASM] : [...SHARED, ...(workers === 1 ? PRIVATE : [])],
        };
      }),
    ),
  );
}

function randomMixedRows(counts: readonly number[]): Row[] {
  return [400, 8192].flatMap((live) =>
    [false, true].flatMap((touch) =>
      forWorkers(counts, (workers) => {
        const series = `random-mixed, ${live} live${touch ? ', touched' : ''}`;
        return {
          group: 'Random mixed, 16-1,024 B',
          title: `${series}, ${workersText(workers)}`,
          series,
          spec: randomMixed(live, { workers, touch, ops: 1_000_000 }),
          against: [...NATIVE, ...WASM, ...(live === 400 && !touch ? ['thi.ng', ...PRIVATE] : [])],
        };
      }),
    ),
  );
}

function tinyHotRows(counts: readonly number[]): Row[] {
  return forWorkers(counts, (workers) => ({
    group: 'Tiny and hot, 16/32/64 B',
    title: `tiny-hot, ${workersText(workers)}`,
    series: 'tiny-hot',
    spec: specOf('tiny-hot', [16, 64], {
      workers,
      sizes: [16, 32, 64],
      orders: ['lifo', 'fifo'],
      slots: 100,
      ops: 1_000_000,
    }),
    against: [...SHARED, ...PRIVATE],
  }));
}

function handoverRows(counts: readonly number[]): Row[] {
  const producers = [64, 1024].map((bytes) => ({
    group: 'Hand-over between workers',
    title: `producer-consumer ${bytes} B, 2 workers`,
    spec: ringsOf('producer-consumer', bytes),
    against: SHARED,
  }));
  const rings = forWorkers(
    counts.filter((count) => count > 1),
    (workers) => ({
      group: 'Hand-over between workers',
      title: `worker-ring 64 B, ${workersText(workers)}`,
      series: 'worker-ring 64 B',
      spec: ringsOf('worker-ring', 64, { workers }),
      against: SHARED,
    }),
  );
  const lives = forWorkers(counts, (workers) => ({
    group: 'Short-lived workers',
    title: `short-lived, ${workersText(workers)}`,
    series: 'short-lived',
    spec: specOf('short-lived', [16, 1024], { workers, slots: 20_000, rounds: 10, warmup: 2 }),
    against: WASM,
  }));
  return [...producers, ...rings, ...lives];
}

function arrayRows(): Row[] {
  const engine = ['Float32Array', 'SharedArrayBuffer', 'Buffer.allocUnsafe'];
  return [16, 256, 16384].flatMap((length) =>
    [false, true].flatMap((touch) =>
      [false, true].map((unsafe) => ({
        group: touch ? 'Typed arrays, all elements written' : 'Typed arrays',
        title: `${unsafe ? 'allocUnsafe' : 'alloc'}(Float32Array, ${length})${touch ? ', written' : ''}`,
        spec: arraysOf(length, { unsafe, touch }),
        against: engine,
      })),
    ),
  );
}

function recordRows(): Row[] {
  const against = ['clone', 'transfer', 'wasm-dlmalloc'];
  const rows = [
    { title: 'records of 152 B, one at a time', spec: recordsOf(152) },
    { title: 'records of 152 B, 64 at a time', spec: recordsOf(152, { burst: 64 }) },
    { title: 'records of 1 MiB, one at a time', spec: recordsOf(MIB, { slots: 16, ops: 1000 }) },
  ];
  return rows.map((row) => ({ group: 'Records from worker to worker', ...row, against }));
}

const presetRows = (): Row[] =>
  [larson(8, 64), larson(8, 1024), randomMixed(400, { ops: 1_000_000 })].map((spec) => ({
    group: 'Presets',
    title: `${spec.bench} ${spec.sizeMin}-${spec.sizeMax}, presets`,
    spec,
    name: 'production',
    against: PRESETS.filter((preset) => preset !== 'production'),
  }));

/** Programs that had several threads. */
const THREADED: readonly string[] = ['python-pipeline', 'redis'];

function replayRows(): Row[] {
  const against = [...NATIVE, ...WASM];
  const single = TRACES.map((trace) => ({
    group: 'Recorded programs, on one worker',
    title: `replay ${trace}`,
    spec: replayOf(trace),
    against,
  }));
  const threaded = THREADED.map((trace) => ({
    group: 'Recorded programs, on as many workers as they had threads',
    title: `replay ${trace}, threads`,
    spec: replayOf(trace, { single: false }),
    against,
  }));
  return [...single, ...threaded];
}

/** Everything, in the order of the report. */
export function suiteRows(counts: readonly number[]): Row[] {
  return [
    ...larsonRows(counts),
    ...randomMixedRows(counts),
    ...tinyHotRows(counts),
    ...handoverRows(counts),
    ...arrayRows(),
    ...recordRows(),
    ...replayRows(),
    ...presetRows(),
  ];
}
