import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Command } from 'commander';
import { recordingOf, writeTraceFile, type Recording } from '../trace/index.js';
import { presetNamed } from './preset-files.js';
import { grouped, mebibytes } from './words.js';

const DEFAULT_FILE = 'trace.bin.gz';
const ENDING = '.bin.gz';
/** As shells do: the program was not found, or ended by a signal. */
const EXIT_NOT_FOUND = 127;
const EXIT_SIGNAL = 128;

const EXAMPLES = `
Examples:
  sabmalloc record -- node app.js --port 80       what app.js allocates, into ${DEFAULT_FILE}
  sabmalloc record -o load.bin.gz -- npm start    any command that runs Node
  sabmalloc replay load.bin.gz                    what came of it

Every thread of the program that inherits NODE_OPTIONS is recorded, at profileLevel 3: calls take several times as long. With several
heaps the first file is of the one with the most events, the next is load-2.bin.gz, and so on.
Ends with the program's code, or 2 for a wrong argument.`;

interface RecordFlags {
  readonly output: string;
  readonly preset?: string;
}

/** Adds `record` to the program. */
export function recordCommand(program: Command): void {
  const command = program
    .command('record')
    .description('Runs a program and writes down what its heaps allocate and free, for replay.')
    .argument('<command...>', 'the program and its arguments, best behind --')
    .option('-o, --output <file>', `where the trace goes; a name that ends in ${ENDING}`, DEFAULT_FILE)
    .option('--preset <name>', 'preset for every heap of the program instead of its own: a name, or a .json file')
    .passThroughOptions()
    .addHelpText('after', EXAMPLES);
  command.action((words: readonly string[], flags: RecordFlags) => record(words, flags, command));
}

async function record(words: readonly string[], flags: RecordFlags, command: Command): Promise<void> {
  const { output } = flags;
  if (!output.endsWith(ENDING)) command.error(`error: --output ${output} must end in ${ENDING}.`);
  const preset = flags.preset === undefined ? undefined : presetNamed(flags.preset, command).preset;
  prepare(output, command);
  const folder = mkdtempSync(join(tmpdir(), 'sabmalloc-record-'));
  try {
    process.exitCode = await run(words, preloadAddress(folder, preset));
    const recordings = readParts(folder);
    if (recordings.length === 0) rmSync(output);
    say(write(recordings, output));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Before hours of recording, not after. */
function prepare(output: string, command: Command): void {
  try {
    writeFileSync(output, '');
  } catch (error) {
    command.error(`error: --output ${output} can't be written: ${(error as Error).message}`);
  }
}

/** The module that every thread loads first. Its arguments are part of its address: variables would be options of heaps. */
function preloadAddress(folder: string, preset: unknown): string {
  const url = new URL('../recorder/preload.js', import.meta.url);
  url.searchParams.set('folder', folder);
  if (preset !== undefined) url.searchParams.set('preset', JSON.stringify(preset));
  return url.href;
}

/** Runs the program to its end; its exit code, as a shell gives it. */
function run([file, ...args]: readonly string[], preload: string): Promise<number> {
  const options = [process.env['NODE_OPTIONS'], `--import=${preload}`].filter((each) => each !== undefined).join(' ');
  // Ctrl+C is for the program; what it leaves is still to be written.
  const ignore = (): void => undefined;
  process.on('SIGINT', ignore);
  return new Promise((resolve) => {
    const child = spawn(file, args, { stdio: 'inherit', env: { ...process.env, NODE_OPTIONS: options } });
    child.once('error', (error) => {
      process.off('SIGINT', ignore);
      process.stderr.write(`error: ${file} can't be run: ${error.message}\n`);
      resolve(EXIT_NOT_FOUND);
    });
    child.once('exit', (code, signal) => {
      process.off('SIGINT', ignore);
      resolve(code ?? EXIT_SIGNAL + constants.signals[signal!]);
    });
  });
}

/** What each heap's threads have written, most events first. */
function readParts(folder: string): Recording[] {
  const parts = new Map<string, Uint32Array[]>();
  for (const name of readdirSync(folder)) {
    const heap = name.split('-', 1)[0];
    const { buffer } = new Uint8Array(readFileSync(join(folder, name)));
    // A thread that was killed may have written half a word last.
    const events = new Uint32Array(buffer, 0, Math.floor(buffer.byteLength / 4));
    parts.set(heap, [...(parts.get(heap) ?? []), events]);
  }
  return [...parts.values()].map(recordingOf).sort((a, b) => b.trace.events - a.trace.events);
}

interface Written {
  readonly file: string;
  readonly recording: Recording;
}

function write(recordings: readonly Recording[], output: string): Written[] {
  return recordings.map((recording, at) => {
    const file = at === 0 ? output : `${output.slice(0, -ENDING.length)}-${at + 1}${ENDING}`;
    writeTraceFile(file, recording.trace);
    return { file, recording };
  });
}

/** On standard error, for standard output is the program's. */
function say(written: readonly Written[]): void {
  const lines = written.flatMap(({ file, recording }) => [inWords(file, recording), ...gaps(recording)]);
  const end =
    written.length === 0
      ? 'nothing recorded: no heap was made in a thread that inherits NODE_OPTIONS'
      : `replay with: npx sabmalloc replay ${written[0].file}`;
  process.stderr.write(`${[...lines, end].join('\n')}\n`);
}

function inWords(file: string, { trace, workers }: Recording): string {
  const { events, peakLiveBytes, peakLiveBlocks } = trace;
  const peak = `peak live ${mebibytes(peakLiveBytes)} in ${grouped(peakLiveBlocks)} blocks`;
  return `${file}: ${grouped(events)} events of ${workers} ${workers === 1 ? 'worker' : 'workers'}, ${peak}`;
}

function gaps({ lostEvents, unknownBlocks, impliedFrees }: Recording): string[] {
  if (lostEvents + unknownBlocks + impliedFrees === 0) return [];
  return [
    `  ${grouped(lostEvents)} events lost: ${grouped(unknownBlocks)} blocks of unknown origin left out, ${grouped(impliedFrees)} frees put in`,
  ];
}
