import { HeapError, show } from '../base/errors.js';
import type { HeapOptions, HeapSettings, OptionName, OptionSpec } from './options.js';
import { OPTIONS, OPTION_NAMES, SETTING_NAMES } from './options.js';
import { PRESETS } from './presets.generated.js';

/** A set of option values with a name and a version, as the files under `presets/` hold it. */
export interface Preset {
  readonly name: string;
  readonly version: number;
  readonly description?: string;
  readonly options: HeapOptions;
}

export type PresetName = keyof typeof PRESETS;

/** What `Heap.create` takes: a preset, and options that override it. */
export interface CreateOptions extends HeapOptions {
  readonly preset?: PresetName | Preset;
}

export interface ResolvedOptions {
  readonly presetName: string;
  /** Effective values: option given, else the preset's, else the table's default. */
  readonly values: HeapOptions;
  /** Options named by the caller himself. */
  readonly given: ReadonlySet<OptionName>;
  readonly settings: HeapSettings;
}

function fail(message: string, details: Record<string, unknown>): never {
  throw new HeapError('ERR_HEAP_CONFIG', message, details);
}

/** Edit distance, for "did you mean" (Wagner and Fischer, 1974). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length];
}

function nearest(name: string, names: readonly string[]): string {
  const score = (candidate: string): number => distance(name.toLowerCase(), candidate.toLowerCase());
  return names.reduce((best, candidate) => (score(candidate) < score(best) ? candidate : best));
}

/** Objects that only inherit from the class throw as soon as they are used. */
function isGenuine(test: () => boolean): boolean {
  try {
    return test();
  } catch {
    return false;
  }
}

export function isSharedBuffer(value: unknown): value is SharedArrayBuffer {
  if (typeof SharedArrayBuffer !== 'function') return false;
  return isGenuine(() => value instanceof SharedArrayBuffer && value.byteLength >= 0);
}

export function isSharedMemory(value: unknown): value is WebAssembly.Memory {
  if (typeof WebAssembly !== 'object') return false;
  return isGenuine(() => value instanceof WebAssembly.Memory && isSharedBuffer(value.buffer) && value.grow(0) >= 0);
}

/** What would be right for this option, as the end of a sentence. */
function expected(spec: OptionSpec): string {
  if (spec.type === 'integer') return `an integer from ${spec.min} to ${spec.max} (${spec.unit})`;
  if (spec.type === 'boolean') return 'true or false';
  if (spec.type === 'choice') return `one of ${spec.choices.map((choice) => JSON.stringify(choice)).join(', ')}`;
  return 'a SharedArrayBuffer or a shared WebAssembly.Memory';
}

function isValid(spec: OptionSpec, value: unknown): boolean {
  if (spec.type === 'integer')
    return Number.isInteger(value) && (value as number) >= spec.min && (value as number) <= spec.max;
  if (spec.type === 'boolean') return typeof value === 'boolean';
  if (spec.type === 'choice') return typeof value === 'string' && spec.choices.includes(value);
  return isSharedBuffer(value) || isSharedMemory(value);
}

function isOptionName(name: string): name is OptionName {
  return Object.hasOwn(OPTIONS, name);
}

function checkOption(name: string, value: unknown, where: string): asserts name is OptionName {
  if (!isOptionName(name)) {
    const suggestion = nearest(name, OPTION_NAMES);
    fail(`unknown option ${show(name)} in ${where}: did you mean ${show(suggestion)}?`, {
      option: name,
      value,
      suggestion,
    });
  }
  const spec: OptionSpec = OPTIONS[name];
  if (!isValid(spec, value))
    fail(`option ${name} in ${where} is ${show(value)}; it must be ${expected(spec)}`, {
      option: name,
      value,
      expected: expected(spec),
    });
}

function collect(into: Map<OptionName, unknown>, options: object, where: string): void {
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    checkOption(name, value, where);
    into.set(name, value);
  }
}

function findPreset(preset: unknown): Preset {
  if (typeof preset === 'string') {
    if (Object.hasOwn(PRESETS, preset)) return PRESETS[preset as PresetName];
    const names = Object.keys(PRESETS);
    const suggestion = nearest(preset, names);
    fail(`unknown preset ${show(preset)}: did you mean ${show(suggestion)}? There are ${names.join(', ')}.`, {
      option: 'preset',
      value: preset,
      suggestion,
    });
  }
  const candidate = preset as Partial<Preset> | null;
  if (
    typeof candidate !== 'object' ||
    candidate === null ||
    typeof candidate.options !== 'object' ||
    (candidate.options as object | null) === null
  )
    fail(`preset is ${show(preset)}; it must be the name of a preset or an object { name, version, options }`, {
      option: 'preset',
      value: preset,
    });
  if (!Number.isInteger(candidate.version) || (candidate.version as number) < 1)
    fail(`preset ${show(candidate.name)} has version ${show(candidate.version)}; it must be an integer from 1`, {
      option: 'preset.version',
      value: candidate.version,
    });
  return candidate as Preset;
}

function checkConflicts(given: ReadonlyMap<OptionName, unknown>): void {
  for (const name of given.keys()) {
    const spec: OptionSpec = OPTIONS[name];
    const other = spec.conflictsWith?.find((candidate) => given.has(candidate as OptionName));
    if (other === undefined || (name === 'backing' && given.get(name) === 'auto')) continue;
    if (other === 'backing' && given.get('backing') === 'auto') continue;
    fail(`options ${name} and ${other} exclude each other: give one of them`, {
      option: name,
      value: given.get(name),
      conflictsWith: other,
    });
  }
  for (const name of ['memoryOffset', 'memoryBytes'] as const)
    if (given.has(name) && !given.has('memory'))
      fail(`option ${name} says which part of \`memory\` to use: give \`memory\` too`, {
        option: name,
        value: given.get(name),
        conflictsWith: 'memory',
      });
}

/** Validates what the caller gave and fills in the preset and the defaults. Throws ERR_HEAP_CONFIG, changes nothing. */
export function resolveOptions(options: unknown = {}): ResolvedOptions {
  if (typeof options !== 'object' || options === null)
    fail(`options are ${show(options)}; they must be an object`, { value: options });
  const { preset = 'production', ...rest } = options as { preset?: unknown };
  const chosen = findPreset(preset);
  const given = new Map<OptionName, unknown>();
  collect(given, rest, 'the options');
  const fromPreset = new Map<OptionName, unknown>();
  collect(fromPreset, chosen.options, `preset ${show(chosen.name)}`);
  checkConflicts(given);
  const value = (name: OptionName): unknown => given.get(name) ?? fromPreset.get(name) ?? OPTIONS[name].default;
  const values = Object.fromEntries(OPTION_NAMES.map((name) => [name, value(name)])) as HeapOptions;
  const settings = Object.fromEntries(SETTING_NAMES.map((name) => [name, Number(value(name))])) as HeapSettings;
  return { presetName: chosen.name, values, given: new Set(given.keys()), settings };
}
