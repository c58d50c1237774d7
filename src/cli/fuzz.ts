import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Command } from 'commander';
import { fuzzHeap, FuzzError, FuzzOptionError, type FuzzOptions } from '../testing/index.js';
import { FUZZ_OPTIONS, type FuzzFlags } from './flags.js';
import { showProgress } from './progress.js';
import { showReport } from './report.js';

const EXIT_FAILURE = 1;

const EXAMPLES = `
Examples:
  sabmalloc fuzz                                  200 runs on one thread, every preset
  sabmalloc fuzz --workers 3 --time 10m           four threads in lock step, for ten minutes
  sabmalloc fuzz --preset debug --seed 42         the same calls each time
  sabmalloc fuzz --use ./queue.fuzz.js            your own code, with a heap that others use as well

Ends with code 0 if nothing was found, 1 if something was (then the last line replays it), 2 for a wrong argument.`;

/** Adds `fuzz` to the program. */
export function fuzzCommand(program: Command): void {
  const command = program
    .command('fuzz')
    .description('Makes random calls, right and wrong ones, and compares the heap with a model after each.')
    .addHelpText('after', EXAMPLES);
  for (const option of FUZZ_OPTIONS) command.addOption(option);
  command.action(async (flags: FuzzFlags) => fuzz(flags, command));
}

async function fuzz(flags: FuzzFlags, command: Command): Promise<void> {
  const { time, use, ...rest } = flags;
  const own = use === undefined ? {} : await load(use, command);
  const progress = showProgress(flags);
  try {
    const report = await fuzzHeap({ ...rest, ...own, seconds: time, onProgress: progress.update });
    progress.stop();
    showReport(report, flags.workers, flags.path !== undefined);
  } catch (error) {
    progress.stop();
    if (error instanceof FuzzOptionError) command.error(`error: ${error.message}.`);
    if (!(error instanceof FuzzError)) throw error;
    process.stdout.write(`${error.explanation}\nreplay: ${replayLine(flags, error)}\n`);
    process.exitCode = EXIT_FAILURE;
  }
}

/** What a module of the caller's offers to the fuzzer. */
async function load(name: string, command: Command): Promise<Pick<FuzzOptions, 'guest' | 'wrap'>> {
  let module: Record<string, unknown>;
  try {
    module = (await import(pathToFileURL(resolve(name)).href)) as Record<string, unknown>;
  } catch (error) {
    return command.error(`error: --use ${name} can't be loaded: ${String(error)}`);
  }
  const { guest, wrap } = module;
  const isRight = [guest, wrap].every((each) => each === undefined || typeof each === 'function');
  if (!isRight || (guest ?? wrap) === undefined)
    command.error(
      `error: --use ${name} exports neither a function guest(heap) nor wrap(heap); README.md has an example.`,
    );
  return { guest, wrap } as Pick<FuzzOptions, 'guest' | 'wrap'>;
}

const quoted = (text: string): string => (/^[\w./:@+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** The command that does it again. */
function replayLine({ preset, workers, use }: FuzzFlags, { seed, path }: FuzzError): string {
  const flags = [
    `--seed ${seed}`,
    `--path ${quoted(path)}`,
    ...(workers === 0 ? [] : [`--workers ${workers}`]),
    ...(preset === undefined ? [] : [`--preset ${preset}`]),
    ...(use === undefined ? [] : [`--use ${quoted(use)}`]),
  ];
  return `npx sabmalloc fuzz ${flags.join(' ')}`;
}
