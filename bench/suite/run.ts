import { SingleBar } from 'cli-progress';
import { called, candidateFor, isSkipped, type Candidate, type Skipped } from '../candidates.js';
import { compare, type CompareFlags, type Comparison, type Progress } from '../compare.js';
import { quick, TRACES } from '../defaults.js';
import { machine } from '../environment.js';
import { type Environment, type Spec } from '../spec.js';
import { trackMemory, type MemoryTrack } from './memory.js';
import { suiteRows, workerCounts, type Row } from './rows.js';

export interface SuiteFlags extends CompareFlags {
  readonly only: string;
  readonly quick: boolean;
  /** Instead of the rounds of each bench. */
  readonly rounds?: number;
}

export interface SuiteRow extends Comparison {
  readonly group: string;
  readonly series?: string;
  readonly workers: number;
  /** Runs this comparison alone. */
  readonly command: string;
}

export interface SuiteResult {
  readonly bench: 'suite';
  readonly date: string;
  readonly environment: Environment;
  readonly rows: readonly SuiteRow[];
  readonly memory: readonly MemoryTrack[];
}

const MEMORY_PRESETS = ['production', 'minimal'];

/** One bar for all runs of all rows, with what is being run and the time left. */
class SuiteBar implements Progress {
  readonly #bar = new SingleBar({
    format: '{bar} {value}/{total}, about {eta_formatted} left: {title}',
    clearOnComplete: true,
    // Some benches take far longer than others: the time left goes by many of them.
    etaBuffer: 100,
  });

  constructor(runs: number) {
    this.#bar.start(runs, 0, { title: '' });
  }

  begin(title: string): void {
    this.#bar.update({ title });
  }

  step(): void {
    this.#bar.increment();
  }

  /** Of a row; the bar goes on. */
  end(): void {}

  close(): void {
    this.#bar.stop();
  }
}

interface Planned {
  readonly row: Row;
  readonly candidates: readonly Candidate[];
  readonly skipped: readonly Skipped[];
}

function plan(row: Row, { quick: quickly, rounds }: SuiteFlags): Planned {
  const sized: Spec = quickly ? quick(row.spec) : row.spec;
  const spec = rounds === undefined ? sized : { ...sized, rounds, warmup: Math.min(sized.warmup, rounds) };
  const rivals = row.against.map((name) => candidateFor(spec, name));
  const present = rivals.filter((one): one is Candidate => !isSkipped(one));
  return { row, candidates: [called(spec, row.name), ...present], skipped: rivals.filter(isSkipped) };
}

const runsOf = (planned: readonly Planned[], repeat: number): number =>
  planned.reduce((sum, { candidates }) => sum + candidates.length * repeat, 0);

function resultOf({ row, skipped }: Planned, comparison: Comparison): SuiteRow {
  const { group, series, spec, against } = row;
  const { command } = comparison.candidates[0].runs[0].environment;
  return {
    ...comparison,
    skipped: [...skipped, ...comparison.skipped],
    group,
    ...(series === undefined ? {} : { series }),
    workers: spec.workers,
    command: `${command.replace('-- ', '-- compare ')} --against ${against.join(',')}`,
  };
}

function commandOf({ only, quick: quickly, rounds, repeat }: SuiteFlags): string {
  const words = ['npm run bench -- suite', `--repeat ${repeat}`];
  if (only !== '') words.push(`--only '${only}'`);
  if (quickly) words.push('--quick');
  if (rounds !== undefined) words.push(`--rounds ${rounds}`);
  return words.join(' ');
}

/** Runs the rows whose title contains `only`, one after the other. */
export async function runSuite(flags: SuiteFlags): Promise<SuiteResult> {
  const planned = suiteRows(workerCounts())
    .filter(({ title }) => title.includes(flags.only))
    .map((row) => plan(row, flags));
  const tracks = TRACES.filter((trace) => `memory ${trace}`.includes(flags.only));
  if (planned.length + tracks.length === 0) throw new Error(`No title of the suite contains ${flags.only}.`);
  const bar = new SuiteBar(runsOf(planned, flags.repeat));
  const rows: SuiteRow[] = [];
  try {
    for (const one of planned) {
      rows.push(resultOf(one, await compare(one.row.title, one.candidates, flags, bar)));
    }
  } finally {
    bar.close();
  }
  const memory = tracks.flatMap((trace) => MEMORY_PRESETS.map((preset) => trackMemory(trace, preset)));
  return {
    bench: 'suite',
    date: new Date().toISOString(),
    environment: { ...machine(), command: commandOf(flags) },
    rows,
    memory,
  };
}
