import { type Command } from 'commander';
import { jsonOption, quickOption } from '../benches.js';
import { machine } from '../environment.js';
import { mib, printJson, printTable } from '../report.js';
import { type Environment } from '../spec.js';
import { churnRows, fragmentRows, phaseRows, traceRows, type MemoryPlan } from './cases.js';
import { givenBack, type GivenBack } from './given-back.js';
import { handOverRows } from './hand-over.js';
import { geometricMean, type MemoryRow } from './rows.js';

interface Flags {
  readonly preset: string;
  readonly quick: boolean;
  readonly json?: boolean;
}

interface Group {
  readonly title: string;
  readonly rows: readonly MemoryRow[];
}

interface MemoryResult {
  readonly bench: 'memory';
  readonly preset: string;
  readonly groups: readonly Group[];
  /** Of committed / live over the traces. */
  readonly tracesMean: number;
  readonly givenBack: readonly GivenBack[];
  readonly environment: Environment;
}

function planFor({ preset, quick }: Flags): MemoryPlan {
  return quick
    ? { preset, fillBytes: 2 ** 22, churnPairs: 100_000, handedOver: 140_000, collects: 2 }
    : { preset, fillBytes: 2 ** 26, churnPairs: 5_000_000, handedOver: 4_000_000, collects: 9 };
}

async function measureMemory(flags: Flags): Promise<MemoryResult> {
  const plan = planFor(flags);
  const traces = traceRows(plan);
  return {
    bench: 'memory',
    preset: flags.preset,
    groups: [
      { title: 'recorded program', rows: traces },
      { title: 'steady state', rows: churnRows(plan) },
      { title: 'change of class', rows: phaseRows(plan) },
      { title: 'survivors', rows: fragmentRows(plan) },
      { title: 'producers to consumer', rows: await handOverRows(plan) },
    ],
    tracesMean: geometricMean(traces),
    givenBack: givenBack(plan),
    environment: {
      ...machine(),
      command: `npm run bench -- memory --preset ${flags.preset}${flags.quick ? ' --quick' : ''}`,
    },
  };
}

function printMemory({ groups, tracesMean, givenBack: cycles, preset, environment }: MemoryResult): void {
  printTable(
    ['case', 'live', 'committed', 'committed / live', 'metadata'],
    groups.flatMap(({ title, rows }) =>
      rows.map((row) => [
        `${title}: ${row.name}`,
        mib(row.liveBytes),
        mib(row.committedBytes),
        row.committedPerLive.toFixed(3),
        row.metadataShare === undefined ? '-' : `${(row.metadataShare * 100).toFixed(1)} %`,
      ]),
    ),
  );
  printTable(
    [
      'filled and freed',
      'committed: full',
      'freed',
      'collected',
      'collect(), ms a MiB',
      'region: 1st fill',
      'last fill',
    ],
    cycles.map((row) => [
      row.name,
      mib(row.committedFull),
      mib(row.committedFreed),
      mib(row.committedCollected),
      row.collectMsPerMib.toFixed(4),
      mib(row.reservedFirst),
      mib(row.reservedLast),
    ]),
  );
  process.stdout.write(
    `Geometric mean of committed / live over the recorded programs: ${tracesMean.toFixed(3)}.\n` +
      'Live is what was asked for and not freed, metadata are tables and control blocks; every case has a heap of its own.\n' +
      'JavaScript has no way to return pages of a SharedArrayBuffer to the system: free pages are used again, by all workers and classes.\n' +
      `preset ${preset}, node ${environment.node}\n$ ${environment.command}\n`,
  );
}

export function addMemory(program: Command): void {
  program
    .command('memory')
    .description('what the heap commits for what lives in it: programs, worst cases, what comes back')
    .option('--preset <name>', 'preset of the heap', 'production')
    .addOption(quickOption())
    .addOption(jsonOption())
    .action(async (flags: Flags) => {
      const result = await measureMemory(flags);
      if (flags.json === true) printJson(result);
      else printMemory(result);
    });
}
