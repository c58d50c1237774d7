import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Site } from './transform.js';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
export const SRC = join(ROOT, 'src');
const CACHE = join(ROOT, 'node_modules/.cache/sabmalloc-stepped');

/** Text of a source file before it is compiled: for the tiny geometry and for planted bugs. */
export type Patch = (path: string, text: string) => string;

/** Where a build lies, and what its site numbers mean. */
export interface Build {
  /** URL of a module of the build by its path in src, without extension. */
  url(module: string): string;
  readonly sites: readonly Site[];
}

/** Rooms that the heap does not import: they are not part of what is stepped. */
export const isAbove = (pathInSrc: string): boolean =>
  /^((testing|cli|inspect|recorder|trace|wasm|structs|egress|piscina)\/|collections\/(index|struct-values)\.ts)/.test(pathInSrc);

/** Hash of everything that decides what a build is; computed from the files, so that a known build needs no compiler. */
function fingerprintOf(patch: Patch, stepped: boolean): string {
  const hash = createHash('sha256').update(String(stepped));
  for (const file of ['transform.ts', 'emit.ts', 'stepped/atomics.js', 'stepped/link.js'])
    hash.update(readFileSync(new URL(file, import.meta.url)));
  for (const path of readdirSync(SRC, { recursive: true, encoding: 'utf8' }).toSorted()) {
    const inSrc = path.split(sep).join('/');
    if (inSrc.endsWith('.ts') && !isAbove(inSrc))
      hash.update(path).update(patch(`src/${inSrc}`, readFileSync(join(SRC, path), 'utf8')));
  }
  return hash.digest('hex').slice(0, 24);
}

/** Compiles the sources, stepped or as they are, unless that has been done before. */
export async function compile(patch: Patch, stepped: boolean): Promise<Build> {
  const out = join(CACHE, fingerprintOf(patch, stepped));
  if (!existsSync(join(out, 'sites.json'))) (await import('./emit.js')).emit(patch, out, stepped);
  const sites = JSON.parse(readFileSync(join(out, 'sites.json'), 'utf8')) as Site[];
  return { url: (module) => pathToFileURL(join(out, `${module}.js`)).href, sites };
}
