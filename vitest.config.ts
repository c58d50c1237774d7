import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import manifest from './package.json' with { type: 'json' };

// '../src/...' is the source as it stands, and so is a '#name' import in it: the file that package.json gives for the
// condition `source`. Setting the condition itself would do too much: vitest would hand it on to node and to workers.
// 'sabmalloc' is dist, loaded by node exactly as users' programs and the worker files under test/workers load it.
const alias = Object.entries(manifest.imports).map(([name, { source }]) => ({
  find: name,
  replacement: fileURLToPath(new URL(source, import.meta.url)),
}));

export default defineConfig({
  resolve: { alias },
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
    reporters: ['dot'],
    silent: 'passed-only',
    server: { deps: { external: [/\/dist\//] } },
  },
});
