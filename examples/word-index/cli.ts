/** The command line: what can be asked, and sentences for what can't. */
import { existsSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { bytes, parseBytes } from './units.js';

const MOST_WORKERS = 62;
const FEWEST_HEAP_BYTES = 512 * 1024;
/** The records of the index keep addresses in 32 bits. */
const MOST_HEAP_BYTES = 4 * 1024 ** 3;
const DEFAULT_HEAP_BYTES = 1024 ** 3;
const SAMPLE_QUERIES = ['license', 'sharedarraybuffer', 'shared memory', 'export default function', 'worker atomics'];

export interface Options {
  readonly folder: string;
  readonly workers: number;
  readonly queries: readonly string[];
  readonly limit: number;
  readonly maxBytes: number;
  readonly preset: string | undefined;
  readonly json: boolean;
}

interface Flags {
  readonly workers: number;
  readonly query: string[];
  readonly limit: number;
  readonly maxBytes: number;
  readonly preset?: string;
  readonly json?: true;
}

/** Parses the arguments; a mistake ends the process with a sentence and exit code 1. */
export function parseOptions(argv: readonly string[]): Options {
  const program = new Command('word-index')
    .description('Workers build one inverted index of all text files below a folder, in one shared heap.')
    .argument('[folder]', "folder to index (default: this project's node_modules)")
    .addOption(
      new Option('-w, --workers <count>', 'worker threads, for building and again for freeing')
        .argParser(workerCount)
        .default(Math.min(availableParallelism(), MOST_WORKERS)),
    )
    .addOption(
      new Option('-q, --query <words>', 'list the files that hold all these words; can be repeated')
        .argParser(collect)
        .default([], 'some samples'),
    )
    .addOption(
      new Option('--limit <files>', 'index at most so many files').argParser(positiveInteger).default(Infinity, 'all'),
    )
    .addOption(
      new Option('--max-bytes <bytes>', 'what the heap may grow to: 268435456, 256MiB, 1g')
        .argParser(heapBytes)
        .default(DEFAULT_HEAP_BYTES, bytes(DEFAULT_HEAP_BYTES)),
    )
    .option('--preset <name>', 'heap preset (default: the one that Heap.create takes)')
    .option('--json', 'print the results as one JSON object')
    .showHelpAfterError('(word-index --help lists every flag)');
  program.parse([...argv], { from: 'user' });
  const flags = program.opts<Flags>();
  return {
    folder: checkedFolder(program, program.args[0]),
    workers: flags.workers,
    queries: flags.query.length > 0 ? flags.query : SAMPLE_QUERIES,
    limit: flags.limit,
    maxBytes: flags.maxBytes,
    preset: flags.preset,
    json: flags.json === true,
  };
}

function checkedFolder(program: Command, argument: string | undefined): string {
  const folder = resolve(argument ?? join(projectRoot(), 'node_modules'));
  const stats = statSync(folder, { throwIfNoEntry: false });
  if (stats?.isDirectory() === true) return folder;
  const problem = stats === undefined ? 'there is no folder' : 'there is a file, not a folder,';
  const remedy =
    argument === undefined
      ? 'Run npm install first, or name a folder: word-index <folder>'
      : 'Name a folder that holds text files, for example: word-index ./src';
  return program.error(`error: ${problem} at ${folder}. ${remedy}`);
}

/** The nearest folder upwards with a package.json: this file runs from its source and from the build folder. */
function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

function collect(value: string, previous: string[]): string[] {
  if (!/[\w\u0080-\uffff]{2}/.test(value)) {
    throw new InvalidArgumentError('Give one or more words of at least two letters or digits.');
  }
  return [...previous, value];
}

function positiveInteger(value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new InvalidArgumentError('Give a whole number of 1 or more.');
  return Number(value);
}

function workerCount(value: string): number {
  const workers = positiveInteger(value);
  if (workers > MOST_WORKERS) throw new InvalidArgumentError(`Give at most ${MOST_WORKERS}.`);
  return workers;
}

function heapBytes(value: string): number {
  const size = parseBytes(value);
  if (size === undefined) throw new InvalidArgumentError('Give a size such as 268435456, 256MiB or 1g.');
  if (size >= FEWEST_HEAP_BYTES && size <= MOST_HEAP_BYTES) return size;
  throw new InvalidArgumentError(`Give between ${bytes(FEWEST_HEAP_BYTES)} and ${bytes(MOST_HEAP_BYTES)}.`);
}
