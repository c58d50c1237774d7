#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { configCommand } from './config.js';
import { fuzzCommand } from './fuzz.js';
import { inspectCommand } from './inspect.js';
import { learnCommand } from './learn.js';
import { recordCommand } from './record.js';
import { replayCommand } from './replay.js';

/** A wrong argument, or one that is missing; 1 is for what a command finds. */
const EXIT_USAGE = 2;

function versionOfPackage(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

const program = new Command('sabmalloc')
  .description('malloc and free for JavaScript threads: tools around the heap.')
  .version(versionOfPackage())
  .showHelpAfterError('Add --help to see what there is.')
  .enablePositionalOptions()
  .exitOverride();
configCommand(program);
fuzzCommand(program);
inspectCommand(program);
learnCommand(program);
recordCommand(program);
replayCommand(program);

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE;
}
