import { show } from '../base/errors.js';
import { isSharedBuffer, isSharedMemory } from './memory.js';
import type { OptionSpec, OptionTable } from './option-spec.js';
import { refuse } from './refuse.js';
import { nearest } from './suggest.js';
import { variableOf } from './text.js';

/*
 * Options come in layers: a preset's ancestors, the preset, the environment, the options of the call, and what a tool
 * overrides. Each is checked by itself; then a later one wins, also over what its options exclude.
 */

export type Origin =
  | { readonly kind: 'default' }
  | { readonly kind: 'preset'; readonly preset: string; readonly version: number }
  | { readonly kind: 'environment' }
  | { readonly kind: 'options' }
  | { readonly kind: 'overrides' };

export interface Layer {
  readonly origin: Origin;
  readonly values: ReadonlyMap<string, unknown>;
  /** Sentences about deprecated options in it. */
  readonly warnings: readonly string[];
}

/** Names that stand beside the options of a call. */
const COMPANIONS: Readonly<Record<'environment' | 'options', Readonly<Record<string, string>>>> = {
  environment: { preset: 'the name of a preset' },
  options: { preset: 'the name of a preset or a preset', env: 'true or false' },
};

function placeOf(origin: Origin): string {
  if (origin.kind === 'preset') return `preset ${show(origin.preset)}`;
  if (origin.kind === 'overrides') return 'the overrides of this thread';
  return origin.kind === 'environment' ? 'the environment' : 'the options';
}

/** An option as it is called where it was given. */
export const calledIn = (origin: Origin, name: string): string =>
  origin.kind === 'environment' ? variableOf(name) : name;

/** What would be right for an option, as the end of a sentence. */
export function rangeOf(spec: OptionSpec): string {
  if (spec.type === 'integer') return `an integer from ${spec.min} to ${spec.max} (${spec.unit})`;
  if (spec.type === 'boolean') return 'true or false';
  if (spec.type === 'choice') return `one of ${spec.choices.map((choice) => JSON.stringify(choice)).join(', ')}`;
  if (spec.type === 'text') return `text that names a ${spec.unit}`;
  return 'a SharedArrayBuffer or a shared WebAssembly.Memory';
}

function isValid(spec: OptionSpec, value: unknown): boolean {
  if (spec.type === 'integer')
    return Number.isInteger(value) && (value as number) >= spec.min && (value as number) <= spec.max;
  if (spec.type === 'boolean') return typeof value === 'boolean';
  if (spec.type === 'choice') return typeof value === 'string' && spec.choices.includes(value);
  if (spec.type === 'text') return typeof value === 'string' && value !== '';
  return isSharedBuffer(value) || isSharedMemory(value);
}

/** Says what is wrong with a name that no option has: in the environment it is the name of a variable. */
export function refuseName(table: OptionTable, origin: Origin, written: string, value: unknown): never {
  const companions = origin.kind === 'environment' || origin.kind === 'options' ? COMPANIONS[origin.kind] : {};
  const names = [...Object.keys(table), ...Object.keys(companions)];
  const called = names.map((name) => calledIn(origin, name));
  const suggestion = nearest(written, called);
  const name = names[called.indexOf(suggestion)];
  const range = Object.hasOwn(table, name) ? rangeOf(table[name]) : companions[name];
  refuse(
    `unknown option ${show(written)} (value ${show(value)}) in ${placeOf(origin)}: did you mean ${show(suggestion)}, ${range}?`,
    { option: written, value, suggestion, expected: range },
  );
}

function checkValue(spec: OptionSpec, origin: Origin, name: string, value: unknown): void {
  if (isValid(spec, value)) return;
  const suggestion = spec.type === 'choice' && typeof value === 'string' ? nearest(value, spec.choices) : undefined;
  const hint = suggestion === undefined ? '' : `: did you mean ${show(suggestion)}?`;
  refuse(
    `option ${calledIn(origin, name)} in ${placeOf(origin)} is ${show(value)}; it must be ${rangeOf(spec)}${hint}`,
    {
      option: name,
      value,
      expected: rangeOf(spec),
      ...(suggestion === undefined ? {} : { suggestion }),
      ...(origin.kind === 'environment' ? { variable: variableOf(name) } : {}),
    },
  );
}

const isOpen = (spec: OptionSpec, value: unknown): boolean => spec.type === 'choice' && spec.open === value;

/** What an option with this value excludes, of the options there are: whichever of the two names the other. */
function excludedBy(table: OptionTable, name: string, values: ReadonlyMap<string, unknown>, value: unknown): string[] {
  if (isOpen(table[name], value)) return [];
  return [...values.keys()].filter((other) => {
    const named = table[name].conflictsWith?.includes(other) === true || table[other].conflictsWith?.includes(name);
    return named === true && !isOpen(table[other], values.get(other));
  });
}

/** Checks a set of options by itself, and hands the values of deprecated ones on to their successors. */
export function layerOf(table: OptionTable, origin: Origin, options: object): Layer {
  const values = new Map<string, unknown>();
  const warnings: string[] = [];
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(table, name)) refuseName(table, origin, name, value);
    checkValue(table[name], origin, name, value);
    values.set(name, value);
  }
  for (const [name, value] of [...values]) {
    const { deprecated } = table[name];
    if (deprecated === undefined) continue;
    const { since, sunset, successor } = deprecated;
    const instead = successor === undefined ? 'it has no successor' : `use ${calledIn(origin, successor)}`;
    warnings.push(
      `option ${calledIn(origin, name)} in ${placeOf(origin)} is deprecated since ${since} and goes after ${sunset}: ${instead}`,
    );
    if (successor === undefined) continue;
    if (values.has(successor)) refuseBoth(origin, name, successor, value);
    checkValue(table[successor], origin, successor, value);
    values.delete(name);
    values.set(successor, value);
  }
  for (const [name, value] of values) {
    const other = excludedBy(table, name, values, value).at(0);
    if (other !== undefined) refuseBoth(origin, name, other, value);
  }
  return { origin, values, warnings };
}

function refuseBoth(origin: Origin, name: string, other: string, value: unknown): never {
  refuse(
    `options ${calledIn(origin, name)} and ${calledIn(origin, other)} in ${placeOf(origin)} exclude each other: give one of them`,
    { option: name, value, conflictsWith: other },
  );
}

/**
 * An option that works only with a value of another: where a stronger place gave that one another value, this one is out of
 * the way; where it stands beside it or above, its giver expects something that would not happen.
 */
function dropIdle(table: OptionTable, layers: readonly Layer[], merged: Map<string, Chosen>, name: string): void {
  const { value, origin } = merged.get(name)!;
  const { worksWith } = table[name];
  if (worksWith === undefined || value === table[name].default) return;
  const other = merged.get(worksWith.option);
  if ((other?.value ?? table[worksWith.option].default) === worksWith.value) return;
  const strength = (of: Origin): number => layers.findIndex((layer) => layer.origin === of);
  if (other !== undefined && strength(other.origin) > strength(origin)) {
    merged.delete(name);
    return;
  }
  const wanted = `${calledIn(origin, worksWith.option)} ${show(worksWith.value)}`;
  refuse(
    `option ${calledIn(origin, name)} in ${placeOf(origin)} is ${show(value)} and has an effect only with ${wanted}: give that too, or neither`,
    { option: name, value, conflictsWith: worksWith.option, expected: wanted },
  );
}

export interface Chosen {
  readonly value: unknown;
  readonly origin: Origin;
}

/** Lays layers over each other, the strongest last. */
export function mergeLayers(table: OptionTable, layers: readonly Layer[]): Map<string, Chosen> {
  const merged = new Map<string, Chosen>();
  for (const { origin, values } of layers)
    for (const [name, value] of values) {
      const before = new Map([...merged].map(([each, chosen]) => [each, chosen.value]));
      for (const other of excludedBy(table, name, before, value)) merged.delete(other);
      merged.set(name, { value, origin });
    }
  for (const name of [...merged.keys()]) dropIdle(table, layers, merged, name);
  for (const [name, { value, origin }] of merged) {
    const { needs } = table[name];
    if (needs !== undefined && !merged.has(needs))
      refuse(
        `option ${calledIn(origin, name)} in ${placeOf(origin)} is about ${needs}: give ${needs} too, or neither`,
        { option: name, value, conflictsWith: needs },
      );
  }
  return merged;
}
