import { type Heap } from 'sabmalloc';
import { Bench } from 'tinybench';
import { machine } from './environment.js';
import { printTable } from './report.js';
import { createHeap } from './rivals/ground.js';
import { type Environment, type OptionValue } from './spec.js';

/** Calls in one sample: the clock is too coarse for a single one. */
const BATCH = 1000;

const LENGTHS = [4, 256, 16384];

interface MicroCase {
  readonly name: string;
  /** Nanoseconds a call, and the margin of error in per cent. */
  readonly ns: number;
  readonly marginPercent: number;
}

export interface MicroResult {
  readonly bench: 'micro';
  readonly workers: 1;
  readonly sizeMin: number;
  readonly sizeMax: number;
  /** Of the malloc/free pair of 64 bytes. */
  readonly mops: number;
  readonly seconds: number;
  readonly checksum: string;
  readonly preset: string;
  readonly runtime: string;
  readonly cases: readonly MicroCase[];
  readonly environment: Environment;
}

/** Keeps what the engine's own allocations made until the sample is over, so that none is optimised away. */
const kept: unknown[] = new Array(BATCH).fill(undefined);

function addPairs(bench: Bench, heap: Heap): void {
  for (const size of [64, 1024, 16384]) {
    bench.add(`malloc(${size}) + free`, () => {
      for (let i = 0; i < BATCH; i++) heap.free(heap.malloc(size));
    });
  }
}

function addArrays(bench: Bench, heap: Heap): void {
  for (const length of LENGTHS) {
    bench.add(`new Float32Array(${length})`, () => {
      for (let i = 0; i < BATCH; i++) kept[i] = new Float32Array(length);
    });
    bench.add(`alloc(Float32Array, ${length}) + free`, () => {
      for (let i = 0; i < BATCH; i++) heap.free((kept[i] = heap.alloc(Float32Array, length)));
    });
    bench.add(`allocUnsafe(Float32Array, ${length}) + free`, () => {
      for (let i = 0; i < BATCH; i++) heap.free((kept[i] = heap.allocUnsafe(Float32Array, length)));
    });
  }
}

function addViews(bench: Bench, heap: Heap): void {
  const address = heap.malloc(1024);
  const { buffer } = heap;
  bench.add('view(Float32Array, address, 256)', () => {
    for (let i = 0; i < BATCH; i++) kept[i] = heap.view(Float32Array, address, 256);
  });
  bench.add('new Float32Array(buffer, address, 256)', () => {
    for (let i = 0; i < BATCH; i++) kept[i] = new Float32Array(buffer, address, 256);
  });
}

/** Ways to three numbers in shared memory: what the views of other rows are an alternative to. */
function addRecords(bench: Bench, heap: Heap): void {
  const out = new Uint32Array(BATCH);
  bench.add('mallocMany(24, 1000) + freeMany, each', () => {
    heap.freeMany(heap.mallocMany(24, BATCH, out));
  });
  bench.add('malloc(24), 3 stores by heap.f64, free', () => {
    for (let i = 0; i < BATCH; i++) {
      const address = heap.malloc(24);
      const { f64 } = heap;
      const at = address >>> 3;
      f64[at] = i;
      f64[at + 1] = i;
      f64[at + 2] = i;
      heap.free(address);
    }
  });
  bench.add('allocUnsafe(Float64Array, 3), 3 stores, free', () => {
    for (let i = 0; i < BATCH; i++) {
      const view = heap.allocUnsafe(Float64Array, 3);
      view[0] = i;
      view[1] = i;
      view[2] = i;
      heap.free(view);
    }
  });
}

export async function micro(preset: string, options: Record<string, OptionValue>, time: number): Promise<MicroResult> {
  const heap = createHeap({ preset, options });
  const bench = new Bench({ time, warmupTime: time / 4, throws: true });
  addPairs(bench, heap);
  addArrays(bench, heap);
  addViews(bench, heap);
  addRecords(bench, heap);
  const start = performance.now();
  await bench.run();
  const seconds = (performance.now() - start) / 1000;
  heap.detach();
  const cases = bench.tasks.map(({ name, result }): MicroCase => {
    if (!('latency' in result)) throw new Error(`${name} was not measured: ${result.state}.`);
    const { mean, rme } = result.latency;
    return { name, ns: Number(((mean * 1e6) / BATCH).toFixed(2)), marginPercent: Number(rme.toFixed(2)) };
  });
  return {
    bench: 'micro',
    workers: 1,
    sizeMin: 64,
    sizeMax: 65536,
    mops: Number((2000 / cases[0].ns).toFixed(3)),
    seconds: Number(seconds.toFixed(3)),
    // The work is one line a case, the same whatever the allocator: nothing to prove.
    checksum: '00000000',
    preset,
    runtime: `node ${process.version}`,
    cases,
    environment: { ...machine(), command: 'npm run bench -- micro' },
  };
}

export function printMicro(result: MicroResult): void {
  const rows = result.cases.map(({ name, ns, marginPercent }) => [name, ns.toFixed(1), `${marginPercent} %`]);
  printTable(['call', 'ns', '+-'], rows);
  process.stdout.write(`preset ${result.preset}, ${result.runtime}\n$ ${result.environment.command}\n`);
}
