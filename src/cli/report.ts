import { type FuzzReport, pathGroups } from '../testing/index.js';
import { grouped } from './words.js';

const NAME_WIDTH = 16;
const NUMBER_WIDTH = 12;

/** What was done, and how many of the paths through the heap that took. */
export function showReport(report: FuzzReport, workers: number, isReplay: boolean): void {
  const { seed, runs, commands, seconds, reached } = report;
  const result = isReplay ? 'it did not fail this time' : 'nothing found';
  const lines = [
    `${grouped(runs)} ${runs === 1 ? 'run' : 'runs'}, ${grouped(commands)} calls in ${seconds.toFixed(1)} s, seed ${seed}: ${result}`,
  ];
  if (!isReplay) lines.push('', ...tableOf(reached, workers));
  process.stdout.write(`${lines.join('\n')}\n`);
}

function tableOf(reached: FuzzReport['reached'], workers: number): string[] {
  const row = (name: string, paths: string, times: string): string =>
    `${name.padEnd(NAME_WIDTH)}${paths.padStart(NUMBER_WIDTH)}${times.padStart(NUMBER_WIDTH)}`;
  const lines = [row('reached', 'paths', 'times')];
  const missed: string[] = [];
  for (const [group, paths] of pathGroups(workers)) {
    const taken = paths.filter((path) => (reached[path] ?? 0) > 0);
    const times = paths.reduce((sum, path) => sum + (reached[path] ?? 0), 0);
    missed.push(...paths.filter((path) => !taken.includes(path)));
    lines.push(row(group, `${taken.length} of ${paths.length}`, grouped(times)));
  }
  if (missed.length > 0) lines.push('', `not reached: ${missed.join(', ')}`);
  if (workers === 0) lines.push('', 'Frees by other workers, and their death, take --workers.');
  return lines;
}
