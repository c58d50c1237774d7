import { PRESETS } from 'sabmalloc/config';
import { describe, expect, it } from 'vitest';
import { sabmalloc } from './command.js';

describe('sabmalloc', () => {
  it('says what there is', () => {
    const { status, stdout } = sabmalloc('--help');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^Usage: sabmalloc /);
    expect(stdout).toMatch(/^ {2}fuzz \[options\] /m);
    expect(stdout).toMatch(/^ {2}config \[options\] \[file\] /m);
    expect(stdout).toMatch(/^ {2}inspect /m);
  });

  it('shows that too to who names no command, and ends as wrong', () => {
    const { status, stderr } = sabmalloc();
    expect(status).toBe(2);
    expect(stderr).toMatch(/^Usage: sabmalloc /);
  });

  it('says its version', () => {
    expect(sabmalloc('--version')).toEqual({
      status: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      stderr: '',
    });
  });

  it('fuzz says which flags it takes, which presets there are, and how it ends', () => {
    const { status, stdout } = sabmalloc('fuzz', '--help');
    expect(status).toBe(0);
    for (const flag of ['runs', 'seed', 'preset', 'workers', 'time', 'path', 'use'])
      expect(stdout).toContain(`--${flag} <`);
    for (const preset of Object.keys(PRESETS)) expect(stdout).toContain(`"${preset}"`);
    expect(stdout).toMatch(/Examples:\n {2}sabmalloc fuzz/);
    expect(stdout).toContain('Ends with code 0');
  });
});

describe('sabmalloc refuses', () => {
  it.each<[string, string[], RegExp]>([
    ['a command that is none', ['fuz'], /unknown command 'fuz'\n\(Did you mean fuzz\?\)/],
    ['a flag that is none', ['fuzz', '--run', '3'], /unknown option '--run'\n\(Did you mean --runs\?\)/],
    ['a flag without its value', ['fuzz', '--runs'], /option '--runs <n>' argument missing/],
    [
      'text for a number',
      ['fuzz', '--runs', 'many'],
      /'many' is invalid\. Write an integer from 1 to \d+, such as 1000\./,
    ],
    ['a negative number', ['fuzz', '--runs', '-1'], /'-1' is invalid\. Write an integer from 1/],
    ['no runs at all', ['fuzz', '--runs', '0'], /'0' is invalid\. Write an integer from 1/],
    ['a fraction', ['fuzz', '--seed', '0.5'], /'0.5' is invalid\. Write an integer from 0 to 2147483647/],
    ['too many workers', ['fuzz', '--workers', '99'], /'99' is invalid\. Write an integer from 0 to 16/],
    ['a time without sense', ['fuzz', '--time', '3 weeks'], /Write seconds, minutes or hours, such as 30s, 10m or 2h/],
    ['no time at all', ['fuzz', '--time', '0s'], /'0s' is invalid\. Write seconds/],
    ['a preset that is none', ['fuzz', '--preset', 'fast'], /Allowed choices are debug, minimal, .*research\./],
    ['an argument too many', ['fuzz', 'all'], /too many arguments/],
    ['a path without its seed', ['fuzz', '--path', '0:1@A:B'], /a path leads on from a seed: give the seed too\./],
    ['a path that is none', ['fuzz', '--seed', '1', '--path', 'x'], /"x" is no path; copy it as it stands/],
    ['a module that is not there', ['fuzz', '--use', './none.mjs'], /--use \.\/none\.mjs can't be loaded: .*none\.mjs/],
    [
      'a module that exports neither',
      ['fuzz', '--use', '../workers/common.mjs'],
      /exports neither a function guest\(heap\)/,
    ],
  ])('%s', (_, args, message) => {
    const { status, stdout, stderr } = sabmalloc(...args);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/Add --help to see what there is\.\n$/);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  });
});

describe('sabmalloc fuzz', () => {
  it('ends with a table of what was reached, and draws no bar off a terminal', () => {
    const { status, stdout, stderr } = sabmalloc('fuzz', '--runs', '8', '--seed', '5', '--preset', 'debug');
    expect(status).toBe(0);
    expect(stderr).toMatch(/^(at seed 5: \d+ runs?, \d+ calls, \d+ s\n)+$/);
    expect(stdout).toMatch(/^8 runs, [\d,]+ calls in \d+\.\d s, seed 5: nothing found\n\nreached +paths +times\n/);
    expect(stdout).toMatch(/^freed +\d+ of 12 +[\d,]+$/m);
    expect(stdout).toMatch(/^misused +\d+ of 22 +[\d,]+$/m);
  });

  it('with workers has the paths of several in it, and ends when its time is up', () => {
    const { status, stdout } = sabmalloc('fuzz', '--time', '2s', '--workers', '1');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^freed +\d+ of 15 +[\d,]+$/m);
  });

  it('with a module fuzzes the code in it', () => {
    const { status, stdout } = sabmalloc('fuzz', '--use', './guest.fuzz.mjs', '--runs', '10', '--seed', '5');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^10 runs, /);
  });

  it.each(['0', '1'])('shows a failure shrunk, with the command that replays it, with %s workers', (workers) => {
    const { status, stdout } = sabmalloc('fuzz', '--use', './planted.fuzz.mjs', '--seed', '5', '--workers', workers);
    expect(status).toBe(1);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^failed in run \d+; what it takes, in a heap of \{"preset":/);
    expect(lines[1]).toMatch(/^ {3}1\. main: calloc\(\d+\)$/);
    expect(lines[2]).toMatch(/^ContractError: calloc left byte 99 of \d+ as it was$/);
    const replay = /^replay: npx sabmalloc (fuzz --seed \d+ --path \S+ .*)$/.exec(lines[3])?.[1];
    const again = sabmalloc(...replay!.split(' '));
    expect(again.status).toBe(1);
    expect(again.stdout.split('\n').slice(1)).toEqual(stdout.split('\n').slice(1));
  });

  it('says of a failure that is mended that it did not fail', () => {
    const { stdout } = sabmalloc('fuzz', '--use', './planted.fuzz.mjs', '--seed', '5');
    const [, seed, path] = /--seed (\d+) --path (\S+)/.exec(stdout)!;
    const mended = sabmalloc('fuzz', '--seed', seed, '--path', path);
    expect(mended.status).toBe(0);
    expect(mended.stdout).toMatch(/^1 run, \d+ calls in .*: it did not fail this time\n$/);
  });
});
