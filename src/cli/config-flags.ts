import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  flagOf,
  nearest,
  OPTION_GROUPS,
  OPTION_NAMES,
  OPTIONS,
  parseText,
  PRESETS,
  rangeOf,
  resolveOptions,
  type OptionName,
  type OptionSpec,
} from '../config/index.js';
import { type HeapError } from '../index.js';

export interface ConfigFlags {
  readonly preset?: string;
  readonly explain?: string | true;
  readonly json?: true;
}

const specOf = (name: string): OptionSpec => OPTIONS[name as OptionName];

/** Memory, and where in it, can't be given as text. */
export const FLAG_NAMES = OPTION_NAMES.filter((name) => {
  const { type, needs } = specOf(name);
  return type !== 'memory' && (needs === undefined || specOf(needs).type !== 'memory');
});

function parserOf(name: OptionName, spec: OptionSpec): (text: string) => unknown {
  return (text) => {
    const value = parseText(spec, text);
    try {
      resolveOptions({ [name]: value });
      return value;
    } catch (error) {
      // What it needs may be among the other flags, which are looked at together afterwards.
      if (spec.needs !== undefined && (error as HeapError)['conflictsWith'] === spec.needs) return value;
      const hint = spec.type === 'choice' ? ` Did you mean "${nearest(text, spec.choices)}"?` : '';
      throw new InvalidArgumentError(`It must be ${rangeOf(spec)}.${hint}`);
    }
  };
}

function optionsOf(name: OptionName): Option[] {
  const spec: OptionSpec = OPTIONS[name];
  const group = `Options of the heap, ${spec.group}:`;
  const [about] = spec.doc.split(/(?<=\.) /);
  if (spec.type !== 'boolean') {
    const value = spec.type === 'choice' ? spec.choices.join('|') : spec.type === 'memory' ? 'value' : spec.unit;
    return [new Option(`${flagOf(name)} <${value}>`, about).argParser(parserOf(name, spec)).helpGroup(group)];
  }
  const off = flagOf(name).replace('--', '--no-');
  const on = new Option(flagOf(name), `${about} ${off} turns it off.`).helpGroup(group);
  return [on, new Option(off, `not ${name}`).hideHelp()];
}

export function addConfigFlags(command: Command): void {
  command
    .option('--preset <name>', `start from a preset: ${Object.keys(PRESETS).join(', ')}`)
    .option('--explain [option]', 'say all about one option, or about every one')
    .option('--json', 'print JSON');
  for (const group of Object.keys(OPTION_GROUPS))
    for (const name of FLAG_NAMES.filter((each) => OPTIONS[each].group === group))
      for (const option of optionsOf(name)) command.addOption(option);
}

/** Flags that the command doesn't have are refused with what would be right. */
export function refuseUnknown(command: Command): void {
  const at = command.args.findIndex((arg) => arg.startsWith('-'));
  if (at < 0) return;
  const [flag, value = command.args.at(at + 1)] = command.args[at].split('=');
  const suggestion = nearest(flag, ['--preset', '--explain', '--json', ...FLAG_NAMES.map(flagOf)]);
  const name = FLAG_NAMES.find((each) => flagOf(each) === suggestion);
  const range = name === undefined ? '' : `, ${rangeOf(OPTIONS[name])}`;
  const given = value === undefined ? '' : ` (value "${value}")`;
  command.error(`error: unknown option '${flag}'${given}: did you mean ${suggestion}${range}?`);
}
