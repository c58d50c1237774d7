import { show } from '../base/errors.js';
import type { HeapOptions } from './options.js';
import type { PRESETS } from './presets.generated.js';
import { refuse } from './refuse.js';
import { nearest } from './suggest.js';

export type PresetName = keyof typeof PRESETS;

/** A set of option values with a name and a version, as the files under `presets/` hold it. */
export interface Preset {
  /** For editors: where the JSON Schema of this form is. */
  readonly $schema?: string;
  readonly name: string;
  readonly version: number;
  readonly description?: string;
  /** The preset whose values hold where this one says nothing. */
  readonly extends?: PresetName | Preset;
  readonly options: HeapOptions;
}

export type PresetTable = Readonly<Record<string, Preset>>;

const KEYS = Object.keys({
  $schema: 0,
  name: 0,
  version: 0,
  description: 0,
  extends: 0,
  options: 0,
} satisfies Record<keyof Preset, 0>);

export const DEFAULT_PRESET: PresetName = 'production';

/** What `where` calls a preset: one of the table by its name, or an object that is checked for its form. */
function find(table: PresetTable, preset: unknown, where: string): Preset {
  if (typeof preset !== 'string') return checkForm(preset, where);
  if (Object.hasOwn(table, preset)) return table[preset];
  const names = Object.keys(table);
  const suggestion = nearest(preset, names);
  refuse(
    `unknown preset ${show(preset)} in ${where}: did you mean ${show(suggestion)}? There are ${names.join(', ')}.`,
    {
      option: 'preset',
      value: preset,
      suggestion,
    },
  );
}

function checkForm(preset: unknown, where: string): Preset {
  const { name, version, options } = (preset ?? {}) as Partial<Record<keyof Preset, unknown>>;
  if (typeof preset !== 'object' || typeof options !== 'object' || options === null)
    refuse(
      `preset in ${where} is ${show(preset)}; it must be the name of a preset or an object { name, version, options }`,
      { option: 'preset', value: preset },
    );
  if (typeof name !== 'string' || name === '')
    refuse(`preset in ${where} has the name ${show(name)}; it must be text`, { option: 'preset.name', value: name });
  if (!Number.isInteger(version) || (version as number) < 1)
    refuse(`preset ${show(name)} has version ${show(version)}; it must be an integer from 1`, {
      option: 'preset.version',
      value: version,
    });
  const [key, value] = Object.entries(preset as object).find(([each]) => !KEYS.includes(each)) ?? [];
  if (key !== undefined) {
    const suggestion = nearest(key, KEYS);
    refuse(
      `preset ${show(name)} has a property ${show(key)} (value ${show(value)}): did you mean ${show(suggestion)}? Options of the heap go under "options".`,
      { option: `preset.${key}`, value, suggestion },
    );
  }
  return preset as Preset;
}

/** A preset and all that it extends, the preset itself last. */
export function presetChain(table: PresetTable, preset: unknown, where: string): Preset[] {
  const chain = [find(table, preset, where)];
  for (;;) {
    const [{ name, extends: parent }] = chain;
    if (parent === undefined) return chain;
    const next = find(table, parent, `"extends" of preset ${show(name)}`);
    const names = [next, ...chain].map((each) => each.name);
    if (names.indexOf(next.name, 1) > 0)
      refuse(
        `preset ${show(next.name)} extends itself: ${names.reverse().join(' -> ')}; each needs a name of its own`,
        {
          option: 'preset.extends',
          value: next.name,
        },
      );
    chain.unshift(next);
  }
}
