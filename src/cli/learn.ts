import { writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { Option, type Command } from 'commander';
import { PRESETS, resolveOptions, type Preset, type PresetName } from '../config/index.js';
import { HeapError } from '../index.js';
import { readTraceFile, type Trace } from '../trace/index.js';
import { presetOf, withRoom, type LearnedPreset } from './learn-preset.js';
import { replay, type Replayed } from './learn-replay.js';
import { showLearned } from './learn-view.js';

const EXAMPLES = `
Examples:
  sabmalloc learn program.bin.gz                            what the caches of each class come to
  sabmalloc learn program.bin.gz --out learned.json         and a preset of it, for sabmalloc config and Heap.create
  sabmalloc learn program.bin.gz --base minimal --log l.csv every step on the way there

The trace is replayed on one worker, on three heaps: the base, one that learns with four times its room, and the preset written.
Ends with code 0, or 2 for anything wrong.`;

export interface LearnFlags {
  readonly base: PresetName;
  readonly out?: string;
  readonly log?: string;
}

/** Adds `learn` to the program. */
export function learnCommand(program: Command): void {
  const command = program
    .command('learn')
    .description('Replays a recorded program on a heap that learns, and makes a preset of what it has learned.')
    .argument('<trace>', 'a trace, MTR1 in gzip: bench/traces/README.md has the format')
    .addOption(
      new Option('--base <preset>', 'the preset to begin with and to extend')
        .choices(Object.keys(PRESETS))
        .default('production'),
    )
    .option('--out <file>', 'write the preset there, JSON')
    .option('--log <file>', 'write what was learned there, step by step, CSV')
    .addHelpText('after', EXAMPLES);
  command.action((file: string, flags: LearnFlags) => learn(file, flags, command));
}

function learn(file: string, flags: LearnFlags, command: Command): void {
  const trace = read(file, command);
  try {
    const { base, learning, preset, written } = replayAll(trace, flags);
    if (flags.out !== undefined) write(flags.out, preset, command);
    process.stdout.write(`${showLearned(trace, preset, { [flags.base]: base, learning, [preset.name]: written })}\n`);
    if (flags.out !== undefined) process.stdout.write(`\nwritten to ${flags.out}\n`);
  } catch (error) {
    if (!(error instanceof HeapError)) throw error;
    command.error(`error: ${file}: ${error.message}`);
  }
}

/** Once for warming up: the first replay compiles what the others run. */
function replayAll(
  trace: Trace,
  { base: name, log }: LearnFlags,
): { base: Replayed; learning: Replayed; preset: LearnedPreset; written: Replayed } {
  replay(trace, { preset: name });
  const base = replay(trace, { preset: name });
  const room = withRoom(resolveOptions({ preset: name }).values);
  const learning = replay(trace, {
    preset: name,
    ...room,
    learnCaches: true,
    learnMemory: true,
    ...(log === undefined ? {} : { learnLog: log }),
  });
  const preset = presetOf(name, `learned-${trace.name}`, learning);
  return { base, learning, preset, written: replay(trace, { preset }) };
}

function read(file: string, command: Command): Trace {
  try {
    return readTraceFile(file, basename(file, '.bin.gz'));
  } catch (error) {
    return command.error(
      `error: ${file} can't be read as a trace: ${(error as Error).message}; give one as described in --help.`,
    );
  }
}

function write(file: string, preset: Preset, command: Command): void {
  try {
    writeFileSync(file, `${JSON.stringify(preset, null, 2)}\n`);
  } catch (error) {
    command.error(`error: --out ${file} can't be written: ${(error as Error).message}`);
  }
}
