import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const src = (path: string): string => fileURLToPath(new URL(`../../../src/${path}`, import.meta.url));

/**
 * For `npm run stryker`: the tests that need one thread only, with the package's own name leading to the sources instead of
 * dist, so that what Stryker has changed is what they see.
 */
export default defineConfig({
  resolve: {
    alias: [
      { find: '#atomics', replacement: src('atomics/native.ts') },
      { find: 'sabmalloc/testing', replacement: src('testing/index.ts') },
      { find: 'sabmalloc', replacement: src('index.ts') },
      { find: /^.*\/dist\/(.*)\.js$/, replacement: src('$1.ts') },
    ],
  },
  test: {
    // Not the model: it asserts that every path was reached, which takes too many calls for so many mutants.
    include: [
      'test/unit/{bits,classes,journal,reclaim,remote,region,slices,slots,spans}.test.ts',
      'test/heap/{alignment,basics,realloc}.test.ts',
    ],
    // Instrumented code takes ten times as long, and every mutant runs the tests again that cover it.
    env: { SABTEST_SCALE: '0.2', SABTEST_SEED: '1' },
    testTimeout: 60_000,
  },
});
