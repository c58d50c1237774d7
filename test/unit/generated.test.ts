import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { classesPage, configurationPage, layoutPage } from '../../scripts/generate-docs.js';
import { offsetsSource } from '../../scripts/generate-offsets.js';
import { presetsSchema, presetsSource } from '../../scripts/generate-presets.js';
import { layerOf } from '../../src/config/layers.js';
import { OPTIONS, SETTING_NAMES } from '../../src/config/options.js';
import { type OptionSpec } from '../../src/config/option-spec.js';
import { PRESETS } from '../../src/config/presets.generated.js';
import { resolveOptions } from '../../src/config/resolve.js';
import { GEOMETRY_HASH, LAYOUT_HASH } from '../../src/layout/format.js';
import { RECORDS, layoutText, offsetsOf } from '../../src/layout/schema.js';

const root = new URL('../../', import.meta.url);
const presets = new URL('presets/', root);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

describe('generated files', () => {
  it.each([
    ['src/layout/offsets.generated.ts', offsetsSource()],
    ['src/config/presets.generated.ts', presetsSource(presets)],
    ['presets/schema.json', presetsSchema(presets)],
    ['docs/LAYOUT.md', layoutPage()],
    ['docs/SIZE-CLASSES.md', classesPage()],
    ['docs/CONFIGURATION.md', configurationPage()],
  ])('%s is what its source says', (path, expected) => {
    expect(read(path)).toBe(expected);
  });
});

describe('layout schema', () => {
  it('has the fingerprints of format version 1: whoever changes it raises FORMAT_VERSION or means to', () => {
    expect({ layout: LAYOUT_HASH, geometry: GEOMETRY_HASH, text: layoutText().length }).toMatchSnapshot();
  });

  it('marks every atomic field with X_ and no other', () => {
    for (const record of RECORDS)
      for (const { field } of offsetsOf(record)) expect(field.name.startsWith('X_')).toBe(field.sync === 'atomic');
  });
});

describe('options table', () => {
  it('bounds every default by its own range', () => {
    for (const [name, spec] of Object.entries(OPTIONS) as [string, OptionSpec][])
      if (spec.default !== undefined)
        expect(() => layerOf(OPTIONS, { kind: 'options' }, { [name]: spec.default })).not.toThrow();
  });

  it('stores every heap option as a number', () => {
    const { settings } = resolveOptions({});
    for (const name of SETTING_NAMES) expect(Number.isInteger(settings[name])).toBe(true);
  });

  it('resolves every preset, and each but production differs from the defaults', () => {
    const defaults = JSON.stringify(resolveOptions({ preset: 'production' }).settings);
    for (const name of Object.keys(PRESETS)) {
      const { settings } = resolveOptions({ preset: name });
      expect(JSON.stringify(settings) === defaults).toBe(name === 'production');
    }
  });
});
