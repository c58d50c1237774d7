import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { sabmalloc, type Outcome } from './command.js';

const place = mkdtempSync(join(tmpdir(), 'sabmalloc-learn-'));
afterAll(() => {
  rmSync(place, { recursive: true, force: true });
});
const path = (name: string): string => join(place, name);
const redis = fileURLToPath(new URL('../../bench/traces/redis.bin.gz', import.meta.url));

/** A trace as bench/traces/README.md describes it, of one thread; each event is an operation, a slot and a size. */
function traceOf(
  name: string,
  events: readonly (readonly [op: number, slot: number, size: number])[],
  slots: number,
): string {
  const sizesAt = ((32 + 2 * events.length + 3) & ~3) + 4 * events.length;
  const bytes = Buffer.alloc(sizesAt + 4 * events.length);
  bytes.write('MTR1', 'latin1');
  [events.length, 1, slots, 4096, slots].forEach((value, i) => bytes.writeUInt32LE(value, 4 + 4 * i));
  events.forEach(([op, slot, size], i) => {
    bytes.writeUInt16LE(op, 32 + 2 * i);
    bytes.writeUInt32LE(slot, sizesAt - 4 * events.length + 4 * i);
    bytes.writeUInt32LE(size, sizesAt + 4 * i);
  });
  writeFileSync(path(name), gzipSync(bytes));
  return path(name);
}

const MALLOC = 1;
const CALLOC = 2;
const REALLOC = 3;
const MEMALIGN_64 = 4 | (6 << 3);
const FREE = 5;

const learn = (...args: string[]): Outcome => sabmalloc('learn', ...args);

describe('sabmalloc learn', () => {
  it('says what was learned and how the heaps compare, and writes a preset that sabmalloc config takes', () => {
    const [out, log] = [path('learned.json'), path('learned.csv')];
    const outcome = learn(redis, '--base', 'perf-main', '--out', out, '--log', log);
    expect(outcome).toMatchObject({ status: 0, stderr: '' });
    const blocks = outcome.stdout.split('\n\n');
    expect(blocks[0]).toBe('redis: 1,670,111 events, all on one worker');
    expect(blocks[1]).toMatch(
      /^block bytes +misses +spills +cache blocks +cache bytes +refill blocks +empty slabs kept\n16 /,
    );
    expect(blocks[2]).toMatch(/^trims at a growth of 1\/(8|16|32)$/);
    expect(blocks[3]).toMatch(/^heap +misses .*\nperf-main +\d.*\nlearning +\d.*\nlearned-redis +\d/);
    const preset = JSON.parse(readFileSync(out, 'utf8')) as { options: Record<string, number> };
    expect(preset).toMatchObject({ name: 'learned-redis', version: 1, extends: 'perf-main' });
    expect(Object.keys(preset.options)).toEqual([
      'cacheCapacity',
      'cacheBytes',
      'refillMax',
      'refillMaxHot',
      'emptySlabsKept',
    ]);
    // perf-main says 228; learning begins there, with room for 500.
    expect(preset.options.cacheCapacity).toBeGreaterThan(228);
    const checked = sabmalloc('config', out);
    expect(checked.stdout).toContain('is right: preset learned-redis 1, extends perf-main 1, extends production 1\n');
    const [head, ...rows] = readFileSync(log, 'utf8').trimEnd().split('\n');
    expect(head).toBe('refills,class,learner,knob,from,to,misses,spills,dropped');
    expect(rows.length).toBeGreaterThan(10);
  });

  it('performs every operation of a trace, and lets options that concern no class stay', () => {
    const trace = traceOf(
      'small.bin.gz',
      [
        [MALLOC, 0, 1000],
        [CALLOC, 0, 0],
        [FREE, 0, 0],
        [MEMALIGN_64, 0, 200],
        [REALLOC, 1, 2000],
        [FREE, 1, 0],
      ],
      2,
    );
    const outcome = learn(trace);
    expect(outcome).toMatchObject({ status: 0, stderr: '' });
    const sizes = [...outcome.stdout.matchAll(/^([\d,]+) +\d+ +0 .*$/gm)].map(([, bytes]) => bytes);
    expect(sizes).toEqual(['16', '256', '1,024', '2,048']);
    const spansOnly = learn(traceOf('spans.bin.gz', [[MALLOC, 0, 100_000]], 1));
    expect(spansOnly.stdout).toContain('preset learned-spans: {}, extends production');
  });

  it.each<[string, string[], RegExp]>([
    ['no trace', [], /missing required argument 'trace'/],
    [
      'a trace that is not there',
      [path('none.bin.gz')],
      /none\.bin\.gz can't be read as a trace: .*ENOENT.*; give one/,
    ],
    ['a file that is none', [fileURLToPath(import.meta.url)], /can't be read as a trace: .*; give one as described/],
    ['a base that is none', [redis, '--base', 'tiny'], /'tiny' is invalid\. Allowed choices are .*minimal/],
    [
      'a place that is none',
      [redis, '--out', join(place, 'no', 'a.json')],
      /--out .*a\.json can't be written: .*ENOENT/,
    ],
    ['a log that cannot be written', [redis, '--log', join(place, 'no', 'a.csv')], /option learnLog is .*give another/],
    ['a trace too large', [traceOf('huge.bin.gz', [[MALLOC, 0, 2 ** 31]], 1)], /huge\.bin\.gz: .*Raise maxBytes/],
  ])('refuses %s', (_, args, message) => {
    const outcome = learn(...args);
    expect(outcome).toMatchObject({ status: 2, stdout: '' });
    expect(outcome.stderr).toMatch(message);
  });
});
