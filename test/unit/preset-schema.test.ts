import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { presetFiles } from '../../scripts/generate-presets.js';
import { OPTIONS } from '../../src/config/options.js';
import { type OptionSpec } from '../../src/config/option-spec.js';
import { resolveOptions } from '../../src/config/resolve.js';

const folder = new URL('../../presets/', import.meta.url);
const read = (file: string): any => JSON.parse(readFileSync(new URL(file, folder), 'utf8'));
const accepts = new Ajv().compile(read('schema.json'));
const specs = (Object.entries(OPTIONS) as [string, OptionSpec][]).filter(([, { type }]) => type !== 'memory');

const preset = (options: object, more: object = {}): object => ({ name: 'mine', version: 1, ...more, options });

function resolves(candidate: object): boolean {
  try {
    resolveOptions({ statsFile: 'x', preset: candidate, memory: new SharedArrayBuffer(1 << 20) });
    return true;
  } catch {
    return false;
  }
}

/** Values at the edges of an option, and beyond. */
function valuesOf(spec: OptionSpec): unknown[] {
  const common = ['x', null, 1.5, [], true, false];
  if (spec.type === 'integer') return [...common, spec.min - 1, spec.min, spec.max, spec.max + 1, String(spec.min)];
  if (spec.type === 'text') return [...common, '', 7];
  return spec.type === 'choice' ? [...common, ...spec.choices, spec.choices[0].toUpperCase()] : [...common, 0, 1];
}

describe('the JSON Schema of presets', () => {
  it.each(presetFiles(folder))('accepts %s', (file) => expect(accepts(read(file))).toBe(true));

  it.each(specs)('says of %s what validation says', (name, spec) => {
    const { worksWith } = spec;
    const beside = worksWith === undefined ? {} : { [worksWith.option]: worksWith.value };
    for (const value of valuesOf(spec)) {
      const candidate = preset({ ...beside, [name]: value });
      expect({ value, isAccepted: accepts(candidate) }).toEqual({ value, isAccepted: resolves(candidate) });
    }
  });

  it.each<[string, object]>([
    ['an option that is none', preset({ maxByte: 1048576 })],
    ['a property that is none', preset({}, { extend: 'production' })],
    ['a parent that is none', preset({}, { extends: 'productoin' })],
    ['no version', { name: 'mine', options: {} }],
    ['version 0', preset({}, { version: 0 })],
    ['no name', preset({}, { name: '' })],
    ['no options', { name: 'mine', version: 1 }],
    ['options that exclude each other', preset({ maxBytes: 1048576, memoryBytes: 1048576 })],
  ])('refuses %s, as validation does', (_, candidate) => {
    expect([accepts(candidate), resolves(candidate)]).toEqual([false, false]);
  });
});
