import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type Command } from 'commander';
import { type Heap } from 'sabmalloc';
import { Condition, Mutex, RwLock, Semaphore, SpinLock } from 'sabmalloc/sync';
import { Bench } from 'tinybench';
import { type SyncOrder } from '../../workers/sync-worker.js';
import { jsonOption, quickOption } from '../benches.js';
import { machine, warnOfLoad } from '../environment.js';
import { SYNC_SCRIPT } from '../paths.js';
import { printJson, printTable } from '../report.js';
import { createHeap } from '../rivals/ground.js';
import { type Environment } from '../spec.js';
import { DUELS, makeGround, play, type Duel } from './duel.js';

/** Calls in one sample: the clock is too coarse for a single one. */
const BATCH = 1000;

interface Row {
  readonly name: string;
  readonly ns: number;
}

interface SyncResult {
  readonly bench: 'sync';
  /** One thread, nobody else about. */
  readonly alone: readonly Row[];
  /** Two threads: for each time that either had the lock, or for each hand-over. */
  readonly between: readonly Row[];
  readonly environment: Environment;
}

interface Flags {
  readonly preset: string;
  readonly quick?: boolean;
  readonly json?: boolean;
}

async function measureAlone(heap: Heap, timeMs: number): Promise<Row[]> {
  const [mutex, spin, lock] = [Mutex.create(heap), SpinLock.create(heap), RwLock.create(heap)];
  const [semaphore, condition] = [Semaphore.create(heap, 1), Condition.create(heap)];
  const bench = new Bench({ time: timeMs, warmupTime: timeMs / 4, throws: true });
  // A loop for each: one that is given the call would be slow for all of them.
  bench.add('Mutex lock + unlock', () => {
    for (let i = 0; i < BATCH; i++) mutex.lock().unlock();
  });
  bench.add('SpinLock lock + unlock', () => {
    for (let i = 0; i < BATCH; i++) spin.lock().unlock();
  });
  bench.add('RwLock read + unlock', () => {
    for (let i = 0; i < BATCH; i++) lock.read().unlock();
  });
  bench.add('RwLock write + unlock', () => {
    for (let i = 0; i < BATCH; i++) lock.write().unlock();
  });
  bench.add('Semaphore acquire + unlock', () => {
    for (let i = 0; i < BATCH; i++) semaphore.acquire().unlock();
  });
  bench.add('Condition notifyOne, nobody waits', () => {
    for (let i = 0; i < BATCH; i++) condition.notifyOne();
  });
  await bench.run();
  return bench.tasks.map(({ name, result }) => {
    if (!('latency' in result)) throw new Error(`${name} was not measured: ${result.state}.`);
    return { name, ns: (result.latency.mean * 1e6) / BATCH };
  });
}

/** A hand-over sleeps and wakes: three orders of magnitude dearer than a lock that is free. */
const roundsOf = (duel: Duel, isQuick: boolean): number =>
  (duel.endsWith('asleep') ? 20_000 : 400_000) / (isQuick ? 100 : 1);

async function measureBetween(heap: Heap, isQuick: boolean): Promise<Row[]> {
  const ground = makeGround(heap);
  const worker = new Worker(SYNC_SCRIPT, { workerData: { token: heap.token, ground } });
  heap.watch(worker);
  await once(worker, 'message');
  const rows: Row[] = [];
  for (const duel of DUELS) {
    const rounds = roundsOf(duel, isQuick);
    worker.postMessage({ duel, rounds } satisfies SyncOrder);
    const mine = play(duel, heap, ground, 0, rounds);
    const [theirs] = (await once(worker, 'message')) as [number];
    rows.push({ name: duel, ns: Math.max(mine, theirs) / (2 * rounds) });
  }
  await worker.terminate();
  return rows;
}

const rounded = (rows: readonly Row[]): Row[] => rows.map(({ name, ns }) => ({ name, ns: Number(ns.toFixed(1)) }));

async function runSync({ preset, quick, json }: Flags): Promise<void> {
  warnOfLoad();
  const isQuick = quick === true;
  const heap = createHeap({ preset, options: {} });
  const result: SyncResult = {
    bench: 'sync',
    alone: rounded(await measureAlone(heap, isQuick ? 10 : 500)),
    between: rounded(await measureBetween(heap, isQuick)),
    environment: { ...machine(), command: `npm run bench -- sync --preset ${preset}${isQuick ? ' --quick' : ''}` },
  };
  heap.detach();
  if (json === true) {
    printJson(result);
    return;
  }
  printTable(
    ['one thread', 'ns'],
    result.alone.map(({ name, ns }) => [name, ns]),
  );
  printTable(
    ['two threads', 'ns each'],
    result.between.map(({ name, ns }) => [name, ns]),
  );
  process.stdout.write(`preset ${preset}, node ${result.environment.node}\n$ ${result.environment.command}\n`);
}

export function addSync(program: Command): void {
  program
    .command('sync')
    .description('locks and hand-overs of sabmalloc/sync, by one thread and between two')
    .option('--preset <name>', 'preset of the heap', 'production')
    .addOption(quickOption())
    .addOption(jsonOption())
    .action(runSync);
}
