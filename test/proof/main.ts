/** `npm run prove`: explores every scenario, stops threads before every store, applies every mutant, and prints the figures. */
import { fork, type ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { SingleBar } from 'cli-progress';
import Table from 'cli-table3';
import { Command, InvalidArgumentError } from 'commander';
import { machine } from '../../bench/environment.js';
import { replayFailure } from './engine.js';
import { loadBuilds } from './machine/builds.js';
import { EXCUSED_READS, EXCUSED_WRITES } from './machine/races.js';
import { MUTANTS } from './mutants/mutants.js';
import { areAllCaught, lineOf, type MutantRow } from './mutants/report.js';
import { runMutants } from './mutants/run.js';
import { SCENARIOS } from './scenarios/index.js';
import {
  allTasks,
  figuresOf,
  FULL,
  type ProofBudget,
  type ProofFigures,
  type ProofReport,
  type Task,
  type TaskResult,
} from './tasks.js';

interface Flags {
  readonly schedules: number;
  readonly perPoint: number;
  readonly pairStride: number;
  readonly seed: number;
  readonly jobs: number;
  readonly only?: string;
  readonly replay?: string;
  readonly json?: string;
  readonly mutants: boolean;
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('It must be a whole number from 1 on.');
  return value;
}

function startChild(): ChildProcess {
  return fork(fileURLToPath(new URL('child.ts', import.meta.url)), { execArgv: ['--import', 'tsx', '-C', 'source'] });
}

/** Runs the tasks in several processes; a process that dies is a failure of its task. */
async function runAll(tasks: Task[], budget: ProofBudget, jobs: number): Promise<TaskResult[]> {
  const results: TaskResult[] = [];
  const total = tasks.length;
  const bar = process.stderr.isTTY
    ? new SingleBar({ format: '{bar} {value}/{total} {what}', stream: process.stderr })
    : undefined;
  bar?.start(total, 0, { what: '' });
  const note = (result: TaskResult): void => {
    results.push(result);
    const what = `${result.task.kind} ${result.task.scenario}`;
    if (bar) bar.increment({ what });
    else process.stderr.write(`${results.length}/${total} ${what}${'failure' in result ? ' FAILED' : ''}\n`);
  };
  const work = (): Promise<void> =>
    new Promise((resolve) => {
      const child = startChild();
      let task: Task | undefined;
      child.on('message', (message) => {
        if (message !== 'ready') note(message as TaskResult);
        task = tasks.shift();
        if (task === undefined) child.disconnect();
        else child.send({ task, budget });
      });
      child.on('exit', (code) => {
        if (task !== undefined) note({ task, failure: `the process ended with code ${code}` });
        resolve();
      });
    });
  await Promise.all(Array.from({ length: Math.min(jobs, total) }, work));
  bar?.stop();
  return results;
}

/** The scenarios, run before this, are the control: with the sources as they are they catch nothing. */
async function plantMutants(jobs: number): Promise<MutantRow[]> {
  return runMutants(MUTANTS, {
    jobs,
    withControls: false,
    onRow: (row, done, total) => process.stderr.write(`${done}/${total} ${lineOf(row)}\n`),
  });
}

const count = (value: number): string => value.toLocaleString('en-US');

function printFigures(figures: ProofFigures, mutants: readonly MutantRow[], seconds: number): void {
  const table = new Table({
    head: [
      'scenario',
      'threads',
      'schedules',
      'steps each',
      'schedules/s',
      'all with so many preemptions',
      'crash points',
      'second deaths',
    ],
  });
  for (const one of figures.explorations) {
    const crash = figures.crashes.find(({ scenario }) => scenario === one.scenario);
    const row = [
      one.scenario,
      one.threads,
      count(one.schedules),
      Math.round(one.steps / one.schedules),
      count(Math.round(one.schedules / one.seconds)),
      one.bound,
      count(crash?.points ?? 0),
      count(crash?.secondDeaths ?? 0),
    ];
    table.push(row);
  }
  process.stdout.write(`${table.toString()}\n`);
  for (const failure of figures.failures) process.stdout.write(`\n${failure}\n`);
  for (const mutant of mutants) if (mutant.outcome !== 'caught') process.stdout.write(`\n${lineOf(mutant)}\n`);
  const caught = mutants.filter(({ outcome }) => outcome === 'caught').length;
  const races = figures.failures.filter((failure) => failure.includes('RaceError')).length;
  process.stdout.write(
    `${count(figures.schedules)} schedules of ${figures.scenarios} scenarios, ${count(figures.steps)} steps, ` +
      `${count(figures.accesses)} accesses checked for races\n` +
      `${count(figures.crashPoints)} crash points and ${count(figures.secondDeaths)} second deaths in ${count(figures.crashSchedules)} schedules\n` +
      `${races} races (${EXCUSED_READS.length + EXCUSED_WRITES.length} kinds of plain access argued), ${figures.failures.length} failures\n` +
      (mutants.length > 0 ? `${caught} of ${mutants.length} planted bugs caught\n` : '') +
      `${seconds.toFixed(0)} s\n`,
  );
}

function saveFigures(path: string, figures: ProofFigures, mutants: readonly MutantRow[], seconds: number): void {
  const command = `npm run prove${process.argv
    .slice(2)
    .filter((word, i, words) => word !== '--json' && words[i - 1] !== '--json')
    .map((word) => ` ${word}`)
    .join('')
    .replace(/^ /, ' -- ')}`;
  const date = new Date().toISOString().slice(0, 10);
  const report: ProofReport = {
    date,
    command,
    environment: machine(),
    seconds: Math.round(seconds),
    ...figures,
    mutants,
  };
  writeFileSync(path, `${JSON.stringify(report, null, 2)}\n`);
}

async function prove(flags: Flags): Promise<void> {
  if (flags.replay !== undefined) {
    replayFailure(await loadBuilds(), SCENARIOS, flags.replay);
    process.stdout.write('This schedule does not fail (any more).\n');
    return;
  }
  const began = performance.now();
  // Compiles both builds once, before several processes want them.
  await loadBuilds();
  const budget: ProofBudget = {
    ...FULL,
    schedules: flags.schedules,
    schedulesPerPoint: flags.perPoint,
    pairStride: flags.pairStride,
    seed: flags.seed,
  };
  const figures = figuresOf(await runAll(allTasks(flags.only), budget, flags.jobs));
  const mutants = flags.mutants && flags.only === undefined ? await plantMutants(flags.jobs) : [];
  const seconds = (performance.now() - began) / 1000;
  printFigures(figures, mutants, seconds);
  if (flags.json !== undefined) saveFigures(flags.json, figures, mutants, seconds);
  if (figures.failures.length > 0 || !areAllCaught(mutants)) process.exitCode = 1;
}

// Ends by way of `exit`, so that children and private copies go too.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

await new Command('prove')
  .description('Explores the schedules, crash points and races of the heap on a tiny geometry.')
  .option('--schedules <n>', 'schedules of each scenario', positive, FULL.schedules)
  .option('--per-point <n>', 'schedules of each crash point and way of telling', positive, FULL.schedulesPerPoint)
  .option('--pair-stride <n>', 'every so many-th crash point is followed by second deaths', positive, FULL.pairStride)
  .option('--seed <n>', 'seed of the random schedules', positive, FULL.seed)
  .option('--jobs <n>', 'processes at once', positive, availableParallelism())
  .option('--only <text>', 'only scenarios with this in their name, and no mutants')
  .option('--no-mutants', 'leave out the planted bugs (npm run mutants is these alone)')
  .option('--replay <text>', 'run one schedule again, as a failure printed it: scenario/a12b3')
  .option('--json <file>', 'write the figures to a file')
  .showHelpAfterError('Add --help to see what there is.')
  .action(prove)
  .parseAsync();
