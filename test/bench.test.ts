import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const main = new URL('../build/bench/main.js', import.meta.url).pathname;
const run = promisify(execFile);

async function bench(...args: string[]): Promise<Record<string, unknown>> {
  const { stdout } = await run(process.execPath, [main, ...args, '--json'], { timeout: 120_000 });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
}

const QUICK = ['--rounds', '2', '--warmup', '1', '--ops', '60000'];

/** Not for the time they take: every bench stamps its blocks and checks them before each free, with two workers at once. */
describe('every bench keeps its blocks apart', () => {
  it.each([
    ['larson', '--workers', '2', '--size', '8-64', ...QUICK],
    ['larson', '--workers', '3', '--size', '8-1024', '--burst', '20', ...QUICK],
    ['larson', '--workers', '2', '--size', '2048-32768', '--preset', 'perf-main', ...QUICK],
    ['larson', '--workers', '2', '--size', '8-2048', '--preset', 'debug', '--backing', 'wasm', ...QUICK],
    ['random-mixed', '--workers', '2', ...QUICK],
    ['tiny-hot', '--workers', '2', ...QUICK],
    ['producer-consumer', '--workers', '2', '--size', '64', ...QUICK],
    ['producer-consumer', '--workers', '4', '--size', '4096', ...QUICK],
    ['producer-consumer', '--workers', '2', '--size', '4096', '--set', 'transferSlots=8', ...QUICK],
    ['random-mixed', '--live', '70000', '--size', '16-64', ...QUICK],
    ['worker-ring', '--workers', '3', ...QUICK],
    ['short-lived', '--workers', '2', '--slots', '2000', '--rounds', '2', '--warmup', '1'],
    ['replay', 'sqlite', '--single', '--rounds', '1', '--warmup', '0'],
  ])('%s %s %s %s %s', async (...args) => {
    const result = await bench(...args, '--verify');
    expect(result['bench']).toBe(args[0]);
    expect(result['mops']).toBeGreaterThan(0);
    expect(result['checksum']).toMatch(/^[0-9a-f]+$/);
  });

  it('takes locks and hands over between two threads to the end', async () => {
    const { alone, between } = (await bench('sync', '--quick')) as Record<string, { name: string; ns: number }[]>;
    expect([alone.length, between.length]).toEqual([6, 6]);
    for (const { ns } of [...alone, ...between]) expect(ns).toBeGreaterThan(0);
  });

  it('finds the same in lists of the heap as in those of one thread', async () => {
    const { rows } = (await bench('lists', '--rounds', '1', '--count', '2000')) as { rows: { ns: number }[] };
    expect(rows.length).toBeGreaterThan(10);
    for (const { ns } of rows) expect(ns).toBeGreaterThan(0);
  });

  it('says what would be right when a flag is wrong', async () => {
    await expect(bench('larson', '--size', 'big')).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('--size') as string,
    });
  });

  it('does the same work for the same seed', async () => {
    const [first, second] = await Promise.all([
      bench('larson', ...QUICK),
      bench('larson', '--preset', 'minimal', ...QUICK),
    ]);
    expect(first['checksum']).toBe(second['checksum']);
  });
});
