import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { flagOf, OPTION_NAMES, OPTIONS, PRESETS, type OptionSpec } from 'sabmalloc/config';
import { afterAll, describe, expect, it } from 'vitest';
import { sabmalloc, sabmallocWith, type Outcome } from './command.js';

const place = mkdtempSync(join(tmpdir(), 'sabmalloc-config-'));
afterAll(() => {
  rmSync(place, { recursive: true, force: true });
});

function fileOf(name: string, content: unknown): string {
  const path = join(place, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

const mine = fileOf('mine.json', {
  name: 'mine',
  version: 3,
  extends: 'minimal',
  options: { cacheCapacity: 64, refillMax: 8 },
});

const config = (...args: string[]): Outcome => sabmalloc('config', ...args);

/** Value and origin of an option in what was printed. */
function lineOf({ stdout }: Outcome, name: string): string {
  const line = stdout.split('\n').find((each) => each.trimStart().startsWith(`${name} `));
  return line?.trim().replace(/ {2,}/g, ' ') ?? `no line about ${name} in ${stdout}`;
}

describe('sabmalloc config', () => {
  it('prints every option with its default', () => {
    const outcome = config();
    expect(outcome).toMatchObject({ status: 0, stderr: '' });
    expect(outcome.stdout).toMatch(/^preset production 1\n\ncore\n/);
    for (const name of OPTION_NAMES)
      expect(lineOf(outcome, name)).toBe(`${name} ${String(OPTIONS[name].default ?? 'none')} default`);
  });

  it('says where each comes from, the strongest first', () => {
    const variables = { SABMALLOC_REFILL_MAX: '5', SABMALLOC_MAX_BYTES: '2MiB', SABMALLOC_POISON: 'true' };
    const outcome = sabmallocWith(variables, [
      'config',
      mine,
      '--max-bytes',
      '1MiB',
      '--profile-level',
      '2',
      '--no-poison',
    ]);
    expect(outcome).toMatchObject({ status: 0, stderr: '' });
    expect(outcome.stdout).toContain(`${mine} is right: preset mine 3, extends minimal 1, extends production 1\n`);
    expect(lineOf(outcome, 'maxBytes')).toBe('maxBytes 1048576 flag --max-bytes');
    expect(lineOf(outcome, 'profileLevel')).toBe('profileLevel 2 flag --profile-level');
    expect(lineOf(outcome, 'poison')).toBe('poison false flag --poison');
    expect(lineOf(outcome, 'refillMax')).toBe('refillMax 5 environment SABMALLOC_REFILL_MAX');
    expect(lineOf(outcome, 'cacheCapacity')).toBe(`cacheCapacity 64 file ${mine}`);
    expect(lineOf(outcome, 'maxWorkers')).toBe('maxWorkers 16 preset minimal');
    expect(lineOf(outcome, 'transferSlots')).toBe('transferSlots 0 default');
  });

  it('takes the preset from the environment where no flag names one', () => {
    const variables = { SABMALLOC_PRESET: 'debug' };
    expect(sabmallocWith(variables, ['config']).stdout).toMatch(/^preset debug 2, extends production 1\n/);
    expect(sabmallocWith(variables, ['config', '--preset', 'research']).stdout).toMatch(/^preset research 2/);
  });

  it('explains one option, however it is called', () => {
    const outcome = config('--explain', 'cacheCapacity', '--preset', 'minimal');
    expect(outcome.stdout).toMatch(/^cacheCapacity\n {2}Most blocks .* Raise it when /);
    expect(lineOf(outcome, 'places')).toBe('places 20 (preset minimal) over 164 (default)');
    expect(lineOf(outcome, 'range')).toBe('range an integer from 4 to 500 (blocks)');
    expect(lineOf(outcome, 'variable')).toBe('variable SABMALLOC_CACHE_CAPACITY');
    expect(config('--explain', 'SABMALLOC_CACHE_CAPACITY', '--preset', 'minimal')).toEqual(outcome);
  });

  it('explains all', () => {
    const { stdout } = config('--explain');
    expect(stdout.match(/^\w+$/gm)).toEqual(OPTION_NAMES);
  });

  it('prints JSON', () => {
    const { presets, options } = JSON.parse(config(mine, '--json').stdout);
    expect(presets[0]).toEqual({ name: 'mine', version: 3 });
    expect(Object.keys(options)).toEqual(OPTION_NAMES);
    expect(options.cacheCapacity).toEqual({ value: 64, origin: { from: 'file', name: mine } });
    expect(options.memory).toEqual({ value: null, origin: { from: 'default' } });
    const explained = JSON.parse(config('--json', '--explain', 'poison').stdout).options;
    expect(explained).toMatchObject({ poison: { value: false, scope: 'heap', range: 'true or false' } });
  });

  it('takes the files of the package', () => {
    const folder = fileURLToPath(new URL('../../presets/', import.meta.url));
    const names = readdirSync(folder).filter((file) => file !== 'schema.json');
    expect(names.length).toBe(Object.keys(PRESETS).length);
    for (const name of names) expect(config(join(folder, name))).toMatchObject({ status: 0, stderr: '' });
  });

  it('has a flag in its help for every option that text can give', () => {
    const { stdout } = config('--help');
    for (const name of OPTION_NAMES) {
      const { type, needs }: OptionSpec = OPTIONS[name];
      expect(stdout.includes(`  ${flagOf(name)} `)).toBe(type !== 'memory' && needs !== 'memory');
    }
    expect(stdout).toContain('Ends with code 0');
  });
});

describe('sabmalloc config refuses', () => {
  const wrong = (name: string, options: object, more: object = {}): string =>
    fileOf(name, { name: 'wrong', version: 1, ...more, options });

  it.each<[string, string[], RegExp]>([
    [
      'a flag that is none',
      ['--max-byte', '5'],
      /unknown option '--max-byte' \(value "5"\): did you mean --max-bytes, an integer from 524288 to 4294967296 \(bytes\)\?/,
    ],
    ['the same with =', ['--max-byte=5'], /'--max-byte' \(value "5"\): did you mean --max-bytes/],
    ['a flag out of range', ['--max-bytes', '5'], /'--max-bytes <bytes>' argument '5' is invalid\. .* from 524288 to/],
    ['a choice that is none', ['--backing', 'grow'], /argument 'grow' .* Did you mean "growable"\?/],
    [
      'a file without a name',
      ['--stats-file', ''],
      /'--stats-file <file>' argument '' is invalid\. It must be text that/,
    ],
    [
      'an option without what it needs',
      ['--stats-interval', '500'],
      /option statsInterval .* is about statsFile: give/,
    ],
    ['a preset that is none', ['--preset', 'prod'], /unknown preset "prod" .*: did you mean "production"\?/],
    [
      'to explain what is no option',
      ['--explain', 'cachebyte'],
      /'cachebyte' is no option: did you mean cacheBytes, an/,
    ],
    ['a preset beside a file', [mine, '--preset', 'debug'], /--preset debug and the file .* exclude each other/],
    ['two files', [mine, mine], /too many arguments/],
    ['a file that is not there', [join(place, 'none.json')], /none\.json can't be read as JSON: ENOENT/],
    ['a file that is no JSON', [fileOf('text.json', '{')], /text\.json can't be read as JSON: /],
    ['a file that is no preset', [fileOf('list.json', [])], /list\.json: preset in .* must be .* \{ name, version, /],
    [
      'an option that is none in a file',
      [wrong('a.json', { cacheCapcity: 64 })],
      /a\.json: unknown option "cacheCapcity" \(value 64\) in preset "wrong": did you mean "cacheCapacity", an integer from 4 to 500 \(blocks\)\?/,
    ],
    [
      'a value out of range in a file',
      [wrong('b.json', { cacheCapacity: 3 })],
      /cacheCapacity in preset "wrong" is 3; .* 4 to 500/,
    ],
    ['a parent that is none', [wrong('c.json', {}, { extends: 'minmal' })], /unknown preset "minmal" .* "minimal"/],
    [
      'a file that extends itself',
      [wrong('d.json', {}, { name: 'debug', extends: 'debug' })],
      /extends itself: debug -> debug/,
    ],
    [
      'options of a file that exclude each other',
      [wrong('e.json', { maxBytes: 1048576, memoryBytes: 1048576 })],
      /options maxBytes and memoryBytes in preset "wrong" exclude each other/,
    ],
  ])('%s', (_, args, message) => {
    const { status, stdout, stderr } = config(...args);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/Add --help to see what there is\.\n$/);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  });

  it.each<[Record<string, string>, RegExp]>([
    [
      { SABMALLOC_MAX_BYTE: '3' },
      /"SABMALLOC_MAX_BYTE" \(value "3"\) .* "SABMALLOC_MAX_BYTES", an integer from 524288/,
    ],
    [{ SABMALLOC_CACHE_BYTES: 'x' }, /option SABMALLOC_CACHE_BYTES in the environment is "x"; it must be an integer/],
  ])('variables: %j', (variables, message) => {
    const { status, stdout, stderr } = sabmallocWith(variables, ['config']);
    expect(stderr).toMatch(message);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  });
});
