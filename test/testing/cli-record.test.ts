import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { encodeTrace, readTraceFile, recordingOf } from 'sabmalloc/trace';
import { afterAll, describe, expect, it } from 'vitest';
import { sabmalloc, type Outcome } from './command.js';

const place = mkdtempSync(join(tmpdir(), 'sabmalloc-cli-'));
afterAll(() => rmSync(place, { recursive: true, force: true }));
const file = (name: string): string => join(place, name);
const root = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

const record = (output: string, ...args: string[]): Outcome =>
  sabmalloc('record', '-o', output, '--', process.execPath, 'recorded.mjs', ...args);

describe('sabmalloc record', () => {
  it('writes down what all threads did, those that were terminated too, and leaves the program alone', () => {
    const { status, stdout, stderr } = record(file('whole.bin.gz'), 'works', '--flag', 'of its own');
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'live 1 --flag of its own\n' });
    expect(stderr).toMatch(
      /^\S+whole\.bin\.gz: 159 events of 2 workers, peak live 0\.04 MiB in 80 blocks\nreplay with: /,
    );
    const trace = readTraceFile(file('whole.bin.gz'));
    expect(trace).toMatchObject({ events: 159, threads: 2, peakLiveBytes: 40 * 100 + 40 * 1000, peakLiveBlocks: 80 });
  });

  it('has events of a thread that inherits nothing, brought in by the others', () => {
    const { stderr } = record(file('bare.bin.gz'), 'bare');
    expect(stderr).toMatch(/: 159 events of 2 workers, /);
  });

  it('ends with the code of the program', () => expect(record(file('code.bin.gz'), 'fails').status).toBe(7));

  it('keeps what was recorded until a signal', () => {
    const { status, stderr } = record(file('signal.bin.gz'), 'signal');
    expect(status).toBe(128 + 15);
    expect(stderr).toMatch(/: 40 events of 1 worker, /);
  });

  it('makes a file for each heap, the one with the most events first', () => {
    const { stderr } = record(file('two.bin.gz'), 'heaps');
    expect(stderr).toMatch(/two\.bin\.gz: 159 events .*\n\S+two-2\.bin\.gz: 1 events of 1 worker/);
    expect(readTraceFile(file('two-2.bin.gz')).peakLiveBytes).toBe(1000);
  });

  it('says that there was nothing, and leaves no file', () => {
    const { status, stderr } = sabmalloc('record', '-o', file('none.bin.gz'), process.execPath, '-e', '0');
    expect(status).toBe(0);
    expect(stderr).toMatch(/^nothing recorded: no heap was made/);
    expect(existsSync(file('none.bin.gz'))).toBe(false);
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith('sabmalloc-record-'))).toEqual([]);
  });

  it('records a program of this repository, and replay measures it in several presets', () => {
    const output = file('words.bin.gz');
    const program = [root('build/examples/word-index/main.js'), root('src/heap'), '--workers', '2', '--query', 'heap'];
    const { status, stdout } = sabmalloc('record', '-o', output, process.execPath, ...program);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^live blocks: 0$/m);
    const trace = readTraceFile(output);
    expect(trace.events).toBeGreaterThan(1000);
    const replayed = sabmalloc('replay', output, '--rounds', '1', '--preset', 'production,minimal', '--json');
    const { results, ...about } = JSON.parse(replayed.stdout);
    expect(about).toMatchObject({ events: trace.events, threads: trace.threads, peakLiveBytes: trace.peakLiveBytes });
    expect(results.map(({ preset }: { preset: string }) => preset)).toEqual(['production', 'minimal']);
    expect(results[0].checksum).toBe(results[1].checksum);
    // A smaller cache misses more: the replays were of the presets that they say.
    expect(results[1].cacheMisses).toBeGreaterThan(results[0].cacheMisses);
    for (const { nsPerEvent, peakCommittedBytes } of results) {
      expect(nsPerEvent.least).toBeLessThanOrEqual(nsPerEvent.median);
      expect(peakCommittedBytes).toBeGreaterThan(trace.peakLiveBytes);
    }
  });
});

const big = file('big.bin.gz');
writeFileSync(
  big,
  gzipSync(encodeTrace(recordingOf([new Uint32Array([0, 1, 4096, 0, 100 << 20, 1, 1, 1, 8192, 0, 16, 1])]).trace)),
);

describe('sabmalloc replay', () => {
  it('takes files of presets, and prints a table', () => {
    const mine = file('mine.json');
    writeFileSync(mine, JSON.stringify({ name: 'mine', version: 1, options: { cacheCapacity: 32 } }));
    const { status, stdout } = sabmalloc(
      'replay',
      root('bench/traces/sqlite.bin.gz'),
      '--rounds',
      '1',
      '--preset',
      mine,
    );
    expect(status).toBe(0);
    const [about, , head, row] = stdout.split('\n');
    expect(about).toMatch(/sqlite\.bin\.gz: 372,314 events of 1 thread, peak live 1\.17 MiB$/);
    expect(head).toMatch(/^preset +ns\/event +least +most +peak committed +\/ live +misses +spills +checksum$/);
    expect(row).toMatch(/mine\.json +\d+\.\d +\d+\.\d +\d+\.\d +\d\.\d\d MiB +1\.\d{3} +[\d,]+ +[\d,]+ +[0-9a-f]{8}$/);
  });

  it('says which preset has no room, and measures the others', () => {
    const { status, stdout } = sabmalloc('replay', big, '--rounds', '1', '--preset', 'minimal,production');
    expect(status).toBe(1);
    expect(stdout).toMatch(/^production +\d/m);
    expect(stdout).toMatch(/^minimal: malloc: no room for 104857600 bytes;/m);
  });
});

describe('sabmalloc refuses', () => {
  it.each<[string, string[], RegExp]>([
    ['to record nothing', ['record'], /missing required argument 'command'/],
    ['a name of another ending', ['record', '-o', 'x.txt', 'node'], /--output x\.txt must end in \.bin\.gz\./],
    [
      'a folder that is not there',
      ['record', '-o', file('no/x.bin.gz'), 'node'],
      /x\.bin\.gz can't be written: ENOENT/,
    ],
    [
      'to record in a preset that is none',
      ['record', '--preset', 'fast', 'node'],
      /--preset fast: unknown preset "fast"/,
    ],
    ['to replay nothing', ['replay'], /missing required argument 'trace'/],
    [
      'a trace that is not there',
      ['replay', 'none.bin.gz'],
      /ENOENT.*none\.bin\.gz.*give a file that sabmalloc record made/,
    ],
    ['a trace that is none', ['replay', 'command.ts'], /command\.ts is no trace: it can't be unpacked/],
    ['a preset that is none', ['replay', big, '--preset', 'minimal,fast'], /--preset fast: unknown preset "fast"/],
    ['a preset file that is not there', ['replay', big, '--preset', 'x.json'], /x\.json can't be read as JSON: ENOENT/],
    ['no rounds', ['replay', big, '--rounds', '0'], /'0' is invalid\. Write an integer from 1 to 1000, such as 9\./],
  ])('%s', (_, args, message) => {
    const { status, stdout, stderr } = sabmalloc(...args);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/Add --help to see what there is\.\n$/);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  });

  it('a program that is not there, as a shell does', () => {
    const { status, stderr } = sabmalloc('record', '-o', file('x.bin.gz'), 'no-such-program');
    expect(status).toBe(127);
    expect(stderr).toMatch(/no-such-program can't be run: .*ENOENT/);
  });
});
