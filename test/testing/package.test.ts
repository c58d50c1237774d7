import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { importsOf } from '../tidy/source.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Everything that is not a file of the package which loading this file loads, and how many files those are. */
function loadedBy(entry: string): { readonly outside: string[]; readonly files: number } {
  const seen = new Set<string>();
  const outside = new Set<string>();
  const visit = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const { specifier } of importsOf({ path, text: readFileSync(path, 'utf8') })) {
      const alias = (manifest.imports as Record<string, { default: string } | undefined>)[specifier]?.default;
      if (alias !== undefined) visit(resolve(root, alias));
      else if (specifier.startsWith('.')) visit(resolve(dirname(path), specifier));
      if (!specifier.startsWith('.')) outside.add(specifier);
    }
  };
  visit(resolve(root, entry));
  return { outside: [...outside].sort(), files: seen.size };
}

describe('the package', () => {
  it('has a heap that imports nothing', () => {
    const { outside, files } = loadedBy('dist/index.js');
    expect(outside).toEqual(['#atomics']);
    expect(files).toBeGreaterThan(20);
    expect(loadedBy('dist/config/index.js').outside).toEqual([]);
    expect(loadedBy('dist/report/index.js').outside).toEqual([]);
    expect(loadedBy('dist/trace/index.js').outside).toEqual(['node:fs', 'node:zlib']);
  });

  it('has tools that import what package.json says, and no more', () => {
    const all = ['dist/testing/index.js', 'dist/testing/agent.js', 'dist/inspect/index.js', 'dist/cli/main.js'].map(
      loadedBy,
    );
    const packages = all.flatMap(({ outside }) => outside).filter((name) => !/^(node:|#)/.test(name));
    expect([...new Set(packages)].sort()).toEqual(Object.keys(manifest.dependencies).sort());
  });

  it('starts its worker threads without a package', () => {
    expect(loadedBy('dist/testing/agent.js').outside).toEqual(['#atomics', 'node:worker_threads']);
    const [atomics, ...server] = loadedBy('dist/inspect/server-thread.js').outside;
    expect(atomics).toBe('#atomics');
    expect(server.filter((name) => !name.startsWith('node:'))).toEqual([]);
    expect(loadedBy('dist/recorder/preload.js')).toEqual({ outside: ['node:fs', 'node:worker_threads'], files: 1 });
  });

  it('has every file that it names', () => {
    const entries = Object.values(manifest.exports).flatMap((entry) =>
      typeof entry === 'string' ? [] : Object.values(entry),
    );
    const named = [...entries, ...Object.values(manifest.bin), ...manifest.sideEffects];
    expect(named.filter((path) => !existsSync(resolve(root, path)))).toEqual([]);
    expect(readFileSync(resolve(root, manifest.bin.sabmalloc), 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
  });
});
