import { execFileSync } from 'node:child_process';
import { Option, type Command } from 'commander';
import { jsonOption, quickOption, repeatOption } from '../benches.js';
import { machine, warnOfLoad } from '../environment.js';
import { integerOption } from '../flags.js';
import { printJson, printTable } from '../report.js';
import { type Environment } from '../spec.js';
import { CANDIDATES } from './mix.js';
import { runCandidate, runKills, type KillOutcome, type Order, type Outcome } from './run.js';

const ALL = ['Map', ...CANDIDATES] as const;

interface Row {
  readonly name: string;
  readonly workers: number;
  /** Median of the runs. */
  readonly accessesPerSecond: number;
  readonly right: number;
}

interface MapResult {
  readonly bench: 'map';
  readonly entries: number;
  readonly rows: readonly Row[];
  readonly kills: KillOutcome;
  readonly environment: Environment;
}

interface Flags {
  readonly entries: number;
  readonly workers: number;
  readonly accesses: number;
  readonly repeat: number;
  readonly kills: number;
  readonly seed: number;
  readonly quick: boolean;
  readonly json?: boolean;
  readonly candidate?: Order['candidate'];
}

/** Each in a process of its own: none runs on code or memory that another one has shaped. */
function measure(order: Order): Outcome {
  const { candidate, entries, workers, accesses } = order;
  const flags = { candidate, entries, workers, accesses };
  const words = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const output = execFileSync(process.execPath, [process.argv[1], 'map', ...words], { encoding: 'utf8' });
  return JSON.parse(output.trim().split('\n').at(-1)!) as Outcome;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1];

function measureAll(flags: Flags, entries: number, accesses: number): Row[] {
  const outcomes = ALL.map((): Outcome[] => []);
  const orders = ALL.map((candidate): Order => {
    // An access by message takes a hundred times as long.
    const share = candidate === 'Map in one thread, by messages' ? accesses / 100 : accesses;
    return { candidate, entries, workers: candidate === 'Map' ? 1 : flags.workers, accesses: Math.ceil(share) };
  });
  for (let i = 0; i < flags.repeat; i++) orders.forEach((order, at) => outcomes[at].push(measure(order)));
  return ALL.map((name, at) => ({
    name,
    workers: orders[at].workers,
    accessesPerSecond: Math.round(median(outcomes[at].map(({ accessesPerSecond }) => accessesPerSecond))),
    right: outcomes[at][0].right,
  }));
}

async function runMap(flags: Flags): Promise<void> {
  const { candidate, workers, quick } = flags;
  const entries = quick ? Math.min(flags.entries, 10_000) : flags.entries;
  const accesses = quick ? Math.min(flags.accesses, 20_000) : flags.accesses;
  if (candidate !== undefined) {
    printJson(await runCandidate({ candidate, entries, workers, accesses }));
    return;
  }
  warnOfLoad();
  const rows = measureAll(quick ? { ...flags, repeat: 1 } : flags, entries, accesses);
  const order: Order = { candidate: 'HashMap', entries, workers, accesses };
  const kills = await runKills(order, quick ? 3 : flags.kills, flags.seed);
  if (kills.entries !== entries || kills.right !== entries || kills.size !== entries)
    throw new Error(`after the kills something is lost: ${JSON.stringify(kills)}`);
  const { repeat, kills: killed, seed } = flags;
  const sizes = `--entries ${entries} --workers ${workers} --accesses ${accesses}`;
  const command = quick
    ? 'npm run bench -- map --quick'
    : `npm run bench -- map ${sizes} --repeat ${repeat} --kills ${killed} --seed ${seed}`;
  const result: MapResult = { bench: 'map', entries, rows, kills, environment: { ...machine(), command } };
  if (flags.json === true) printJson(result);
  else print(result);
}

function print({ rows, entries, kills, environment }: MapResult): void {
  printTable(
    [`${entries.toLocaleString('en')} entries, 1 access in 10 a set`, 'workers', 'M accesses/s', 'right'],
    rows.map(({ name, workers, accessesPerSecond, right }) => [
      name,
      workers,
      (accessesPerSecond / 1e6).toFixed(3),
      right,
    ]),
  );
  process.stdout.write(
    `${kills.kills} workers killed meanwhile: ${kills.right} of ${entries} entries are right, each once\n`,
  );
  process.stdout.write(`node ${environment.node}\n$ ${environment.command}\n`);
}

export function addMap(program: Command): void {
  program
    .command('map')
    .description(
      'a HashMap under several workers, against a Map that is asked by messages and readers under a mutex; then kills',
    )
    .addOption(integerOption('--entries <n>', 'entries of the map', 1, 8_000_000, 1_000_000))
    .addOption(integerOption('--workers <n>', 'workers at the same time', 1, 64, 4))
    .addOption(integerOption('--accesses <n>', 'accesses of each worker', 1, 2 ** 31 - 1, 1_000_000))
    .addOption(repeatOption(3))
    .addOption(integerOption('--kills <n>', 'workers killed while they play', 0, 100_000, 100))
    .addOption(integerOption('--seed <n>', 'seed of the kills', 0, 2 ** 31 - 1, 1))
    .addOption(new Option('--candidate <name>', 'only this one, in this process').choices(ALL))
    .addOption(quickOption())
    .addOption(jsonOption())
    .action(runMap);
}
