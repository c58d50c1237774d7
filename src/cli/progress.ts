import { SingleBar } from 'cli-progress';
import { FUZZ_DEFAULTS, type FuzzProgress } from '../testing/index.js';
import { type FuzzFlags } from './flags.js';

/** Between two lines where there is no bar. */
const LINE_EVERY_SECONDS = 5;

export interface ProgressDisplay {
  readonly update: (progress: FuzzProgress) => void;
  readonly stop: () => void;
}

function inWords({ phase, seed, runs, commands, seconds }: FuzzProgress): string {
  const what = phase === 'shrinking' ? 'failed, shrinking' : `at seed ${seed}`;
  return `${what}: ${runs} ${runs === 1 ? 'run' : 'runs'}, ${commands} calls, ${Math.floor(seconds)} s`;
}

/** A bar on a terminal, lines elsewhere, the first after the first run; both on standard error, so that standard output is the result. */
export function showProgress(flags: FuzzFlags): ProgressDisplay {
  return process.stderr.isTTY ? showBar(flags) : showLines();
}

function showBar({ time, runs = time === undefined ? FUZZ_DEFAULTS.runs : Infinity }: FuzzFlags): ProgressDisplay {
  const bar = new SingleBar({ format: '{bar} {percentage} %  {words}', hideCursor: true });
  bar.start(100, 0, { words: '' });
  const update = (progress: FuzzProgress): void => {
    const share = Math.max(progress.runs / runs, progress.seconds / (time ?? Infinity));
    bar.update(Math.min(100, Math.floor(100 * share)), { words: inWords(progress) });
  };
  return { update, stop: () => bar.stop() };
}

function showLines(): ProgressDisplay {
  let due = 0;
  const update = (progress: FuzzProgress): void => {
    if (progress.seconds < due) return;
    due = progress.seconds + LINE_EVERY_SECONDS;
    process.stderr.write(`${inWords(progress)}\n`);
  };
  return { update, stop: () => undefined };
}
