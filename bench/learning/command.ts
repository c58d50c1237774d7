import { Option, type Command } from 'commander';
import { jsonOption, patienceOption, quickOption, repeatOption } from '../benches.js';
import { called } from '../candidates.js';
import { compare, type CompareFlags, type Spread } from '../compare.js';
import { larson, quick, randomMixed, replayOf, TRACES } from '../defaults.js';
import { machine } from '../environment.js';
import { parseSetting } from '../flags.js';
import { printJson, printTable } from '../report.js';
import { type Environment, type OptionValue, type Spec } from '../spec.js';
import { countSpec, type Counts } from './counts.js';

interface Flags extends CompareFlags {
  readonly only: string;
  readonly quick: boolean;
  readonly json?: boolean;
  readonly set?: Record<string, OptionValue>;
}

interface LearningRow extends Counts {
  readonly case: string;
  readonly learning: string;
  /** Of an event of a trace, or of a malloc or free. */
  readonly nanoseconds: number;
  /** How much faster learning off is, from runs next to each other. */
  readonly ratio?: Spread;
}

interface LearningResult {
  readonly bench: 'learning';
  readonly rows: readonly LearningRow[];
  readonly noisyRuns: number;
  readonly environment: Partial<Environment> & { readonly command: string };
}

const LEARNERS: Readonly<Record<string, Readonly<Record<string, OptionValue>>>> = {
  off: {},
  learnCaches: { learnCaches: true },
  learnMemory: { learnMemory: true },
  both: { learnCaches: true, learnMemory: true },
};

const CASES: Readonly<Record<string, Spec>> = {
  ...Object.fromEntries(TRACES.map((trace) => [trace, replayOf(trace)])),
  'larson 8-64': larson(8, 64),
  'larson 2-32 KiB': larson(2048, 32768),
  'random-mixed 8192': randomMixed(8192),
};

async function measureCase(title: string, spec: Spec, flags: Flags): Promise<{ rows: LearningRow[]; noisy: number }> {
  const specs = Object.entries(LEARNERS).map(([name, learners]): [string, Spec] => [
    name,
    { ...spec, options: { ...spec.options, ...flags.set, ...learners } },
  ]);
  const timed = await compare(
    title,
    specs.map(([name, each]) => called(each, name)),
    flags,
  );
  const rows = specs.map(([name, each], i): LearningRow => {
    const { mops, ratio } = timed.candidates[i];
    const nanoseconds = Number((1000 / mops.median).toFixed(2));
    return { case: title, learning: name, ...countSpec(each), nanoseconds, ...(ratio === undefined ? {} : { ratio }) };
  });
  return { rows, noisy: timed.noisyRuns };
}

async function measureLearning(flags: Flags): Promise<LearningResult> {
  const cases = Object.entries(CASES).filter(([title]) => title.includes(flags.only));
  if (cases.length === 0) throw new Error(`--only ${flags.only} is in none of: ${Object.keys(CASES).join(', ')}`);
  const rows: LearningRow[] = [];
  let noisyRuns = 0;
  for (const [title, spec] of cases) {
    const measured = await measureCase(title, flags.quick ? quick(spec) : spec, flags);
    rows.push(...measured.rows);
    noisyRuns += measured.noisy;
  }
  const set = Object.entries(flags.set ?? {}).map(([name, value]) => ` --set ${name}=${String(value)}`);
  const only = flags.only === '' ? '' : ` --only '${flags.only}'`;
  const command = `npm run bench -- learning --repeat ${flags.repeat}${only}${set.join('')}${flags.quick ? ' --quick' : ''}`;
  return { bench: 'learning', rows, noisyRuns, environment: { ...machine(), command } };
}

function printLearning({ rows, noisyRuns, environment }: LearningResult): void {
  printTable(
    ['case', 'learning', 'misses', 'spills', 'committed / live', 'ns', 'off is faster by'],
    rows.map((row) => [
      row.case,
      row.learning,
      row.misses,
      row.spills,
      row.committedPerLive.toFixed(3),
      row.nanoseconds.toFixed(1),
      row.ratio === undefined
        ? '-'
        : `${row.ratio.median.toFixed(2)} (${row.ratio.min.toFixed(2)}-${row.ratio.max.toFixed(2)})`,
    ]),
  );
  process.stdout.write(
    'Misses, spills and committed / live: one round on one worker, the same each time. ns: an event, or a malloc or free, medians of processes of their own in alternation.\n' +
      `${noisyRuns} runs began while other programs were busy.\n$ ${environment.command}\n`,
  );
}

export function addLearning(program: Command): void {
  program
    .command('learning')
    .description('what the learners do to misses, memory and speed, over the recorded programs and random loads')
    .addOption(repeatOption(5))
    .addOption(patienceOption(20))
    .option('--only <text>', 'only cases whose name contains it', '')
    .addOption(new Option('--set <name=value>', 'any option of the heap; may be repeated').argParser(parseSetting))
    .addOption(quickOption())
    .addOption(jsonOption())
    .action(async (flags: Flags) => {
      const result = await measureLearning(flags);
      if (flags.json === true) printJson(result);
      else printLearning(result);
    });
}
