import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';
import { Transform, type Site } from './transform.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const SRC = join(ROOT, 'src');
const CACHE = join(ROOT, 'node_modules/.cache/sabmalloc-stepped');
const ATOMICS = 'src/atomics/native.ts';

/** Text of a source file before it is compiled: for the tiny geometry and for planted bugs. */
export type Patch = (path: string, text: string) => string;

/** Where a build lies, and what its site numbers mean. */
export interface Build {
  /** URL of a module of the build by its path in src, without extension. */
  url(module: string): string;
  readonly sites: readonly Site[];
}

/** The one module that names Atomics, with a point before each operation. */
const STEPPED_ATOMICS = `
import { m } from '../link.js';
export function* load(words, index, site) { m.signal = undefined; yield m.signal; return m.load(words, index, site); }
export function* store(words, index, value, site) { m.storePoint(words, index); yield m.signal; m.store(words, index, value, site, false); }
export function* add(words, index, value, site) { m.storePoint(words, index); yield m.signal; return m.update(words, index, words[index] + value, site); }
export function* or(words, index, value, site) { m.storePoint(words, index); yield m.signal; return m.update(words, index, words[index] | value, site); }
export function* and(words, index, value, site) { m.storePoint(words, index); yield m.signal; return m.update(words, index, words[index] & value, site); }
export function* exchange(words, index, value, site) { m.storePoint(words, index); yield m.signal; return m.update(words, index, value, site); }
export function* compareExchange(words, index, expected, value, site) { m.storePoint(words, index); yield m.signal; return m.compareExchange(words, index, expected, value, site); }
`;

/** What the rewritten sources import: the machine, set by \`link\`, and helpers for generators. */
const LINK = `
export let m;
export const link = (machine) => { m = machine; };
class Value { constructor(value) { this.value = value; } }
export const $value = (value) => new Value(value);
export const $isValue = (x) => x instanceof Value;
/** Runs a generator to its end in one go. */
export const $now = (generator) => {
  for (;;) { const { done, value } = generator.next(); if (done) return value; }
};
export function* $collect(source) {
  const found = [];
  for (;;) {
    const { done, value } = source.next();
    if (done) return found;
    if (value instanceof Value) found.push(value.value); else yield value;
  }
}
export function* $filter(list, keep) { const kept = []; for (const x of list) if (yield* keep(x)) kept.push(x); return kept; }
export function* $some(list, test) { for (const x of list) if (yield* test(x)) return true; return false; }
export function* $map(list, map) { const mapped = []; for (const x of list) mapped.push(yield* map(x)); return mapped; }
`;

/** Rooms above the heap: they are not part of what is stepped. */
const isAbove = (pathInSrc: string): boolean => /^(testing|cli)\//.test(pathInSrc);

function programOf(patch: Patch): ts.Program {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => ts.sys.readFile(path)) as { config: object };
  const parsed = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  const options: ts.CompilerOptions = {
    ...parsed.options,
    declaration: false,
    declarationMap: false,
    sourceMap: false,
    incremental: false,
    noEmitOnError: false,
    removeComments: true,
  };
  delete options.tsBuildInfoFile;
  const host = ts.createCompilerHost(options);
  const { readFile } = host;
  host.readFile = (path) => {
    const text = readFile(path);
    return text === undefined || !resolve(path).startsWith(SRC) ? text : patch(relative(ROOT, resolve(path)).split(sep).join('/'), text);
  };
  const roots = parsed.fileNames.filter((path) => !isAbove(relative(SRC, path).split(sep).join('/')));
  return ts.createProgram(roots, options, host);
}

/** Hash of everything that decides what a build is; computed from the files, so that a known build needs no compiler. */
function fingerprintOf(patch: Patch, stepped: boolean): string {
  const hash = createHash('sha256').update(String(stepped)).update(STEPPED_ATOMICS).update(LINK);
  for (const file of ['transform.ts', 'compile.ts']) hash.update(readFileSync(new URL(file, import.meta.url)));
  for (const path of readdirSync(SRC, { recursive: true, encoding: 'utf8' }).toSorted()) {
    const inSrc = path.split(sep).join('/');
    if (inSrc.endsWith('.ts') && !isAbove(inSrc)) hash.update(path).update(patch(`src/${inSrc}`, readFileSync(join(SRC, path), 'utf8')));
  }
  return hash.digest('hex').slice(0, 24);
}

function moduleText(out: string, path: string, text: string, stepped: boolean): string {
  const up = relative(dirname(path), out).split(sep).join('/') || '.';
  const linked = text.replaceAll(/'#atomics'/g, `'${up}/atomics/native.js'`);
  if (!stepped) return linked;
  const imports = `import { m, $value, $isValue, $now, $collect, $filter, $some, $map } from '${up}/link.js';\n`;
  if (path.endsWith(join('platform', 'host.js')))
    return imports + linked.replace('export function threadTag() {', 'export function threadTag() { return m.threadTag();');
  return imports + linked;
}

function emit(program: ts.Program, out: string, stepped: boolean): void {
  const temporary = `${out}.${process.pid}`;
  const files = program.getSourceFiles().filter((file) => file.fileName.startsWith(SRC) && !file.isDeclarationFile);
  const transform = stepped ? new Transform(program, files, ATOMICS) : undefined;
  const write: ts.WriteFileCallback = (path, text) => {
    const target = join(temporary, relative(join(ROOT, 'dist'), path));
    mkdirSync(dirname(target), { recursive: true });
    const isAtomics = stepped && target.endsWith(join('atomics', 'native.js'));
    writeFileSync(target, isAtomics ? STEPPED_ATOMICS : moduleText(temporary, target, text, stepped));
  };
  program.emit(undefined, write, undefined, false, transform && { before: [transform.factory] });
  writeFileSync(join(temporary, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(temporary, 'link.js'), LINK);
  writeFileSync(join(temporary, 'sites.json'), JSON.stringify(transform?.sites ?? []));
  rmSync(out, { recursive: true, force: true });
  renameSync(temporary, out);
}

/** Compiles the sources, stepped or as they are, unless that has been done before. */
export function compile(patch: Patch, stepped: boolean): Build {
  const out = join(CACHE, fingerprintOf(patch, stepped));
  if (!existsSync(join(out, 'sites.json'))) emit(programOf(patch), out, stepped);
  const sites = JSON.parse(readFileSync(join(out, 'sites.json'), 'utf8')) as Site[];
  return { url: (module) => pathToFileURL(join(out, `${module}.js`)).href, sites };
}
