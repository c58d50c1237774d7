import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

const platformNames = ['process', 'self', 'navigator', 'window'].map((name) => ({
  name,
  message: 'src/README.md says which rooms look at the runtime.',
}));
const atomicsName = { name: 'Atomics', message: "Import the operation from '#atomics'." };
const nodeModules = { group: ['node:*'], message: 'src/README.md says which rooms import from node, and what.' };

/** The names that node adds to ECMAScript's, for files that are linted without types. */
const nodeGlobals = Object.fromEntries(
  (
    'Buffer URL WebAssembly clearInterval clearTimeout console performance process queueMicrotask ' +
    'setImmediate setInterval setTimeout structuredClone'
  )
    .split(' ')
    .map((name) => [name, 'readonly']),
);

export default defineConfig(
  { ignores: ['dist/', 'build/', 'coverage/', '**/*.generated.ts'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: {
        project: ['tsconfig.json', 'tsconfig.page.json', 'tsconfig.tools.json', 'tsconfig.test.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      eqeqeq: 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      'object-shorthand': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      '@typescript-eslint/unified-signatures': ['error', { ignoreDifferentlyNamedParameters: true }],
      // Offsets are const enums: two may be equal, they are computed, and they are added to plain numbers.
      '@typescript-eslint/no-duplicate-enum-values': 'off',
      '@typescript-eslint/no-unsafe-enum-assignment': 'off',
      '@typescript-eslint/no-unsafe-enum-comparison': 'off',
      '@typescript-eslint/prefer-literal-enum-member': 'off',
      // What was checked once is not checked again on a hot path.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // A generic that appears once still names what a caller gets back.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
    },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      'no-console': 'error',
      'no-restricted-globals': ['error', atomicsName, ...platformNames],
      'no-restricted-imports': ['error', { patterns: [nodeModules] }],
      'no-restricted-syntax': [
        'error',
        {
          selector: 'MemberExpression[object.name="globalThis"][property.name="Atomics"]',
          message: atomicsName.message,
        },
      ],
      // An index loop over a typed array says which element is meant and costs no iterator.
      '@typescript-eslint/prefer-for-of': 'off',
    },
  },
  {
    files: ['src/atomics/**/*.ts'],
    rules: { 'no-restricted-globals': ['error', ...platformNames], 'no-restricted-syntax': 'off' },
  },
  {
    files: ['src/platform/**/*.ts'],
    rules: { 'no-restricted-globals': ['error', atomicsName], 'no-restricted-imports': 'off' },
  },
  {
    files: ['src/piscina/**/*.ts', 'src/testing/**/*.ts'],
    rules: {
      'no-restricted-imports': ['error', { patterns: [{ ...nodeModules, group: ['node:*', '!node:worker_threads'] }] }],
    },
  },
  {
    files: ['src/trace/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ ...nodeModules, group: ['node:*', '!node:fs', '!node:zlib'] }] },
      ],
    },
  },
  {
    files: ['src/inspect/**/*.ts'],
    rules: { 'no-restricted-imports': 'off' },
  },
  {
    files: ['src/cli/**/*.ts', 'src/recorder/**/*.ts'],
    rules: {
      'no-restricted-globals': ['error', atomicsName, ...platformNames.filter(({ name }) => name !== 'process')],
      'no-restricted-imports': 'off',
    },
  },
  {
    // Programs and tests wait on purpose, and call the heap in ways the types forbid to see it refuse.
    files: ['bench/**/*.ts', 'examples/**/*.ts', 'workers/**/*.ts', 'scripts/**/*.ts', 'test/**/*.ts'],
    rules: {
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-empty-function': 'off',
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-explicit-any': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-unsafe-type-assertion': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    files: ['**/*.js', '**/*.mjs'],
    languageOptions: { globals: nodeGlobals },
  },
);
