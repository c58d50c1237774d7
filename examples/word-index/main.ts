/** The program: `npm start`, or `node build/examples/word-index/main.js --help`. */
import { Heap, HeapError } from 'sabmalloc';
import { parseOptions, type Options } from './cli.js';
import { findFiles } from './files.js';
import { type ProgressStyle } from './progress.js';
import { toJson, toText, type Report } from './report.js';
import { run } from './run.js';
import { bytes, counted } from './units.js';

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  const files = findFiles(options.folder, options.limit);
  if (files.length === 0) return failed(`There are no files below ${options.folder}: name another folder.`);
  const heap = createHeap(options);
  if (typeof heap === 'string') return failed(heap);
  if (!options.json) {
    const who = `${counted(files.length, 'file')} below ${options.folder}, ${counted(options.workers, 'worker')}`;
    print(`${who}, heap of at most ${bytes(options.maxBytes)}`);
  }
  let report: Report;
  try {
    report = await run(heap, options, files, progressStyle(options));
  } catch (error) {
    if (isOutOfMemory(error)) return failed(outOfMemory(options));
    if (error instanceof HeapError) return failed(error.message);
    throw error;
  }
  print(options.json ? toJson(report) : `\n${toText(report)}`);
  const { failure } = report.build;
  if (failure !== undefined) return failed(isOutOfMemory(failure) ? outOfMemory(options) : failure.message);
  return report.collected.liveBlocks === 0 ? 0 : failed('Blocks are left over: somebody lost them.');
}

/** The heap, or a sentence saying why there is none. */
function createHeap({ preset, maxBytes }: Options): Heap | string {
  try {
    const name = preset as Extract<NonNullable<Parameters<typeof Heap.create>[0]>['preset'], string> | undefined;
    return Heap.create({ maxBytes, ...(name === undefined ? {} : { preset: name }) });
  } catch (error) {
    if (error instanceof HeapError) return error.message;
    throw error;
  }
}

function progressStyle(options: Options): ProgressStyle {
  if (process.stderr.isTTY) return 'bar';
  return options.json ? 'none' : 'lines';
}

function isOutOfMemory(error: unknown): boolean {
  return error instanceof HeapError && error.code === 'ERR_HEAP_OUT_OF_MEMORY';
}

function outOfMemory({ maxBytes }: Options): string {
  return `The index doesn't fit into a heap of ${bytes(maxBytes)}: give it more with --max-bytes, or fewer files with --limit.`;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function failed(sentence: string): number {
  process.stderr.write(`error: ${sentence}\n`);
  return 1;
}

process.exitCode = await main();
