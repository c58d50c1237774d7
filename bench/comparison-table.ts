import { showName, showSpread, type Comparison, type Measured } from './compare.js';
import { printTable } from './report.js';
import { type Skipped } from './candidates.js';

export const showCandidate = (one: Measured | undefined): string =>
  one === undefined ? '-' : `${showName(one)}\n${showSpread(one.mops)}`;

/** A row for each rival, or one row where there is none. */
export function printComparisons(comparisons: readonly Comparison[]): void {
  const rows = comparisons.flatMap(({ title, candidates: [first, ...rivals] }) =>
    (rivals.length === 0 ? [undefined] : rivals).map((rival, i) => [
      i === 0 ? title : '',
      i === 0 ? showCandidate(first) : '',
      showCandidate(rival),
      rival?.ratio === undefined ? '-' : showSpread(rival.ratio),
    ]),
  );
  printTable(['bench', 'M ops/s', 'against', 'ratio'], rows);
  printFootnotes(comparisons);
}

export function printFootnotes(comparisons: readonly Comparison[]): void {
  process.stdout.write('Medians (and extremes) of runs in alternation, each in a process of its own.\n');
  const noisy = comparisons.reduce((sum, { noisyRuns }) => sum + noisyRuns, 0);
  if (noisy > 0) process.stdout.write(`${noisy} runs began while other programs were busy: distrust these numbers.\n`);
  for (const { title, skipped } of comparisons) sayLeftOut(skipped, title);
}

/** To stderr: what was asked for and is not in the table, and why. */
export function sayLeftOut(skipped: readonly Skipped[], title: string): void {
  for (const { name, why } of skipped) process.stderr.write(`${title}: ${name} is left out. ${why}\n`);
}
