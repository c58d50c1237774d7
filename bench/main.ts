/** `npm run bench -- <bench> [flags]`: the one entry to all benches. */
import { Command, Option } from 'commander';
import { accept, printComparisons, printVerdicts } from './accept.js';
import { addBenches, patienceOption, repeatOption } from './benches.js';
import { compare, native, ours, type Candidate, type CompareFlags } from './compare.js';
import { warnOfLoad } from './environment.js';
import { integerOption, parseSetting } from './flags.js';
import { jobFor, measure } from './measure.js';
import { micro, printMicro } from './micro.js';
import { NativeBench, NO_COMPILER } from './native.js';
import { printJson, printResult } from './report.js';
import { type OptionValue, type Spec } from './spec.js';

const jsonOption = (): Option => new Option('--json', 'end with one line of JSON instead of a table');

async function runBench(spec: Spec, command: Command): Promise<void> {
  const { json } = command.optsWithGlobals<{ json?: boolean }>();
  warnOfLoad();
  const result = await measure(jobFor(spec));
  if (json === true) printJson(result);
  else printResult(result);
}

/** The second candidate: the C library, or ourselves with another preset. */
function rivalOf(spec: Spec, against: string): Candidate | undefined {
  if (against !== 'native') return ours({ ...spec, preset: against }, against);
  const bench = NativeBench.build();
  if (bench !== undefined) return native(spec, bench);
  process.stderr.write(`${NO_COMPILER}\n`);
  return undefined;
}

async function runCompare(spec: Spec, command: Command): Promise<void> {
  const flags = command.optsWithGlobals<CompareFlags & { json?: boolean; against: string }>();
  if (spec.verify) command.error('error: compare measures speed; run the bench itself to --verify.');
  const rival = rivalOf(spec, flags.against);
  const candidates = [ours(spec, flags.against === 'native' ? 'sabmalloc' : spec.preset), ...(rival ? [rival] : [])];
  const comparison = await compare(spec.bench, candidates, flags);
  if (flags.json === true) {
    printJson({ bench: 'compare', ...comparison });
    return;
  }
  printComparisons([comparison]);
  process.stdout.write(`$ ${comparison.candidates[0].runs[0].environment.command}\n`);
}

async function runAccept(flags: CompareFlags & { json?: boolean; preset: string }): Promise<void> {
  const verdicts = await accept(flags.preset, flags);
  if (flags.json === true) printJson({ bench: 'accept', verdicts });
  else printVerdicts(verdicts);
  if (!verdicts.every(({ met }) => met)) process.exitCode = 1;
}

interface MicroFlags {
  readonly json?: boolean;
  readonly time: number;
  readonly preset: string;
  readonly set?: Record<string, OptionValue>;
}

async function runMicro(flags: MicroFlags): Promise<void> {
  warnOfLoad();
  const result = await micro(flags.preset, flags.set ?? {}, flags.time);
  if (flags.json === true) printJson(result);
  else printMicro(result);
}

function programFor(): Command {
  const program = new Command('bench')
    .description('Measures sabmalloc, by itself and against the C library.')
    .showHelpAfterError('Add --help to see what there is.');
  addBenches(program, runBench);
  for (const bench of program.commands) bench.addOption(jsonOption());
  const comparing = program.command('compare').description('runs a bench on two candidates in alternation');
  addBenches(comparing, runCompare);
  for (const bench of comparing.commands) {
    bench
      .addOption(repeatOption(5))
      .addOption(patienceOption(20))
      .addOption(new Option('--against <name>', 'native, or a preset').default('native'))
      .addOption(jsonOption());
  }
  program
    .command('accept')
    .description('the comparisons that the project promises; ends with code 1 where one is not met')
    .addOption(repeatOption(5))
    .addOption(patienceOption(20))
    .option('--preset <name>', 'preset of the heap', 'production')
    .addOption(jsonOption())
    .action(runAccept);
  program
    .command('micro')
    .description('single calls: malloc and free, typed arrays against those of the engine, views')
    .addOption(integerOption('--time <ms>', 'time for each call', 10, 60_000, 250))
    .option('--preset <name>', 'preset of the heap', 'production')
    .addOption(new Option('--set <name=value>', 'any option of the heap; may be repeated').argParser(parseSetting))
    .addOption(jsonOption())
    .action(runMicro);
  return program;
}

try {
  await programFor().parseAsync();
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`error: ${message}\n`);
  process.exitCode = 1;
}
