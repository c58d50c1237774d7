import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import {
  InspectError,
  type PageData,
  pageOf,
  pageOfSnapshots,
  pageOfTrace,
  parseSnapshot,
  writeSnapshot,
} from 'sabmalloc/inspect';
import { afterAll, describe, expect, it } from 'vitest';
import { heapsOfTest, MIB } from '../kit/heaps.js';
import { type Outcome, sabmalloc } from '../testing/command.js';
import { exact } from './kit.js';

const create = heapsOfTest();
const place = mkdtempSync(join(tmpdir(), 'sabmalloc-inspect-'));
afterAll(() => {
  rmSync(place, { recursive: true, force: true });
});

const inPlace = (name: string): string => join(place, name);
const inspect = (...args: string[]): Outcome => sabmalloc('inspect', ...args);
const traces = fileURLToPath(new URL('../../bench/traces/', import.meta.url));

/** A trace of these events: operation, slot, size. */
function traceOf(events: readonly [op: number, slot: number, size: number][]): Buffer {
  const slotsAt = (32 + events.length * 2 + 3) & ~3;
  const bytes = Buffer.alloc(slotsAt + events.length * 8);
  bytes.write('MTR1', 0, 'latin1');
  [events.length, 1, Math.min(3, events.length), 0, 0].forEach((word, i) => bytes.writeUInt32LE(word, 4 + 4 * i));
  events.forEach(([op, slot, size], i) => {
    bytes.writeUInt16LE(op, 32 + 2 * i);
    bytes.writeUInt32LE(slot, slotsAt + 4 * i);
    bytes.writeUInt32LE(size, slotsAt + 4 * (events.length + i));
  });
  return gzipSync(bytes);
}

function heapFile(name: string): string {
  const heap = create({ maxBytes: 16 * MIB });
  heap.mallocMany(100, 500);
  writeSnapshot(heap, inPlace(name));
  return inPlace(name);
}

/** Everything in a page from which a browser would load something. */
function loads(page: string): string[] {
  const found = [
    ...page.matchAll(/(?:src|href|action|poster)\s*=\s*["'][^"']*|url\([^)]*|@import|https?:\/\/[\w.-]+/gi),
  ];
  // The name of a language of graphics, not an address.
  return found.map(([text]) => text).filter((text) => text !== 'http://www.w3.org');
}

describe('a page', () => {
  it('loads nothing', () => {
    expect(loads('<img src="a.png"><style>@import "b"; c { d: url(e) }</style> https://f.example')).toHaveLength(4);
    const heap = create({ maxBytes: 16 * MIB });
    const page = pageOf(pageOfSnapshots([{ label: 'now', snapshot: heap.snapshot() }]));
    expect(loads(page)).toEqual([]);
    expect(loads(pageOf())).toEqual([]);
    expect(page).toContain("default-src 'none'");
  });

  it('keeps what it is given from becoming markup', () => {
    const heap = create({ maxBytes: 16 * MIB });
    const snapshot = { ...heap.snapshot(), callSites: { 1: '</script><b>' } };
    const page = pageOf({ title: '</title><b>', pictures: [{ label: '<i>', snapshot }] });
    expect(page).not.toContain('</title><b>');
    expect(page).not.toContain('</script><b>');
    expect(page.match(/<\/script>/g)).toHaveLength(2);
  });

  it('of several snapshots puts them in order, with a time line if they are of one heap', () => {
    const heap = create({ maxBytes: 16 * MIB });
    const first = { ...heap.snapshot(), takenAt: 1000 };
    heap.mallocMany(100, 50);
    const second = { ...heap.snapshot(), takenAt: 3500 };
    const { pictures, timeline } = pageOfSnapshots([
      { label: 'b', snapshot: second },
      { label: 'a', snapshot: first },
    ]);
    expect(pictures.map(({ label, at }) => [label, at])).toEqual([
      ['a', 0],
      ['b', 2.5],
    ]);
    expect(timeline?.samples.map(({ at, liveBlocks }) => [at, liveBlocks])).toEqual([
      [0, 0],
      [2.5, 50],
    ]);
    const other = create().snapshot();
    expect(pageOfSnapshots([first, other].map((snapshot) => ({ label: 'x', snapshot }))).timeline).toBeUndefined();
  });
});

describe('a trace', () => {
  it('becomes pictures at its peak and its end', () => {
    const events: [number, number, number][] = [
      [1, 0, 100],
      [2, 0, 70_000],
      [3, 0, 1000],
      [4 | (8 << 3), 0, 500],
      [5, 1, 0],
      [1, 0, 40],
    ];
    const { pictures, timeline }: PageData = pageOfTrace('t', traceOf(events), { maxBytes: 16 * MIB });
    expect(pictures.map(({ label, at, snapshot }) => [label, at, snapshot.stats.liveBlocks])).toEqual([
      ['at the peak', 4, 3],
      ['at the end', 6, 3],
    ]);
    expect(timeline?.samples.map(({ liveBlocks }) => liveBlocks)).toEqual([0, 1, 2, 2, 3, 2, 3]);
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['is no gzip', Buffer.from('MTR1'), /it is no trace: /],
    ['does not begin as one', gzipSync(Buffer.alloc(64)), /does not begin with MTR1/],
    ['is cut short', gzipSync(Buffer.concat([Buffer.from('MTR1\x09\0\0\0'), Buffer.alloc(40)])), /cut short: 48 bytes/],
    ['has no events', traceOf([]), /has no events/],
  ])('that %s is refused', (_, file, message) => {
    expect(() => pageOfTrace('t', file)).toThrow(message);
    expect(() => pageOfTrace('t', file)).toThrow(InspectError);
  });
});

describe('sabmalloc inspect', () => {
  it('draws a snapshot', () => {
    const out = inPlace('page.html');
    const { status, stdout, stderr } = inspect('snapshot', heapFile('one.json'), heapFile('two.json'), '-o', out);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/page\.html, [\d.]+ KiB: open it in a browser\n$/);
    expect(readFileSync(out, 'utf8')).toMatch(/^<!doctype html>/);
  });

  it('replays a trace', () => {
    const out = inPlace('trace.html');
    const outcome = inspect('trace', join(traces, 'sqlite.bin.gz'), '--preset', 'minimal', '-o', out);
    expect(outcome).toMatchObject({ status: 0, stderr: '' });
    expect(readFileSync(out, 'utf8')).toContain('<title>Trace sqlite, preset minimal</title>');
  });

  it('says what there is', () => {
    const { status, stdout } = inspect('--help');
    expect(status).toBe(0);
    for (const name of ['snapshot', 'trace', 'live']) expect(stdout).toMatch(new RegExp(`^ {2}${name} `, 'm'));
    expect(stdout).toContain('Ends with code 0, or 2');
  });

  writeFileSync(inPlace('text.json'), '{');
  writeFileSync(inPlace('other.json'), '{"name":"x"}');
  it.each<[string, string[], RegExp]>([
    ['nothing', [], /Usage: sabmalloc inspect/],
    ['a subcommand that is none', ['snapshots'], /unknown command 'snapshots'\n\(Did you mean snapshot\?\)/],
    ['no file', ['snapshot'], /missing required argument 'files'/],
    ['a file that is not there', ['snapshot', 'none.json'], /none\.json: ENOENT/],
    ['a file that is no JSON', ['snapshot', inPlace('text.json')], /text\.json: it can't be read as JSON: /],
    ['a file that is no snapshot', ['snapshot', inPlace('other.json')], /it is no snapshot of a heap: write one with/],
    ['a page where none can be', ['snapshot', heapFile('a.json'), '-o', inPlace('no/page.html')], /page\.html: ENOENT/],
    ['a trace that is none', ['trace', inPlace('other.json')], /other\.json: it is no trace: /],
    ['a preset that is none', ['trace', 'x.bin.gz', '--preset', 'fast'], /Allowed choices are debug, minimal/],
    ['no program', ['live'], /missing required argument 'program'/],
    [
      'a program that is none',
      ['live', '--', './no-such-program'],
      /no-such-program can't be started: spawn .* ENOENT/,
    ],
    [
      'a port that is none',
      ['live', '--port', '99999', '--', 'node'],
      /'99999' is invalid\. Write an integer from 0 to 65535/,
    ],
  ])('refuses %s', (_, args, message) => {
    const { status, stdout, stderr } = inspect(...args);
    expect(stderr).toMatch(message);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  });
});

it('a file of a heap has what the heap has', () => {
  const heap = create({ maxBytes: 16 * MIB });
  heap.mallocMany(100, 500);
  const snapshot = exact(heap);
  writeSnapshot(heap, inPlace('again.json'));
  const read = parseSnapshot(readFileSync(inPlace('again.json'), 'utf8'));
  expect({ ...read, takenAt: 0 }).toEqual({ ...snapshot, takenAt: 0 });
});
