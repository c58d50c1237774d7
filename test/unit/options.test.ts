import { describe, expect, it, vi } from 'vitest';
import { optionTables } from '../../scripts/generate-docs.js';
import { OPTIONS } from '../../src/config/options.js';
import { OPTION_GROUPS, type OptionSpec, type OptionTable } from '../../src/config/option-spec.js';
import { PRESETS } from '../../src/config/presets.generated.js';
import { type PresetTable } from '../../src/config/presets.js';
import { resolveWith, type Resolution } from '../../src/config/resolve.js';
import { flagOf, parseText, variableOf } from '../../src/config/text.js';
import { warnOnce } from '../../src/platform/host.js';
import { type Variables } from '../../src/config/environment.js';

const specs = Object.entries(OPTIONS) as [string, OptionSpec][];

const base = { type: 'integer', unit: 'blocks', min: 0, max: 9, default: 1, group: 'core', scope: 'heap' } as const;
const told = { since: '0.1.0', doc: 'Does something.', when: 'Never.' } as const;
const made = (spec: Partial<OptionSpec> = {}): OptionSpec => ({ ...base, ...told, ...spec }) as OptionSpec;

const TABLE: OptionTable = {
  cupSize: made(),
  mugSize: made({ deprecated: { since: '0.2.0', sunset: '2030-01-31', successor: 'cupSize' } }),
  saucers: made({ deprecated: { since: '0.2.0', sunset: '2030-01-31' } }),
  tea: made({ conflictsWith: ['coffee'] }),
  coffee: {
    ...told,
    type: 'choice',
    choices: ['any', 'black', 'white'],
    default: 'any',
    open: 'any',
    group: 'core',
    scope: 'heap',
  },
  sugar: made({ needs: 'coffee' }),
  isHot: { ...told, type: 'boolean', default: false, group: 'debug', scope: 'heap' },
};

const preset = (name: string, options: object, parent?: unknown): Record<string, unknown> => ({
  name,
  version: 1,
  options,
  ...(parent === undefined ? {} : { extends: parent }),
});

const PRESET_TABLE = {
  production: preset('production', {}),
  small: preset('small', { cupSize: 2, tea: 2 }, 'production'),
  chicken: preset('chicken', {}, 'egg'),
  egg: preset('egg', {}, 'chicken'),
} as unknown as PresetTable;

const resolve = (options: unknown, variables: Variables = {}): Resolution =>
  resolveWith({ options: TABLE, presets: PRESET_TABLE }, options, () => variables);

const refusal = (options: unknown, variables?: Variables): string => {
  try {
    resolve(options, variables);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it was not refused');
};

const warningsOf = ({ layers }: Resolution): string[] => layers.flatMap(({ warnings }) => warnings);

describe('overrides', () => {
  const forced = (options: unknown, over: object): Resolution =>
    resolveWith({ options: TABLE, presets: PRESET_TABLE }, options, () => ({ SABMALLOC_CUP_SIZE: '4' }), over);

  it('win over the call, the environment and the preset', () => {
    const { values, origins } = forced({ cupSize: 3, preset: 'small', env: true }, { options: { cupSize: 5 } });
    expect([values['cupSize'], origins['cupSize'], values['tea']]).toEqual([5, { kind: 'overrides' }, 2]);
  });

  it('name the preset in the place of the program', () => {
    const { presets } = forced({ preset: 'chicken' }, { preset: 'small' });
    expect(presets.map(({ name }) => name)).toEqual(['production', 'small']);
  });

  it('are checked like any other place', () => {
    expect(() => forced({}, { options: { cupSize: 99 } })).toThrow(
      'option cupSize in the overrides of this thread is 99; it must be',
    );
  });
});

describe('the options table', () => {
  it('has at most 40 options, in five groups', () => {
    expect(specs.length).toBeLessThanOrEqual(40);
    expect(Object.keys(OPTION_GROUPS)).toEqual(['core', 'cache', 'refill', 'debug', 'learning']);
    for (const [, { group }] of specs) expect(OPTION_GROUPS).toHaveProperty(group);
  });

  it('names only options that there are', () => {
    for (const [, { conflictsWith = [], needs = [], deprecated }] of specs)
      for (const name of [...conflictsWith, needs, deprecated?.successor ?? []].flat())
        expect(OPTIONS).toHaveProperty(name);
  });

  it('says of each what it does and when to touch it', () => {
    for (const [, { doc, when }] of specs) for (const text of [doc, when]) expect(text).toMatch(/^[A-Z`].{10,}\.$/);
  });

  it('holds no option past its sunset', () => {
    const today = new Date().toISOString().slice(0, 10);
    const past = specs.filter(([, { deprecated }]) => deprecated !== undefined && deprecated.sunset < today);
    expect(past.map(([name]) => name)).toEqual([]);
  });

  it('gives every option a flag and a variable of its own', () => {
    expect([flagOf('maxBytes'), variableOf('maxBytes')]).toEqual(['--max-bytes', 'SABMALLOC_MAX_BYTES']);
    for (const nameOf of [flagOf, variableOf])
      expect(new Set(Object.keys(OPTIONS).map(nameOf)).size).toBe(specs.length);
  });
});

describe('a deprecated option', () => {
  it('hands its value on to its successor, and says so', () => {
    const resolution = resolve({ mugSize: 5 });
    expect(resolution.values).toMatchObject({ cupSize: 5, mugSize: 1 });
    expect(warningsOf(resolution)).toEqual([
      'option mugSize in the options is deprecated since 0.2.0 and goes after 2030-01-31: use cupSize',
    ]);
  });

  it('works without a successor too', () => {
    const resolution = resolve({ saucers: 5 });
    expect(resolution.values).toMatchObject({ saucers: 5 });
    expect(warningsOf(resolution)).toEqual([expect.stringMatching(/goes after 2030-01-31: it has no successor$/)]);
  });

  it('excludes its successor in one place, and yields to it from a stronger one', () => {
    expect(refusal({ mugSize: 5, cupSize: 4 })).toMatch(/mugSize and cupSize in the options exclude each other/);
    expect(resolve({ preset: preset('old', { mugSize: 5 }), cupSize: 4 }).values).toMatchObject({ cupSize: 4 });
    expect(resolve({ preset: 'small', mugSize: 5 }).values).toMatchObject({ cupSize: 5 });
  });

  it('is said once, in the way of the runtime', () => {
    const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    for (let i = 0; i < 3; i++) warnOnce('option mugSize is deprecated');
    expect(emitWarning.mock.calls).toEqual([
      ['sabmalloc: option mugSize is deprecated', { type: 'DeprecationWarning' }],
    ]);
    emitWarning.mockRestore();
  });

  it('is marked in the documentation', () => {
    const page = optionTables(TABLE);
    expect(page).toContain('**Deprecated** since 0.2.0, goes after 2030-01-31, use `cupSize`.');
    expect(page).toContain('**Deprecated** since 0.2.0, goes after 2030-01-31. |');
  });
});

describe('environment variables', () => {
  const variables = { SABMALLOC_CUP_SIZE: '7', SABMALLOC_IS_HOT: '1', SABMALLOC_PRESET: 'small', PATH: '/bin' };

  it('are read only when asked', () => {
    expect(resolve({}, variables).values).toMatchObject({ cupSize: 1, isHot: false });
    expect(resolve({ env: false }, variables).values).toMatchObject({ cupSize: 1, isHot: false });
    const unread = (): never => {
      throw new Error('read');
    };
    expect(() => resolveWith({ options: TABLE, presets: PRESET_TABLE }, {}, unread)).not.toThrow();
  });

  it('win over the preset, and the options over them', () => {
    const { values, origins } = resolve({ env: true, isHot: false }, variables);
    expect(values).toMatchObject({ cupSize: 7, tea: 2, isHot: false, coffee: 'any' });
    expect(origins).toMatchObject({
      cupSize: { kind: 'environment' },
      tea: { kind: 'preset', preset: 'small', version: 1 },
      isHot: { kind: 'options' },
      coffee: { kind: 'default' },
    });
  });

  it('name a preset that the options win over', () => {
    expect(resolve({ env: true, preset: 'production' }, variables).values).toMatchObject({ tea: 1 });
  });

  it('that are empty, or of the tests, are none', () => {
    const none = { SABMALLOC_CUP_SIZE: '', SABMALLOC_PRESET: '', SABTEST_SEED: '3' };
    expect(resolve({ env: true }, none).values).toMatchObject({ cupSize: 1 });
  });

  it.each<[Variables, RegExp]>([
    [{ SABMALLOC_CUP_SIZE: '70' }, /option SABMALLOC_CUP_SIZE in the environment is 70; .* 0 to 9 \(blocks\)/],
    [{ SABMALLOC_CUP_SIZE: 'many' }, /option SABMALLOC_CUP_SIZE in the environment is "many"/],
    [{ SABMALLOC_CUP_SIZE: '1KiB' }, /option SABMALLOC_CUP_SIZE in the environment is "1KiB"/],
    [{ SABMALLOC_IS_HOT: 'yes' }, /SABMALLOC_IS_HOT .* is "yes"; it must be true or false/],
    [{ SABMALLOC_COFFEE: 'blak' }, /SABMALLOC_COFFEE .*: did you mean "black"\?/],
    [
      { SABMALLOC_CUPSIZE: '3' },
      /"SABMALLOC_CUPSIZE" \(value "3"\) .*: did you mean "SABMALLOC_CUP_SIZE", an integer from 0 to 9/,
    ],
    [{ SABMALLOC_PRESETS: 'small' }, /did you mean "SABMALLOC_PRESET"/],
    [{ SABMALLOC_PRESET: 'smal' }, /unknown preset "smal" in SABMALLOC_PRESET: did you mean "small"\?/],
    [
      { SABMALLOC_TEA: '3', SABMALLOC_COFFEE: 'black' },
      /SABMALLOC_TEA and SABMALLOC_COFFEE in the environment exclude/,
    ],
  ])('are refused by their name: %j', (wrong, message) => {
    expect(refusal({ env: true }, wrong)).toMatch(message);
  });

  it('need a switch that is one', () =>
    expect(refusal({ env: 'yes' })).toMatch(/option env .* "yes"; .* true or false/));

  it('hold sizes with units', () => {
    const bytes = made({ unit: 'bytes' });
    const texts = ['7', '2k', '2KiB', '3 MiB', '1g', '1.5k', '-1', 'k', '1e3', '2kb'];
    expect(texts.map((text) => parseText(bytes, text))).toEqual([
      7,
      2048,
      2048,
      3 * 2 ** 20,
      2 ** 30,
      '1.5k',
      '-1',
      'k',
      '1e3',
      '2kb',
    ]);
  });
});

describe('options that exclude each other', () => {
  it('are refused within a preset', () => {
    expect(refusal({ preset: preset('mine', { tea: 1, coffee: 'black' }) })).toMatch(
      /options tea and coffee in preset "mine" exclude each other/,
    );
  });

  it('yield to those from a stronger place', () => {
    const { values, origins } = resolve({ preset: 'small', coffee: 'black' });
    expect(values).toMatchObject({ tea: 1, coffee: 'black' });
    expect(origins).toMatchObject({ tea: { kind: 'default' } });
  });

  it('stay where the stronger place leaves it open', () => {
    expect(resolve({ preset: 'small', coffee: 'any' }).values).toMatchObject({ tea: 2, coffee: 'any' });
  });

  it('are told from those that need another', () => {
    expect(refusal({ sugar: 1 })).toMatch(/option sugar in the options is about coffee: give coffee too/);
    expect(resolve({ preset: preset('mine', { sugar: 3 }), coffee: 'white' }).values).toMatchObject({ sugar: 3 });
  });
});

describe('a preset that extends another', () => {
  it('says something about its own options only', () => {
    const { values, origins, presets } = resolve({ preset: preset('mine', { cupSize: 3 }, 'small') });
    expect(values).toMatchObject({ cupSize: 3, tea: 2 });
    expect(origins).toMatchObject({ cupSize: { preset: 'mine' }, tea: { preset: 'small' } });
    expect(presets.map(({ name }) => name)).toEqual(['production', 'small', 'mine']);
  });

  it('may extend an object', () => {
    const parent = preset('parent', { isHot: true }, 'small');
    expect(resolve({ preset: preset('mine', {}, parent) }).values).toMatchObject({ isHot: true, tea: 2 });
  });

  it('is checked with all that it extends', () => {
    const parent = preset('parent', { cupSize: 99 });
    expect(refusal({ preset: preset('mine', { cupSize: 3 }, parent) })).toMatch(/cupSize in preset "parent" is 99/);
  });

  it.each<[string, unknown, RegExp]>([
    ['in a circle', 'chicken', /preset "chicken" extends itself: chicken -> egg -> chicken/],
    ['in a circle of others', preset('mine', {}, 'egg'), /preset "egg" extends itself: mine -> egg -> chicken -> egg/],
    ['itself', preset('small', {}, 'small'), /preset "small" extends itself: small -> small/],
    ['one that is none', preset('mine', {}, 'smal'), /unknown preset "smal" in "extends" of preset "mine": .*"small"/],
    ['what is no preset', preset('mine', {}, 3), /preset in "extends" of preset "mine" is 3; it must be/],
  ])('is refused: %s', (_, wrong, message) => expect(refusal({ preset: wrong })).toMatch(message));

  it('is refused with a property that is none', () => {
    expect(refusal({ preset: { ...preset('mine', {}), extend: 'small' } })).toMatch(
      /preset "mine" has a property "extend" \(value "small"\): did you mean "extends"\?/,
    );
  });

  it('is what the presets of the package are', () => {
    for (const name of Object.keys(PRESETS))
      expect(() => resolveWith({ options: OPTIONS, presets: PRESETS }, { preset: name }, () => ({}))).not.toThrow();
  });
});
