import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** The map's record, a table for each of its stripes, and what is kept back for freeing them. */
const OTHER_BLOCKS = 1 + 64 + 1;
const PROGRAM = resolve(import.meta.dirname, '../build/examples/word-index/main.js');

interface Output {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

function wordIndex(...args: string[]): Promise<Output> {
  return new Promise((done) => {
    const child = execFile(process.execPath, [PROGRAM, ...args], { timeout: 50_000 }, (_error, stdout, stderr) =>
      done({ exitCode: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

/** The same sequence in every run. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** A naive index: file -> word -> occurrences. */
type NaiveIndex = Map<string, Map<string, number>>;

const folder = mkdtempSync(join(tmpdir(), 'word-index-'));
const naive: NaiveIndex = new Map();
const FILES = 240;
const VOCABULARY = [...Array.from({ length: 400 }, (_, n) => `word${n}`), 'Größe', 'naïve', 'UPPER', 'snake_case'];

beforeAll(() => {
  const random = randomNumbers(42);
  for (let n = 0; n < FILES; n++) {
    // Squaring makes the first words frequent, so that some postings grow to hundreds and others stay at one.
    const words = Array.from({ length: random(300) }, () => {
      return VOCABULARY[Math.floor((random(1000) / 1000) ** 2 * VOCABULARY.length)];
    });
    addFile(join(`folder${n % 7}`, `deep${n % 3}`, `file${n}.txt`), words.join([' ', '\n', ', ', '-'][n % 4]));
  }
  writeFileSync(join(folder, 'binary.dat'), Buffer.from('word0 word1 \0 word2'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function addFile(name: string, text: string): void {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  const counts = new Map<string, number>();
  for (const word of text.match(/[\wöïß]{2,}/g) ?? []) {
    counts.set(word.toLowerCase(), (counts.get(word.toLowerCase()) ?? 0) + 1);
  }
  naive.set(path, counts);
}

/** Occurrences of all words of the query, in every file that holds all of them. */
function naiveAnswer(query: string): Map<string, number> {
  const words = [...new Set(query.toLowerCase().split(' '))];
  const answer = new Map<string, number>();
  for (const [path, counts] of naive) {
    if (!words.every((word) => counts.has(word))) continue;
    answer.set(
      path,
      words.reduce((sum, word) => sum + (counts.get(word) ?? 0), 0),
    );
  }
  return answer;
}

describe('examples/word-index', () => {
  const QUERIES = [
    'word0',
    'word3 word350',
    'Größe naïve',
    'upper SNAKE_CASE word1',
    'word0 word0',
    'nowhere',
    'word0 nowhere',
  ];

  it.each([1, 3])('answers like a naive index, and leaves no block, with %i workers', async (workers) => {
    const queries = QUERIES.flatMap((query) => ['--query', query]);
    const { exitCode, stdout, stderr } = await wordIndex(folder, '--json', '--workers', String(workers), ...queries);
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
    const report = JSON.parse(stdout);
    expect(report.build).toMatchObject({ files: FILES, skipped: { binary: 1, tooLarge: 0, unreadable: 0 } });
    expect(report.build.distinctWords).toBe(new Set([...naive.values()].flatMap((counts) => [...counts.keys()])).size);
    expect(report.answers.map((answer: any) => answer.query)).toEqual(QUERIES);
    for (const answer of report.answers) {
      const expected = naiveAnswer(answer.query);
      const sorted = [...expected.values()].sort((a, b) => b - a);
      expect(answer).toMatchObject({ files: expected.size, occurrences: sorted.reduce((a, b) => a + b, 0) });
      expect(answer.top.map((file: any) => file.occurrences)).toEqual(sorted.slice(0, 3));
      for (const file of answer.top) expect(file.occurrences).toBe(expected.get(file.path));
    }
    expect(report.built.liveBlocks).toBe(report.build.distinctWords * 3 + OTHER_BLOCKS);
    expect(report.release.blocks).toBe(report.build.distinctWords * 3);
    expect(report.release.remoteFrees).toBe(report.release.blocks);
    expect(report.release.threads.some((thread: number) => report.build.threads.includes(thread))).toBe(false);
    expect(report.liveBlocks).toBe(0);
  });

  it('tells people the same in tables', async () => {
    const { exitCode, stdout } = await wordIndex(folder, '--query', 'word3 word350', '--workers', '2');
    expect(stdout).toMatch(/word3 word350/);
    expect(stdout).toMatch(/remote frees pending/);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('live blocks: 0');
    expect(exitCode).toBe(0);
  });

  it('says how to go on when the heap is too small, and still loses no block', async () => {
    const wide = join(folder, 'wide');
    mkdirSync(wide);
    for (let n = 0; n < 40; n++) {
      writeFileSync(join(wide, `${n}.txt`), Array.from({ length: 1000 }, (_, word) => `w${n}x${word}`).join(' '));
    }
    const { exitCode, stdout, stderr } = await wordIndex(wide, '--max-bytes', '1MiB', '--workers', '2');
    rmSync(wide, { recursive: true });
    expect(stderr).toMatch(/doesn't fit into a heap of 1 MiB: give it more with --max-bytes/);
    expect(stdout).toMatch(/live blocks: 0$/m);
    expect(exitCode).toBe(1);
  });

  it.each([
    [['no/such/folder'], /no folder at .*no.such.folder\. Name a folder/],
    [[PROGRAM], /a file, not a folder/],
    [['--workers', 'many'], /whole number of 1 or more/],
    [['--max-bytes', 'plenty'], /a size such as 268435456, 256MiB or 1g/],
    [['--preset', 'fastest'], /preset/],
    [['--query', '+'], /words of at least two letters/],
    [['--colour'], /unknown option '--colour'/],
  ])('explains %j', async (args, sentence) => {
    const { exitCode, stdout, stderr } = await wordIndex(...args);
    expect(stderr).toMatch(sentence);
    expect(stdout).toBe('');
    expect(exitCode).toBe(1);
  });
});

describe('lru-server', () => {
  it('answers every request with its page, out of one cache more often than out of several', async () => {
    const program = resolve(import.meta.dirname, '../build/examples/lru-server/main.js');
    const output = await new Promise<Output>((done) => {
      const args = [program, '--requests', '600', '--workers', '3', '--json'];
      const child = execFile(process.execPath, args, { timeout: 50_000 }, (_error, stdout, stderr) =>
        done({ exitCode: child.exitCode ?? -1, stdout, stderr }),
      );
    });
    expect(output.stderr).toBe('');
    const { rows, liveBlocks } = JSON.parse(output.stdout) as {
      rows: { hits: number; misses: number }[];
      liveBlocks: number;
    };
    const [none, each, one] = rows;
    expect(none.hits).toBe(0);
    expect([each.hits + each.misses, one.hits + one.misses]).toEqual([600, 600]);
    expect(one.hits).toBeGreaterThan(each.hits);
    expect([liveBlocks, output.exitCode]).toEqual([0, 0]);
  });
});
