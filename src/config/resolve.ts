import { show } from '../base/errors.js';
import { environment, warnOnce } from '../platform/host.js';
import { overrides, type Overrides } from '../platform/overrides.js';
import { optionsIn, type Variables } from './environment.js';
import { layerOf, mergeLayers, type Layer, type Origin } from './layers.js';
import type { EffectiveOptions, HeapOptions, HeapSettings, OptionName } from './options.js';
import type { OptionTable } from './option-spec.js';
import { OPTION_NAMES, OPTIONS, SETTING_NAMES, settingOf } from './options.js';
import { DEFAULT_PRESET, presetChain, type Preset, type PresetName, type PresetTable } from './presets.js';
import { PRESETS } from './presets.generated.js';
import { refuse } from './refuse.js';
import { variableOf } from './text.js';

/** What `Heap.create` takes: a preset, and options that override it. */
export interface CreateOptions extends HeapOptions {
  readonly preset?: PresetName | Preset;
  /**
   * Read the environment variables `SABMALLOC_<OPTION_IN_CAPS>` and `SABMALLOC_PRESET` too: they win over the preset, and what
   * is given beside `env` wins over them.
   */
  readonly env?: boolean;
}

/** Every option with its value and where that comes from, and the layers it was chosen from, the strongest last. */
export interface Resolution {
  /** The preset and all that it extends, the preset itself last. */
  readonly presets: readonly Preset[];
  readonly layers: readonly Layer[];
  readonly values: Readonly<Record<string, unknown>>;
  readonly origins: Readonly<Record<string, Origin>>;
}

export interface ResolvedOptions extends Resolution {
  readonly presetName: string;
  /** Effective values: what a tool overrides, else option given, else the environment's, else the preset's, else the table's default. */
  readonly values: EffectiveOptions;
  readonly origins: Readonly<Record<OptionName, Origin>>;
  /** Options that the caller, the environment that he asked for, or a tool named. */
  readonly given: ReadonlySet<OptionName>;
  readonly settings: HeapSettings;
}

export interface Tables {
  readonly options: OptionTable;
  readonly presets: PresetTable;
}

function presetLayer(table: OptionTable, { name, version, options }: Preset): Layer {
  return layerOf(table, { kind: 'preset', preset: name, version }, options);
}

/** The same for any tables, any environment and any overrides. */
export function resolveWith(
  tables: Tables,
  options: unknown,
  readVariables: () => Variables,
  forced: Overrides = {},
): Resolution {
  if (typeof options !== 'object' || options === null)
    refuse(`options are ${show(options)}; they must be an object`, { value: options });
  const { preset: named, env = false, ...rest } = options as { preset?: unknown; env?: unknown };
  const preset = forced.preset ?? named;
  if (typeof env !== 'boolean')
    refuse(`option env in the options is ${show(env)}; it must be true or false`, { option: 'env', value: env });
  const given = layerOf(tables.options, { kind: 'options' }, rest);
  const found = env ? optionsIn(tables.options, readVariables()) : { options: {} };
  const isFromVariable = preset === undefined && found.preset !== undefined;
  const presets = presetChain(
    tables.presets,
    preset === undefined ? (found.preset ?? DEFAULT_PRESET) : preset,
    isFromVariable ? variableOf('preset') : 'the options',
  );
  const layers = [
    ...presets.map((each) => presetLayer(tables.options, each)),
    layerOf(tables.options, { kind: 'environment' }, found.options),
    given,
    layerOf(tables.options, { kind: 'overrides' }, forced.options ?? {}),
  ];
  const merged = mergeLayers(tables.options, layers);
  const values: Record<string, unknown> = {};
  const origins: Record<string, Origin> = {};
  for (const [name, spec] of Object.entries(tables.options)) {
    const { value, origin } = merged.get(name) ?? { value: spec.default, origin: { kind: 'default' } };
    values[name] = value;
    origins[name] = origin;
  }
  return { presets, layers, values, origins };
}

/** Validates what the caller gave and fills in the preset and the defaults. Throws ERR_HEAP_CONFIG, changes nothing. */
export function resolveOptions(options: unknown = {}): ResolvedOptions {
  const resolution = resolveWith({ options: OPTIONS, presets: PRESETS }, options, environment, overrides());
  const { layers, presets } = resolution;
  for (const warning of layers.flatMap(({ warnings }) => warnings)) warnOnce(warning);
  const values = resolution.values as unknown as EffectiveOptions;
  const settings = Object.fromEntries(
    SETTING_NAMES.map((name) => [name, settingOf(name, values[name])]),
  ) as HeapSettings;
  const isGiven = ({ kind }: Origin): boolean => kind !== 'default' && kind !== 'preset';
  const given = new Set(OPTION_NAMES.filter((name) => isGiven(resolution.origins[name])));
  return { ...(resolution as ResolvedOptions), presetName: presets[presets.length - 1].name, values, given, settings };
}
