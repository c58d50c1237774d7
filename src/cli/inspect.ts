import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { basename } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { bytesText, PRESETS, type PresetName } from '../config/index.js';
import { HeapError } from '../index.js';
import { InspectError, type PageData, pageOf, pageOfSnapshots, pageOfTrace, parseSnapshot } from '../inspect/index.js';

const EXAMPLES = `
Examples:
  sabmalloc inspect snapshot heap.json                    draws what writeSnapshot(heap, 'heap.json') wrote
  sabmalloc inspect snapshot 1.json 2.json -o page.html   several of one heap, with a time line
  sabmalloc inspect trace jq.bin.gz --preset minimal      replays a recorded program and draws its heap
  sabmalloc inspect live -- node app.js                   serves every heap that app.js makes, while it runs

Pages are one file each and load nothing. Ends with code 0, or 2 for anything wrong; live ends with the program's code.`;

const EXIT_SIGNAL = 128;
const PORT_MOST = 65_535;

interface OutFlags {
  readonly out?: string;
}

/** Adds `inspect` to the program. */
export function inspectCommand(program: Command): void {
  const inspect = program
    .command('inspect')
    .description('Draws a heap: a page with its segments, slabs and blocks, classes, workers and time line.')
    .addHelpText('after', EXAMPLES);
  const out = ['-o, --out <page>', 'where to write the page (default: the name of the file, here, as .html)'] as const;
  const snapshot = inspect
    .command('snapshot')
    .description('Draws snapshots that writeSnapshot(heap, file) of sabmalloc/inspect wrote.')
    .argument('<files...>', 'snapshots, JSON')
    .option(...out);
  snapshot.action((files: string[], flags: OutFlags) => drawSnapshots(files, flags, snapshot));
  const trace = inspect
    .command('trace')
    .description('Replays a recorded trace on one thread and draws the heap at the peak, at the end, and over time.')
    .argument('<file>', 'a trace, .bin.gz')
    .addOption(new Option('--preset <name>', 'the heap to replay it on').choices(Object.keys(PRESETS)))
    .option(...out);
  trace.action((file: string, flags: OutFlags & { preset?: PresetName }) => drawTrace(file, flags, trace));
  const live = inspect
    .command('live')
    .description('Runs a program of Node and serves a live picture of its heaps on this machine.')
    .argument('<program...>', 'what to run, after --')
    .addOption(new Option('--port <n>', 'port to listen on (default: any that is free)').argParser(portOf));
  live.action((words: string[], { port }: { port?: number }) => runLive(words, port ?? 0, live));
}

function portOf(text: string): number {
  const port = /^\d+$/.test(text) ? Number(text) : NaN;
  if (port <= PORT_MOST) return port;
  throw new InvalidArgumentError(`Write an integer from 0 to ${PORT_MOST}, such as 8080.`);
}

/** Does a part of the work on a file; what is wrong with the file is told in a sentence. */
function about<T>(file: string, command: Command, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const isExpected = error instanceof InspectError || error instanceof HeapError || 'syscall' in (error as object);
    if (!isExpected) throw error;
    return command.error(`error: ${file}: ${(error as Error).message}.`);
  }
}

function drawSnapshots(files: readonly string[], flags: OutFlags, command: Command): void {
  const taken = files.map((file) =>
    about(file, command, () => ({ label: basename(file), snapshot: parseSnapshot(readFileSync(file, 'utf8')) })),
  );
  writePage(files[0], pageOfSnapshots(taken), flags, command);
}

function drawTrace(file: string, { preset, ...flags }: OutFlags & { preset?: PresetName }, command: Command): void {
  const title = `Trace ${basename(file, '.bin.gz')}${preset === undefined ? '' : `, preset ${preset}`}`;
  const data = about(file, command, () =>
    pageOfTrace(title, readFileSync(file), preset === undefined ? {} : { preset }),
  );
  writePage(file, data, flags, command);
}

function writePage(file: string, data: PageData, { out }: OutFlags, command: Command): void {
  const path = out ?? `${basename(file).replace(/\.(json|bin\.gz)$/, '')}.html`;
  const page = pageOf(data);
  about(path, command, () => writeFileSync(path, page));
  process.stdout.write(`${path}, ${bytesText(Buffer.byteLength(page))}: open it in a browser\n`);
}

async function runLive(words: readonly string[], port: number, command: Command): Promise<void> {
  try {
    process.exitCode = await run(words, port);
  } catch (error) {
    command.error(`error: ${words[0]} can't be started: ${(error as Error).message}.`);
  }
}

/** Runs the program to its end. Resolves with its exit code, or what a shell makes of its signal. */
function run(words: readonly string[], port: number): Promise<number> {
  const preload = new URL(`../inspect/preload.js?port=${port}`, import.meta.url);
  const options = [process.env.NODE_OPTIONS ?? '', `--import ${preload.href}`].filter((each) => each !== '').join(' ');
  const child = spawn(words[0], words.slice(1), {
    stdio: 'inherit',
    env: { ...process.env, NODE_OPTIONS: options },
  });
  // The terminal tells both; the program decides what comes of it.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      resolve(code ?? EXIT_SIGNAL + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}
