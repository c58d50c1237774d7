import { type Command } from 'commander';
import {
  flagOf,
  nearest,
  OPTION_NAMES,
  OPTIONS,
  rangeOf,
  resolveOptions,
  variableOf,
  type OptionName,
  type ResolvedOptions,
} from '../config/index.js';
import { HeapError } from '../index.js';
import { addConfigFlags, FLAG_NAMES, refuseUnknown, type ConfigFlags } from './config-flags.js';
import { ConfigView } from './config-view.js';
import { readPreset } from './preset-files.js';

const EXAMPLES = `
Examples:
  sabmalloc config                                the defaults, and what the environment changes
  sabmalloc config --preset minimal --poison      what Heap.create makes of this
  sabmalloc config mine.json                      whether a preset of your own is right, and what it comes to
  sabmalloc config --explain cacheBytes           all about one option

The first of these wins: flag, environment (SABMALLOC_MAX_BYTES=1GiB), file or preset, what that extends, default.
Ends with code 0, or 2 for anything wrong.`;

/** Adds `config` to the program. */
export function configCommand(program: Command): void {
  const command = program
    .command('config')
    .description('Shows which options hold and where each comes from, and checks preset files.')
    .argument('[file]', 'a preset file to check, JSON')
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText('after', EXAMPLES);
  addConfigFlags(command);
  command.action((file: string | undefined, flags: ConfigFlags) => config(file, flags, command));
}

function config(file: string | undefined, flags: ConfigFlags, command: Command): void {
  refuseUnknown(command);
  if (command.args.length > 1) command.error(`error: too many arguments: ${command.args.join(' ')}; give one file.`);
  if (file !== undefined && flags.preset !== undefined)
    command.error(`error: --preset ${flags.preset} and the file ${file} exclude each other: let the file extend it.`);
  const explained = flags.explain === undefined ? undefined : namesOf(flags.explain, command);
  const preset = file === undefined ? flags.preset : readPreset(file, command);
  const given = Object.entries(flags).filter(([name]) => (FLAG_NAMES as string[]).includes(name));
  const view = new ConfigView(resolve({ preset, env: true, ...Object.fromEntries(given) }, file, command), file);
  const text = flags.json === true ? view.json(explained) : view.text(explained);
  process.stdout.write(`${text}\n`);
}

function resolve(options: object, file: string | undefined, command: Command): ResolvedOptions {
  try {
    return resolveOptions(options);
  } catch (error) {
    if (!(error instanceof HeapError)) throw error;
    return command.error(`error: ${file === undefined ? '' : `${file}: `}${error.message}`);
  }
}

/** The option meant by its name, flag or variable; all for `--explain` alone. */
function namesOf(explain: string | true, command: Command): readonly OptionName[] {
  if (explain === true) return OPTION_NAMES;
  const found = OPTION_NAMES.filter((name) => [name, flagOf(name), variableOf(name)].includes(explain));
  if (found.length > 0) return found;
  const name = nearest(explain, OPTION_NAMES) as OptionName;
  return command.error(
    `error: option '--explain [option]' argument '${explain}' is no option: did you mean ${name}, ${rangeOf(OPTIONS[name])}?`,
  );
}
