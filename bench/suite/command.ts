import { writeFileSync } from 'node:fs';
import { Option, type Command } from 'commander';
import { patienceOption, quickOption, repeatOption } from '../benches.js';
import { printComparisons, sayLeftOut } from '../comparison-table.js';
import { warnOfLoad } from '../environment.js';
import { integer } from '../flags.js';
import { printTable } from '../report.js';
import { type MemoryTrack } from './memory.js';
import { runSuite, type SuiteFlags, type SuiteResult } from './run.js';

interface Flags extends SuiteFlags {
  readonly json?: string;
  readonly html?: string;
}

function printMemory(tracks: readonly MemoryTrack[]): void {
  if (tracks.length === 0) return;
  const peak = (track: MemoryTrack, of: 'liveBytes' | 'committedBytes'): number =>
    Math.max(...track.samples.map((sample) => sample[of])) / 2 ** 20;
  printTable(
    ['memory', 'preset', 'live at most, MiB', 'committed at most, MiB'],
    tracks.map((track) => [
      track.trace,
      track.preset,
      peak(track, 'liveBytes').toFixed(2),
      peak(track, 'committedBytes').toFixed(2),
    ]),
  );
}

function printSuite({ rows, memory, environment }: SuiteResult): void {
  if (rows.length > 0) printComparisons(rows.map((row) => ({ ...row, skipped: [] })));
  printMemory(memory);
  const skipped = rows.flatMap((row) => row.skipped);
  sayLeftOut(
    skipped.filter(({ why }, i) => skipped.findIndex((other) => other.why === why) === i),
    'suite',
  );
  process.stdout.write(`$ ${environment.command}\n`);
}

async function run(flags: Flags): Promise<void> {
  warnOfLoad();
  const result = await runSuite(flags);
  printSuite(result);
  if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(result)}\n`);
  // The chart library takes a while to load.
  if (flags.html !== undefined) writeFileSync(flags.html, await (await import('./page.js')).pageOf(result));
}

export function addSuite(program: Command): void {
  program
    .command('suite')
    .description('everything against everybody: a table, and on request JSON and a report with charts')
    .option('--only <text>', 'only comparisons whose title contains it', '')
    .addOption(quickOption())
    .addOption(new Option('--rounds <n>', 'measured rounds of every bench').argParser(integer(1, 100_000)))
    .addOption(repeatOption(3))
    .addOption(patienceOption(20))
    .option('--json <file>', 'writes the results, every run in full, into a file')
    .option('--html <file>', 'writes a report with charts into a file')
    .action(run);
}
