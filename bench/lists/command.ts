import { execFileSync } from 'node:child_process';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { integerOption } from '../flags.js';
import { jsonOption } from '../benches.js';
import { machine, warnOfLoad } from '../environment.js';
import { MAIN_SCRIPT } from '../paths.js';
import { printJson, printTable } from '../report.js';
import { type Environment } from '../spec.js';
import { CANDIDATES } from './candidates.js';

interface Flags {
  readonly rounds: number;
  readonly count: number;
  readonly json?: boolean;
  /** Place of the one candidate to measure, in this process. */
  readonly candidate?: number;
}

interface Measured {
  /** Nanoseconds an operation, median of the rounds. */
  readonly ns: number;
  readonly checksum: number;
}

interface Row extends Measured {
  readonly task: string;
  readonly name: string;
  /** How many times what the first of its task takes. */
  readonly ratio: number;
}

interface ListsResult {
  readonly bench: 'lists';
  readonly count: number;
  readonly rows: readonly Row[];
  readonly environment: Environment;
}

/** Rounds in which the engine compiles. */
const WARM_UP = 3;

function measure(place: number, rounds: number, count: number): Measured {
  const work = CANDIDATES[place].prepare(count);
  const samples: number[] = [];
  let checksum = 0;
  for (let round = -WARM_UP; round < rounds; round++) {
    const start = performance.now();
    checksum = work(count);
    if (round >= 0) samples.push(((performance.now() - start) * 1e6) / count);
  }
  return { ns: samples.sort((a, b) => a - b)[samples.length >> 1], checksum };
}

/** Measures a candidate in a process of its own, where nothing is compiled for another one. */
function measureApart(place: number, { rounds, count }: Flags): Measured {
  const words = ['lists', '--candidate', place, '--rounds', rounds, '--count', count].map(String);
  return JSON.parse(execFileSync(process.execPath, [MAIN_SCRIPT, ...words], { encoding: 'utf8' })) as Measured;
}

function runLists(flags: Flags): void {
  const { rounds, count, json, candidate } = flags;
  if (candidate !== undefined) {
    printJson(measure(candidate, rounds, count));
    return;
  }
  warnOfLoad();
  const measured = CANDIDATES.map((_, place) => measureApart(place, flags));
  const rows = CANDIDATES.map(({ task, name }, place): Row => {
    const first = measured[CANDIDATES.findIndex((one) => one.task === task)];
    const { ns, checksum } = measured[place];
    if (checksum !== first.checksum)
      throw new Error(`${name} came to ${checksum} at "${task}", not ${first.checksum}.`);
    return { task, name, ns: Number(ns.toFixed(1)), checksum, ratio: Number((ns / first.ns).toFixed(2)) };
  });
  const command = `npm run bench -- lists --rounds ${rounds} --count ${count}`;
  const result: ListsResult = { bench: 'lists', count, rows, environment: { ...machine(), command } };
  if (json === true) {
    printJson(result);
    return;
  }
  printTable(
    ['', 'ns each', 'of the first'],
    rows.map(({ task, name, ns, ratio }) => [`${task}: ${name}`, ns, ratio]),
  );
  process.stdout.write(`$ ${command}\n`);
}

function place(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value >= CANDIDATES.length)
    throw new InvalidArgumentError(`It must be a whole number from 0 to ${CANDIDATES.length - 1}.`);
  return value;
}

export function addLists(program: Command): void {
  program
    .command('lists')
    .description(
      'vectors, interned texts and priority queues against the arrays and maps of one thread, a process for each',
    )
    .addOption(integerOption('--rounds <n>', 'measured rounds of each', 1, 1000, 7))
    .addOption(integerOption('--count <n>', 'operations of a round', 100, 4_000_000, 500_000))
    .addOption(new Option('--candidate <n>', 'measures only this one, in this process').argParser(place).hideHelp())
    .addOption(jsonOption())
    .action(runLists);
}
