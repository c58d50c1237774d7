import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const main = new URL('../build/bench/main.js', import.meta.url).pathname;

/** The rival that a machine may or may not have is hidden, so that the test sees the same everywhere. */
async function bench(...args: string[]): Promise<any> {
  const options = { timeout: 120_000, env: { ...process.env, BENCH_MIMALLOC: '/nowhere/a.so' } };
  const { stdout } = await promisify(execFile)(process.execPath, [main, ...args, '--quick', '--json'], options);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
}

describe('what a heap commits', () => {
  it('is never less than what lives, in every case', async () => {
    const { groups, tracesMean, givenBack } = await bench('memory');
    expect(groups.map(({ title, rows }: any) => [title, rows.length])).toEqual([
      ['recorded program', 5],
      ['steady state', 2],
      ['change of class', 5],
      ['survivors', 4],
      ['producers to consumer', 4],
    ]);
    for (const row of groups.flatMap(({ rows }: any) => rows)) {
      expect(row.liveBytes).toBeGreaterThan(0);
      expect(row.committedBytes).toBeGreaterThanOrEqual(row.liveBytes);
      expect(row.committedPerLive).toBeGreaterThanOrEqual(1);
    }
    for (const row of groups.slice(0, -1).flatMap(({ rows }: any) => rows)) {
      expect(row.metadataShare).toBeGreaterThan(0);
      expect(row.metadataShare).toBeLessThan(0.5);
    }
    expect(tracesMean).toBeGreaterThanOrEqual(1);
    checkSurvivors(groups[3].rows);
    expect(givenBack).toHaveLength(3);
    givenBack.forEach(checkGivenBack);
  });
});

/** Memory that survivors keep from other classes serves their own. */
function checkSurvivors([thinned, same, ...others]: any[]): void {
  expect(thinned.committedPerLive).toBeGreaterThan(4);
  expect(same.committedBytes).toBe(thinned.committedBytes);
  for (const other of others) expect(other.committedBytes).toBeGreaterThan(same.committedBytes);
}

function checkGivenBack(row: any): void {
  expect(row.committedFull).toBeGreaterThanOrEqual(row.filledBytes);
  expect(row.committedFreed).toBeLessThan(row.committedFull);
  expect(row.committedCollected).toBeLessThanOrEqual(row.committedFreed);
  expect(row.committedCollected).toBeLessThan(row.committedFull / 8);
  expect(row.collectMsPerMib).toBeGreaterThan(0);
  expect(row.reservedLast).toBe(row.reservedFirst);
}

describe('what the learners do', () => {
  it('is counted and timed for either, both and none', async () => {
    const { rows } = await bench('learning', '--only', 'sqlite', '--repeat', '1', '--patience', '0');
    expect(rows.map(({ learning }: any) => learning)).toEqual(['off', 'learnCaches', 'learnMemory', 'both']);
    for (const row of rows) {
      expect(row.misses).toBeGreaterThan(0);
      expect(row.committedPerLive).toBeGreaterThan(1);
      expect(row.nanoseconds).toBeGreaterThan(0);
    }
    const [off, , memory] = rows;
    expect(memory.committedPerLive).toBeLessThan(off.committedPerLive);
  });
});

describe('what many blocks and many workers cost', () => {
  const ONCE = ['--repeat', '1', '--patience', '0'];

  it('has a row for every number of blocks, size of a region and crowd', async () => {
    const { live, regions, workers, controlBytes } = await bench('scale', ...ONCE);
    expect(live.map(({ title }: any) => title)).toEqual([3, 4, 5, 6, 7].map((power) => `live 10^${power}`));
    for (const { candidates, skipped } of live) {
      expect(candidates.map(({ name }: any) => name)).toEqual(['sabmalloc']);
      expect(skipped.map(({ name }: any) => name)).toEqual(['mimalloc']);
    }
    expect(regions.map(({ maxBytes }: any) => maxBytes)).toEqual([2 ** 26, 2 ** 30, 2 ** 30, 2 ** 32]);
    for (const row of regions) {
      expect(row.tableBytes / row.maxBytes).toBeLessThan(0.026);
      expect(row.tableBytesFirst).toBeLessThan(row.tableBytes);
    }
    expect(workers.map(({ attached, reserved }: any) => [attached, reserved])).toEqual([
      [2, 0],
      [4, 300],
      [2, 0],
    ]);
    expect(controlBytes).toBeGreaterThan(0);
    expect(controlBytes % 4096).toBe(0);
  });

  it('can be asked for in part, by a title that there is', async () => {
    const { live, regions, workers } = await bench('scale', '--only', 'region 64', ...ONCE);
    expect([live.length, regions.length, workers.length]).toEqual([0, 1, 0]);
    await expect(bench('scale', '--only', 'nothing', ...ONCE)).rejects.toMatchObject({
      stderr: expect.stringContaining('nothing called nothing') as string,
    });
  });
});
