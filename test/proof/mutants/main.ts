/** `npm run mutants`: plants each bug of the table in the sources, alone, and prints what caught it. */
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import { machine, warnOfLoad } from '../../../bench/environment.js';
import { MUTANTS } from './mutants.js';
import { areAllCaught, mutantTable, placeOf, type MutantReport, type MutantRow } from './report.js';
import { runMutants } from './run.js';

interface Flags {
  readonly only?: string;
  readonly json?: string;
  readonly jobs: number;
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('It must be a whole number from 1 on.');
  return value;
}

function lineOf({ name, outcome, caught, reason, seconds }: MutantRow): string {
  const what = caught === undefined ? (reason ?? '') : `${placeOf(caught)}: ${caught.message}`;
  return `${name} ${outcome} in ${seconds} s ${what}`;
}

function reportOf(rows: readonly MutantRow[], seconds: number): MutantReport {
  const flags = process.argv.slice(2);
  const command = ['npm run mutants', ...(flags.length > 0 ? ['--', ...flags] : [])].join(' ');
  const date = new Date().toISOString().slice(0, 10);
  return { date, command, environment: machine(), seconds: Math.round(seconds), rows };
}

async function mutants({ only, json, jobs }: Flags): Promise<void> {
  const chosen = MUTANTS.filter(({ name }) => only === undefined || name.includes(only));
  if (chosen.length === 0) throw new Error(`no mutant has "${only}" in its name`);
  warnOfLoad();
  const began = performance.now();
  const rows = await runMutants(chosen, {
    jobs,
    withControls: only === undefined,
    onRow: (row, done, total) => process.stderr.write(`${done}/${total} ${lineOf(row)}\n`),
  });
  const report = reportOf(rows, (performance.now() - began) / 1000);
  process.stdout.write(`${mutantTable(report)}\n`);
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`);
  if (!areAllCaught(rows)) process.exitCode = 1;
}

// Ends by way of `exit`, so that children and copies go too.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

await new Command('mutants')
  .description('Plants each bug of the table in the sources, alone, and lets the suite look for it.')
  .option('--only <text>', 'only mutants with this in their name; leaves out the controls')
  .option('--json <file>', 'write what became of each to a file')
  .option('--jobs <n>', 'mutants at once', positive, Math.min(2, availableParallelism()))
  .showHelpAfterError('Add --help to see what there is.')
  .action(mutants)
  .parseAsync();
