import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const main = new URL('../build/bench/main.js', import.meta.url).pathname;

interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

/** Rivals that machines may or may not have are hidden, so that the test sees the same everywhere. */
const HIDDEN = { BENCH_MIMALLOC: '/nowhere/a.so', BENCH_JEMALLOC: '/nowhere/b.so', BENCH_TCMALLOC: '/nowhere/c.so' };

function runWith(env: Record<string, string>, ...args: string[]): Promise<Output> {
  const options = { timeout: 120_000, env: { ...process.env, ...HIDDEN, ...env } };
  return promisify(execFile)(process.execPath, [main, ...args], options);
}

const run = (...args: string[]): Promise<Output> => runWith({}, ...args);

const lastLine = ({ stdout }: Output): any => JSON.parse(stdout.trim().split('\n').at(-1) ?? '');

const TINY = ['--rounds', '1', '--warmup', '0', '--ops', '20000'];
const ONCE = ['--repeat', '1', '--patience', '0'];

describe('a rival that is missing', () => {
  it('is left out of a comparison, with a line that says how to get it', async () => {
    const output = await run('compare', 'larson', '--against', 'mimalloc,perf-main', ...TINY, ...ONCE, '--json');
    expect(output.stderr).toContain('apt-get install libmimalloc2.0');
    expect(output.stderr).toContain('/nowhere/a.so');
    const { candidates, skipped } = lastLine(output);
    expect(candidates.map(({ name }: any) => name)).toEqual(['production', 'perf-main']);
    expect(skipped.map(({ name }: any) => name)).toEqual(['mimalloc']);
  });

  it('is shown by rivals', async () => {
    const { rivals } = lastLine(await run('rivals', '--json'));
    expect(rivals).toContainEqual(expect.objectContaining({ name: 'jemalloc', available: false }));
    expect(rivals).toContainEqual(expect.objectContaining({ name: 'thi.ng', available: true }));
  });

  it('is skipped by accept, which then does not fail', async () => {
    const { verdicts } = lastLine(await run('accept', '--only', 'producer-consumer', '--quick', ...ONCE, '--json'));
    expect(verdicts).toHaveLength(1);
    expect(verdicts[0]).toMatchObject({ against: 'mimalloc', target: 0.5 });
    expect(verdicts[0].skipped).toContain('libmimalloc2.0');
    expect(verdicts[0]).not.toHaveProperty('met');
  });

  it('is not taken for the C library where its file is no library', async () => {
    const flags = ['compare', 'larson', '--against', 'jemalloc', ...TINY, ...ONCE, '--json'];
    const { candidates, skipped } = lastLine(await runWith({ BENCH_JEMALLOC: main }, ...flags));
    expect(candidates).toHaveLength(1);
    expect(skipped[0].name).toBe('jemalloc');
    expect(skipped[0].why).toMatch(/malloc is still that of the C library|No C compiler/);
  });

  it('is refused by name when there is none of that name', async () => {
    await expect(run('compare', 'larson', '--against', 'nobody', ...TINY, ...ONCE)).rejects.toMatchObject({
      stderr: expect.stringContaining('There is no rival nobody') as string,
    });
  });
});

describe('rivals do the same work as the heap', () => {
  const checksum = async (...args: string[]): Promise<string> => lastLine(await run(...args, '--json')).checksum;

  it.each([
    ['larson', ['--workers', '2', '--verify', ...TINY], ['thi.ng']],
    ['larson', ['--touch', ...TINY], ['npm-malloc', 'Buffer.allocUnsafe']],
    ['records', ['--rounds', '2', '--warmup', '0', '--ops', '2000', '--burst', '4'], ['clone', 'transfer']],
    ['arrays', TINY, ['Float32Array']],
  ])('%s %s', async (bench, flags, rivals) => {
    const own = await checksum(bench, ...flags);
    for (const rival of rivals) expect(await checksum(bench, ...flags, '--allocator', rival)).toBe(own);
  });
});

const wasm = new URL('../build/bench/wasm/dlmalloc.wasm', import.meta.url).pathname;

// Built on request only, for it takes a compiler of its own.
describe.runIf(existsSync(wasm))('a malloc of WebAssembly keeps its blocks apart', () => {
  it.each([
    ['larson', '--workers', '2', '--size', '8-1024', ...TINY],
    ['worker-ring', '--workers', '2', ...TINY],
    ['short-lived', '--slots', '500', '--rounds', '1', '--warmup', '1'],
    ['replay', 'sqlite', '--single', '--rounds', '1', '--warmup', '0'],
  ])('%s %s %s', async (...flags) => {
    const result = lastLine(await run(...flags, '--allocator', 'wasm-dlmalloc', '--verify', '--json'));
    expect(result.allocator).toBe('wasm-dlmalloc');
    expect(result.mops).toBeGreaterThan(0);
  });
});

describe('the suite', () => {
  it('writes every run as JSON and a report in one file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sabmalloc-suite-'));
    const [json, html] = ['suite.json', 'suite.html'].map((name) => join(folder, name));
    try {
      const { stdout } = await run('suite', '--only', 'sqlite', '--quick', ...ONCE, '--json', json, '--html', html);
      expect(stdout).toContain('replay sqlite');
      checkResult(JSON.parse(readFileSync(json, 'utf8')));
      checkPage(readFileSync(html, 'utf8'));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

function checkResult({ rows, memory, environment }: any): void {
  expect(environment.command).toBe("npm run bench -- suite --repeat 1 --only 'sqlite' --quick");
  expect(rows).toHaveLength(1);
  const [{ candidates, skipped, command }] = rows;
  expect(command).toContain('npm run bench -- compare replay sqlite --single');
  expect(candidates[0].name).toBe('sabmalloc');
  expect(candidates[0].runs).toHaveLength(1);
  for (const { mops } of candidates) expect(mops.median).toBeGreaterThan(0);
  expect(skipped.map(({ name }: any) => name)).toEqual(expect.arrayContaining(['mimalloc', 'jemalloc', 'tcmalloc']));
  expect(memory.map(({ preset }: any) => preset)).toEqual(['production', 'minimal']);
  for (const { samples } of memory) checkSamples(samples);
}

/** No heap holds less than what lives in it, and the trace is known to peak at 1.2 MiB. */
function checkSamples(samples: { liveBytes: number; committedBytes: number }[]): void {
  for (const { liveBytes, committedBytes } of samples) expect(committedBytes).toBeGreaterThanOrEqual(liveBytes);
  const peak = Math.max(...samples.map(({ liveBytes }) => liveBytes));
  expect(peak).toBeGreaterThan(2 ** 19);
  expect(peak).toBeLessThan(2 ** 21);
}

function checkPage(page: string): void {
  expect(page.match(/<svg /g)).toHaveLength(2);
  expect(page).toContain('Memory over time');
  expect(page).toContain('npm run bench -- suite');
  // Nothing of it is elsewhere.
  expect(page).not.toMatch(/(src|href)="https?:/);
}
