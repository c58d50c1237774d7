import type { OptionTable } from './option-spec.js';
import { refuseName } from './layers.js';
import { parseText, VARIABLE_PREFIX, variableOf } from './text.js';

export type Variables = Readonly<Partial<Record<string, string>>>;

/** The options that environment variables give, and the preset. An empty variable counts as not given. */
export function optionsIn(table: OptionTable, variables: Variables): { preset?: string; options: object } {
  const names = new Map(Object.keys(table).map((name) => [variableOf(name), name]));
  const options: Record<string, unknown> = {};
  let preset: string | undefined;
  for (const [variable, text] of Object.entries(variables)) {
    if (!variable.startsWith(VARIABLE_PREFIX) || text === undefined || text === '') continue;
    const name = names.get(variable);
    if (name !== undefined) options[name] = parseText(table[name], text);
    else if (variable === variableOf('preset')) preset = text;
    else refuseName(table, { kind: 'environment' }, variable, text);
  }
  return preset === undefined ? { options } : { preset, options };
}
