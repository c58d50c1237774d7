import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { OPTIONS } from '../src/config/options.js';
import { type OptionSpec } from '../src/config/option-spec.js';
import { checkDefaults } from './tidy/defaults.js';
import { anchorsOf, fencesIn, relativeLinksIn } from './tidy/markdown.js';
import {
  checkAtomics,
  checkCycles,
  checkFace,
  checkFileLength,
  checkFloors,
  checkFunctionLength,
  checkPlatform,
  checkRooms,
  checkUnfinished,
  parseFloors,
  type Complaints,
} from './tidy/rules.js';
import type { Source } from './tidy/source.js';

const FILE_LINES_MOST = 500;
const FUNCTION_LINES_MOST = 70;

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (...path: string[]): string => readFileSync(join(root, ...path), 'utf8');

function filesUnder(folder: string, extension: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isFile()) return entry.name.endsWith(extension) ? [path] : [];
    const skipped = ['node_modules', 'dist', 'build', 'coverage', '.git'].includes(entry.name);
    return entry.isDirectory() && !skipped ? filesUnder(path, extension) : [];
  });
}

/** Reads `#name` imports of package.json as paths within src. */
function readAliases(): Map<string, string> {
  const { imports } = JSON.parse(read('package.json')) as { imports: Record<string, { source: string }> };
  return new Map(Object.entries(imports).map(([name, { source }]) => [name, source.replace(/^\.\/src\//, '')]));
}

/** Reads `exports` of package.json as paths within src. */
function readEntries(): Set<string> {
  const { exports } = JSON.parse(read('package.json')) as { exports: Record<string, string | { default: string }> };
  const modules = Object.values(exports).flatMap((entry) => (typeof entry === 'string' ? [] : [entry.default]));
  return new Set(modules.map((path) => path.replace(/^\.\/dist\//, '').replace(/\.js$/, '.ts')));
}

function checkLinks(path: string, markdown: string): Complaints {
  return relativeLinksIn(markdown).flatMap(({ target, line }) => {
    const [file, anchor = ''] = decodeURI(target).split('#');
    const to = file === '' ? path : resolve(dirname(path), file);
    const where = `${relative(root, path)}:${line}`;
    if (to !== path && !existsSync(to)) return [`${where}: ${target} does not exist`];
    if (anchor === '' || !to.endsWith('.md')) return [];
    const text = to === path ? markdown : readFileSync(to, 'utf8');
    return anchorsOf(text).has(anchor) ? [] : [`${where}: ${target} names no heading`];
  });
}

describe('the source tree', () => {
  const sources: Source[] = filesUnder(join(root, 'src'), '.ts').map((path) => ({
    path: relative(join(root, 'src'), path).replaceAll('\\', '/'),
    text: readFileSync(path, 'utf8'),
  }));
  const floors = parseFloors(read('src', 'README.md'));
  const aliases = readAliases();

  it('has a floor for every room', () => expect(checkRooms(sources, floors)).toEqual([]));
  it('imports downwards only', () => expect(checkFloors(sources, floors, aliases)).toEqual([]));
  it('enters the package by its entries', () => expect(checkFace(sources, floors, readEntries())).toEqual([]));
  it('has no import cycle', () => expect(checkCycles(sources, aliases)).toEqual([]));
  it('names Atomics in one room', () => expect(checkAtomics(sources)).toEqual([]));
  it('looks at the runtime where the table says', () => expect(checkPlatform(sources, floors)).toEqual([]));
  it('has files of readable length', () => expect(checkFileLength(sources, FILE_LINES_MOST)).toEqual([]));
  it('has functions of readable length', () => expect(checkFunctionLength(sources, FUNCTION_LINES_MOST)).toEqual([]));
  it('has the default of an option in one place', () => {
    const specs = Object.entries(OPTIONS) as [string, OptionSpec][];
    const defaults = new Map(specs.map(([name, spec]) => [name, spec.default]));
    expect(checkDefaults(sources, defaults, 'config/options.ts')).toEqual([]);
  });
  it('is finished', () => expect(checkUnfinished(sources)).toEqual([]));
});

describe('the documents', () => {
  it('link to files and headings that exist', () => {
    const complaints = filesUnder(root, '.md').flatMap((path) => checkLinks(path, readFileSync(path, 'utf8')));
    expect(complaints).toEqual([]);
  });
});

// A checker that finds nothing may be one that looks at nothing: every rule is shown what it forbids.
describe('the rules see', () => {
  const floors = parseFloors(
    [
      '| floor | room | what it owns | from outside |\n|--:|---|---|---|',
      '| 0 | `base/` | x | |\n| 1 | `platform/` | `x` | `node:*`, `process`, `self`, `navigator`, `window` |',
      '| 1 | `layout/` | x | |\n| 8 | `index.ts` | x | |\n| 9 | `tools/` | x | `lodash`, `node:fs`, `process` |\n',
    ].join('\n'),
  );
  const source = (path: string, text: string): Source => ({ path, text });
  const importing = (path: string, specifier: string): Source => source(path, `import { a } from '${specifier}';\n`);

  it('the table of floors', () => {
    expect([...floors]).toEqual([
      ['base', { floor: 0, outside: [] }],
      ['platform', { floor: 1, outside: ['node:*', 'process', 'self', 'navigator', 'window'] }],
      ['layout', { floor: 1, outside: [] }],
      ['index.ts', { floor: 8, outside: [] }],
      ['tools', { floor: 9, outside: ['lodash', 'node:fs', 'process'] }],
    ]);
  });

  it('a default outside the table', () => {
    const text = [
      'const a = settings.cups ?? 3;',
      "const b = values['cups'] || 4;",
      'const { cups = 5, cups: c = 6 } = options;',
      'function brew(cups = 7, pots = 1) {}',
      'const settings = { cups: 8, kind: "tea" };',
      'options.cups ??= 2;',
      'const right = { cups: 9, kind: "coffee", pots: 8 }, d = pots ?? 3, { kind } = options;',
    ].join('\n');
    const defaults = new Map<string, unknown>([
      ['cups', 8],
      ['kind', 'tea'],
    ]);
    const complaints = checkDefaults([source('a.ts', text), source('table.ts', text)], defaults, 'table.ts');
    expect(complaints.map((each) => /^a\.ts:\d: gives \w+/.exec(each)?.[0])).toEqual(
      ['1: gives cups', '2: gives cups', '3: gives cups', '3: gives cups', '4: gives cups']
        .concat(['5: gives cups', '5: gives kind', '6: gives cups'])
        .map((each) => `a.ts:${each}`),
    );
  });

  it('a room without a floor and a floor without a room', () => {
    const rooms = ['base', 'layout', 'tools', 'attic'].map((room) => source(`${room}/a.ts`, ''));
    expect(checkRooms([...rooms, source('index.ts', '')], floors)).toEqual([
      'attic: has no floor in src/README.md',
      'src/README.md: platform is empty',
    ]);
  });

  it.each([
    ['upwards', 'base/a.ts', '../layout/b.js'],
    ['sideways', 'layout/a.ts', '../platform/b.js'],
    ['a room without a floor', 'layout/a.ts', '../attic/b.js'],
    ['a package', 'base/a.ts', 'lodash'],
    ['node, in a room that lists nothing', 'layout/a.ts', 'node:fs'],
    ['a module of node that is not listed', 'tools/a.ts', 'node:net'],
    ['a package that is not listed', 'tools/a.ts', 'underscore'],
    ['out of src', 'layout/a.ts', '../../test/kit.js'],
    ['an alias upwards', 'base/a.ts', '#layout'],
  ])('an import of %s', (_, path, specifier) => {
    const aliases = new Map([['#layout', 'layout/a.ts']]);
    expect(checkFloors([importing(path, specifier)], floors, aliases)).toHaveLength(1);
  });

  it.each([
    "export * from '../layout/b.js';",
    "export type { B } from '../layout/b.js';",
    "import type { B } from '../layout/b.js';",
    "type B = import('../layout/b.js').B;",
    "const b = await import('../layout/b.js');",
    "const b = require('../layout/b.js');",
    "import b = require('../layout/b.js');",
    "import '../layout/b.js';",
  ])('an import written as %s', (text) => {
    expect(checkFloors([source('base/a.ts', text)], floors)).toEqual([
      'base/a.ts:1: base imports layout, which is on no lower floor',
    ]);
  });

  it('that other imports are fine', () => {
    const fine = [
      importing('layout/a.ts', '../base/b.js'),
      importing('layout/b.ts', './a.js'),
      importing('platform/a.ts', 'node:worker_threads'),
      importing('layout/c.ts', '#base'),
      importing('index.ts', './layout/a.js'),
      importing('tools/a.ts', 'lodash'),
      importing('tools/a.ts', 'node:fs'),
    ];
    expect(checkFloors(fine, floors, new Map([['#base', 'base/a.ts']]))).toEqual([]);
  });

  it('an import that passes the entries of the package by', () => {
    const entries = new Set(['index.ts', 'layout/index.ts']);
    const check = (path: string, specifier: string): Complaints =>
      checkFace([importing(path, specifier)], floors, entries);
    expect(check('tools/a.ts', '../layout/b.js')).toEqual([
      'tools/a.ts:1: imports layout/b.ts, which is no entry of the package',
    ]);
    expect(check('tools/a.ts', '../index.js')).toEqual([]);
    expect(check('tools/a.ts', '../layout/index.js')).toEqual([]);
    expect(check('tools/a.ts', './b.js')).toEqual([]);
    expect(check('tools/a.ts', 'lodash')).toEqual([]);
    expect(check('index.ts', './layout/b.js')).toEqual([]);
  });

  it('a cycle, once', () => {
    const ring = [importing('a/a.ts', './b.js'), importing('a/b.ts', '../c/c.js'), importing('c/c.ts', '#a')];
    const aliases = new Map([['#a', 'a/a.ts']]);
    expect(checkCycles(ring, aliases)).toEqual(['a/a.ts -> a/b.ts -> c/c.ts -> a/a.ts: an import cycle']);
    expect(checkCycles(ring.slice(0, 2), aliases)).toEqual([]);
  });

  it.each(['Atomics.load(w, 0);', 'globalThis.Atomics', "globalThis['Atomics']", 'const { Atomics: A } = globalThis;'])(
    'Atomics in %s',
    (text) => {
      expect(checkAtomics([source('base/a.ts', text)])).toHaveLength(1);
      expect(checkAtomics([source('atomics/native.ts', text)])).toEqual([]);
      expect(checkAtomics([source('base/a.ts', `// ${text}\n/** ${text} */`)])).toEqual([]);
    },
  );

  it.each([
    'process.exit();',
    'const where = typeof window;',
    'globalThis.self',
    "globalThis['navigator']",
    'const { process } = globalThis;',
    'const all = { process };',
    "import fs from 'node:fs';",
    "await import('node:fs');",
  ])('the runtime in %s', (text) => {
    expect(checkPlatform([source('base/a.ts', text)], floors)).toHaveLength(1);
    expect(checkPlatform([source('platform/a.ts', text)], floors)).toEqual([]);
  });

  it('that a room may use what the table gives it, and nothing else', () => {
    expect(checkPlatform([source('tools/a.ts', "process.exit();\nimport fs from 'node:fs';")], floors)).toEqual([]);
    expect(checkPlatform([source('tools/a.ts', 'window.alert();')], floors)).toEqual([
      'tools/a.ts:1: uses window, which src/README.md does not give to tools',
    ]);
    expect(checkPlatform([source('tools/a.ts', "import net from 'node:net';")], floors)).toHaveLength(1);
  });

  it('that a member may have the name of a global', () => {
    const text = 'interface A { self: 1; window(): 2 }\nconst b = { process: 1 };\nb.process;\n// process.exit()';
    expect(checkPlatform([source('base/a.ts', text)], floors)).toEqual([]);
  });

  it('a file that is too long', () => {
    expect(checkFileLength([source('base/a.ts', 'x;\n'.repeat(11))], 10)).toEqual([
      'base/a.ts: 11 lines, more than 10',
    ]);
    expect(checkFileLength([source('base/a.ts', 'x;\n'.repeat(10))], 10)).toEqual([]);
    expect(checkFileLength([source('base/a.generated.ts', 'x;\n'.repeat(11))], 10)).toEqual([]);
  });

  it.each([
    ['function f() {', '}'],
    ['const f = () => {', '};'],
    ['class A { f() {', '} }'],
    ['class A { get f() {', 'return 1; } }'],
    ['class A { constructor() {', '} }'],
    ['call(function () {', '});'],
  ])('a function that is too long: %s', (head, tail) => {
    const ofLines = (lines: number): Source =>
      source('base/a.ts', `/**\n * Not counted.\n */\n${head}\n${'x;\n'.repeat(lines - 2)}${tail}\n`);
    expect(checkFunctionLength([ofLines(11)], 10)).toHaveLength(1);
    expect(checkFunctionLength([ofLines(10)], 10)).toEqual([]);
  });

  it('what is unfinished', () => {
    const text = `a;\n// TODO: b\n/* FIXME */`;
    expect(checkUnfinished([source('base/a.ts', text)])).toEqual([
      'base/a.ts:2: unfinished',
      'base/a.ts:3: unfinished',
    ]);
  });

  it('links that lead nowhere', () => {
    const page = join(root, 'page.md');
    const text = [
      '# A page, and `more`',
      '[ok](package.json) [ok](#a-page-and-more) [ok](https://example.org/x.md) ![ok](<LICENSE> "title")',
      '[no](./no-such-file.md)',
      '[no](#no-such-heading)',
      '[no]: no-such-reference.md',
      '`[code](no-such-code.md)`',
      '```md',
      '[code](no-such-code.md)',
      '```',
      '<img src="no-such-image.png">',
    ].join('\n');
    expect(checkLinks(page, text).sort()).toEqual([
      'page.md:10: no-such-image.png does not exist',
      'page.md:3: ./no-such-file.md does not exist',
      'page.md:4: #no-such-heading names no heading',
      'page.md:5: no-such-reference.md does not exist',
    ]);
  });

  it('fences with their marks and the prose before them', () => {
    const text = 'Intro\n\n```ts no-run\nlet a;\n```\nPrints:\n```text\nhello\n```\n';
    expect(fencesIn(text)).toEqual([
      { language: 'ts', marks: ['no-run'], text: 'let a;\n', line: 3, before: 'Intro\n\n' },
      { language: 'text', marks: [], text: 'hello\n', line: 7, before: '\nPrints:\n' },
    ]);
  });
});
