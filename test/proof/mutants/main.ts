/** `npm run mutants`: plants each bug of the table in the sources, alone, and prints what caught it. */
import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import { warnOfLoad } from '../../../bench/environment.js';
import { MUTANTS } from './mutants.js';
import { areAllCaught, lineOf, mutantTable } from './report.js';
import { runMutants } from './run.js';

interface Flags {
  readonly only?: string;
  readonly jobs: number;
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('It must be a whole number from 1 on.');
  return value;
}

async function mutants({ only, jobs }: Flags): Promise<void> {
  const chosen = MUTANTS.filter(({ name }) => only === undefined || name.includes(only));
  if (chosen.length === 0) throw new Error(`no mutant has "${only}" in its name`);
  warnOfLoad();
  const rows = await runMutants(chosen, {
    jobs,
    withControls: only === undefined,
    onRow: (row, done, total) => process.stderr.write(`${done}/${total} ${lineOf(row)}\n`),
  });
  process.stdout.write(`${mutantTable(rows)}\n`);
  if (!areAllCaught(rows)) process.exitCode = 1;
}

// Ends by way of `exit`, so that children and copies go too.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

await new Command('mutants')
  .description('Plants each bug of the table in the sources, alone, and lets the suite look for it.')
  .option('--only <text>', 'only mutants with this in their name; leaves out the controls')
  .option('--jobs <n>', 'mutants at once', positive, Math.min(2, availableParallelism()))
  .showHelpAfterError('Add --help to see what there is.')
  .action(mutants)
  .parseAsync();
