import { readFileSync } from 'node:fs';
import { type Command } from 'commander';
import { resolveOptions } from '../config/index.js';
import { HeapError } from '../index.js';

/** A preset as a flag names it: one of the package, or a file that holds one. */
export interface NamedPreset {
  readonly label: string;
  /** For `Heap.create`; may be sent to another process. */
  readonly preset: unknown;
}

/** What is in a file of JSON. */
export function readPreset(file: string, command: Command): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    return command.error(`error: ${file} can't be read as JSON: ${(error as Error).message}`);
  }
}

/** Reads and checks what `--preset` was given; a wrong one ends the command with a sentence. */
export function presetNamed(text: string, command: Command): NamedPreset {
  const isFile = text.endsWith('.json');
  const preset = isFile ? readPreset(text, command) : text;
  try {
    resolveOptions({ preset });
  } catch (error) {
    if (!(error instanceof HeapError)) throw error;
    command.error(`error: --preset ${text}: ${error.message}`);
  }
  return { label: text, preset };
}
