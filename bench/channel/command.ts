import { once } from 'node:events';
import { MessageChannel, Worker } from 'node:worker_threads';
import { type Command } from 'commander';
import { type Heap } from 'sabmalloc';
import { Channel, handles } from 'sabmalloc/collections';
import { Barrier } from 'sabmalloc/sync';
import { jsonOption, quickOption } from '../benches.js';
import { machine, warnOfLoad } from '../environment.js';
import { integerOption } from '../flags.js';
import { CHANNEL_SCRIPT } from '../paths.js';
import { printJson, printTable } from '../report.js';
import { createHeap } from '../rivals/ground.js';
import { type Environment } from '../spec.js';
import { CASES, shareArray, WINDOW, type Group, type Outcome, type Seat } from './cases.js';

interface Case {
  readonly name: string;
  readonly pairs: number;
  readonly count: number;
}

interface Row {
  readonly name: string;
  /** Median of the rounds: for each value, round trip or array. */
  readonly ns: number;
  /** How many times faster than the first of its group. */
  readonly times: number;
  /** Of single round trips, over all rounds. */
  readonly p50Ns?: number;
  readonly p99Ns?: number;
}

interface ChannelResult {
  readonly bench: 'channel';
  readonly groups: Readonly<Record<string, readonly Row[]>>;
  readonly environment: Environment;
}

interface Flags {
  readonly preset: string;
  readonly rounds: number;
  readonly quick?: boolean;
  readonly json?: boolean;
}

const at = (sorted: readonly number[], share: number): number => sorted[Math.floor((sorted.length - 1) * share)];

function checkSum(group: Group, { name, pairs, count }: Case, outcomes: readonly Outcome[]): void {
  const found = outcomes.reduce((sum, { checksum }) => sum + checksum, 0);
  const each = group === 'array of 1 MiB' ? count : (count * (count + 1)) / 2;
  if (found !== each * pairs) throw new Error(`${group}, ${name}: the checksum is ${found}, not ${each * pairs}.`);
}

/** One round of a case, in threads of its own. */
async function runRound(heap: Heap, group: Group, one: Case): Promise<{ ns: number; samplesNs: readonly number[] }> {
  // Numbers are posted without a limit too; arrays are not, in any case.
  const capacity = group === 'array of 1 MiB' ? WINDOW : Infinity;
  const [there, back] = [0, 1].map(() => Channel.create(heap, handles, { capacity }));
  const barrier = Barrier.create(heap, 2 * one.pairs);
  const handle = shareArray(heap);
  const workers = Array.from({ length: one.pairs }, () => {
    const { port1, port2 } = new MessageChannel();
    const seat = { group, ...one, there: there.address, back: back.address, barrier: barrier.address, handle };
    return (['sender', 'receiver'] as const).map((side, i) => {
      const port = [port1, port2][i];
      const workerData = { token: heap.token, seat: { ...seat, side, port } satisfies Seat };
      const worker = new Worker(CHANNEL_SCRIPT, { workerData, transferList: [port] });
      heap.watch(worker);
      return worker;
    });
  }).flat();
  const answers = await Promise.all(workers.map((worker) => once(worker, 'message') as Promise<[Outcome]>));
  await Promise.all(workers.map((worker) => worker.terminate()));
  const outcomes = answers.map(([outcome]) => outcome);
  checkSum(group, one, outcomes);
  heap.release(handle);
  for (const made of [there, back, barrier]) made.dispose();
  const took =
    Math.max(...outcomes.map(({ endedNs }) => endedNs)) - Math.min(...outcomes.map(({ beganNs }) => beganNs));
  const samplesNs = outcomes.flatMap(({ samplesNs: samples = [] }) => samples);
  return { ns: took / (one.count * one.pairs), samplesNs };
}

/** Rounds of all cases of a group in alternation. */
async function measure(heap: Heap, group: Group, rounds: number, share: number): Promise<Row[]> {
  const cases = CASES[group].map((one) => ({ ...one, count: Math.max(64, Math.ceil((one.count * share) / 64) * 64) }));
  const found = cases.map(() => ({ ns: [] as number[], samplesNs: [] as number[] }));
  for (let round = 0; round < rounds; round++)
    for (const [i, one] of cases.entries()) {
      const { ns, samplesNs } = await runRound(heap, group, one);
      found[i].ns.push(ns);
      for (const sample of samplesNs) found[i].samplesNs.push(sample);
    }
  const medians = found.map(({ ns }) => at(ns.toSorted((a, b) => a - b), 0.5)); // prettier-ignore
  return cases.map(({ name }, i) => {
    const samples = found[i].samplesNs.sort((a, b) => a - b);
    const row = { name, ns: Math.round(medians[i]), times: Number((medians[0] / medians[i]).toFixed(1)) };
    return samples.length === 0 ? row : { ...row, p50Ns: at(samples, 0.5), p99Ns: at(samples, 0.99) };
  });
}

async function runChannel({ preset, rounds, quick, json }: Flags): Promise<void> {
  warnOfLoad();
  const isQuick = quick === true;
  const heap = createHeap({ preset, options: {} });
  const groups: Record<string, readonly Row[]> = {};
  for (const group of Object.keys(CASES) as Group[])
    groups[group] = await measure(heap, group, isQuick ? 1 : rounds, isQuick ? 0.01 : 1);
  heap.detach();
  const command = `npm run bench -- channel --preset ${preset}${isQuick ? ' --quick' : ` --rounds ${rounds}`}`;
  const result: ChannelResult = { bench: 'channel', groups, environment: { ...machine(), command } };
  if (json === true) {
    printJson(result);
    return;
  }
  for (const [group, rows] of Object.entries(groups)) {
    const hasTrips = rows.some(({ p50Ns }) => p50Ns !== undefined);
    printTable(
      [group, 'ns each', `times as fast as ${rows[0].name}`, ...(hasTrips ? ['half within ns', '99 % within ns'] : [])],
      rows.map(({ name, ns, times, p50Ns, p99Ns }) => [name, ns, times, ...(hasTrips ? [p50Ns ?? 0, p99Ns ?? 0] : [])]),
    );
  }
  process.stdout.write(`preset ${preset}, node ${result.environment.node}\n$ ${command}\n`);
}

export function addChannel(program: Command): void {
  program
    .command('channel')
    .description('values between threads: channels of sabmalloc/collections against postMessage, clones and transfers')
    .option('--preset <name>', 'preset of the heap', 'production')
    .addOption(integerOption('--rounds <n>', 'rounds of each, in alternation, each in new threads', 1, 100, 5))
    .addOption(quickOption())
    .addOption(jsonOption())
    .action(runChannel);
}
