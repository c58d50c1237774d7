/** `npm run bench -- <bench> [flags]`: the one entry to all benches. */
import { Command, Option } from 'commander';
import { accept, printVerdicts, type AcceptFlags } from './accept.js';
import { addBenches, jsonOption, patienceOption, quickOption, repeatOption } from './benches.js';
import { called, candidateFor, isSkipped, measureSpec, namesFor, type Candidate } from './candidates.js';
import { compare, type CompareFlags } from './compare.js';
import { addChannel } from './channel/command.js';
import { printComparisons, sayLeftOut } from './comparison-table.js';
import { warnOfLoad } from './environment.js';
import { integerOption, parseSetting } from './flags.js';
import { addLearning } from './learning/command.js';
import { addMap } from './map/command.js';
import { addMemory } from './memory/command.js';
import { micro, printMicro } from './micro.js';
import { printJson, printResult } from './report.js';
import { buildWasm } from './rivals/build-wasm.js';
import { printRivals, rivalStatuses } from './rivals/list.js';
import { addScale } from './scale/command.js';
import { type OptionValue, type Spec } from './spec.js';
import { addSuite } from './suite/command.js';
import { addLists } from './lists/command.js';
import { addSync } from './sync/command.js';
import { printStructs, structs } from './structs.js';
import { printWasmCalls, wasmCalls } from './wasm-calls.js';

async function runBench(spec: Spec, command: Command): Promise<void> {
  const { json } = command.optsWithGlobals<{ json?: boolean }>();
  warnOfLoad();
  const result = await measureSpec(spec);
  if (json === true) printJson(result);
  else printResult(result);
}

async function runCompare(spec: Spec, command: Command): Promise<void> {
  const flags = command.optsWithGlobals<CompareFlags & { json?: boolean; against: string }>();
  if (spec.verify) command.error('error: compare measures speed; run the bench itself to --verify.');
  const rivals = namesFor(spec, flags.against).map((name) => candidateFor(spec, name));
  const skipped = rivals.filter(isSkipped);
  sayLeftOut(skipped, spec.bench);
  const present = rivals.filter((one): one is Candidate => !isSkipped(one));
  // Among presets, ours goes by its preset as well.
  const name = present.some((one) => one.spec.allocator === spec.allocator) ? spec.preset : spec.allocator;
  const measured = await compare(spec.bench, [called(spec, name), ...present], flags);
  const comparison = { ...measured, skipped: [...skipped, ...measured.skipped] };
  if (flags.json === true) {
    printJson({ bench: 'compare', ...comparison });
    return;
  }
  printComparisons([measured]);
  process.stdout.write(`$ ${comparison.candidates[0].runs[0].environment.command}\n`);
}

async function runAccept(flags: AcceptFlags & { json?: boolean }): Promise<void> {
  const verdicts = await accept(flags);
  if (flags.json === true) printJson({ bench: 'accept', verdicts });
  else printVerdicts(verdicts);
  if (verdicts.some(({ met }) => met === false)) process.exitCode = 1;
}

interface WasmCallsFlags {
  readonly json?: boolean;
  readonly rounds: number;
  readonly pairs: number;
}

function runWasmCalls({ json, rounds, pairs }: WasmCallsFlags): void {
  warnOfLoad();
  const result = wasmCalls(rounds, pairs);
  if (json === true) printJson(result);
  else printWasmCalls(result);
}

function addWasmCalls(program: Command): void {
  program
    .command('wasm-calls')
    .description('malloc and free called from C in a WebAssembly module: imported from the heap, and compiled in')
    .addOption(integerOption('--rounds <n>', 'rounds of each allocator, in alternation', 1, 1000, 7))
    .addOption(integerOption('--pairs <n>', 'mallocs, and frees, of a round', 1, 1 << 30, 4_000_000))
    .addOption(jsonOption())
    .action(runWasmCalls);
}

interface StructsFlags {
  readonly json?: boolean;
  readonly rounds: number;
  readonly count: number;
}

function runStructs({ json, rounds, count }: StructsFlags): void {
  warnOfLoad();
  const result = structs(rounds, count);
  if (json === true) printJson(result);
  else printStructs(result);
}

function addStructs(program: Command): void {
  program
    .command('structs')
    .description('fields of shared structs, alone, in arrays and in columns, against those of plain objects')
    .addOption(integerOption('--rounds <n>', 'rounds of each, in alternation', 1, 1000, 11))
    .addOption(integerOption('--count <n>', 'structs, and objects', 1, 4_000_000, 1_000_000))
    .addOption(jsonOption())
    .action(runStructs);
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

function addCompare(program: Command): void {
  const comparing = program.command('compare').description('runs a bench on several candidates in alternation');
  addBenches(comparing, runCompare);
  for (const bench of comparing.commands) {
    bench
      .addOption(repeatOption(5))
      .addOption(patienceOption(20))
      .addOption(
        new Option('--against <names>', 'rivals or presets with commas between, or all; `rivals` lists them').default(
          'native',
        ),
      )
      .addOption(jsonOption());
  }
}

function addRivals(program: Command): void {
  program
    .command('rivals')
    .description('the allocators to compare with: which are there, and how to get the rest')
    .addOption(jsonOption())
    .action(({ json }: { json?: boolean }) => {
      const statuses = rivalStatuses();
      if (json === true) printJson({ bench: 'rivals', rivals: statuses });
      else printRivals(statuses);
    });
  program
    .command('build-rivals')
    .description('compiles the WebAssembly rivals with emscripten')
    .action(() => {
      process.stdout.write(`${buildWasm().join('\n')}\n`);
    });
}

function addAccept(program: Command): void {
  program
    .command('accept')
    .description('the comparisons that the project promises; ends with code 1 where one is not met')
    .addOption(repeatOption(5))
    .addOption(patienceOption(20))
    .option('--preset <name>', 'preset of the heap', 'production')
    .option('--only <text>', 'only comparisons whose title contains it', '')
    .addOption(quickOption())
    .addOption(jsonOption())
    .action(runAccept);
}

function programFor(): Command {
  const program = new Command('bench')
    .description('Measures sabmalloc, by itself and against other allocators.')
    .showHelpAfterError('Add --help to see what there is.');
  addBenches(program, runBench);
  for (const bench of program.commands) bench.addOption(jsonOption());
  addCompare(program);
  addRivals(program);
  addSuite(program);
  addLearning(program);
  addMemory(program);
  addScale(program);
  addSync(program);
  addChannel(program);
  addMap(program);
  addLists(program);
  addWasmCalls(program);
  addStructs(program);
  addAccept(program);
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
