import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type HeapStats } from 'sabmalloc/stats';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { refused } from '../kit/errors.js';
import { heapsOfTest, MIB } from '../kit/heaps.js';

const create = heapsOfTest();
const place = mkdtempSync(join(tmpdir(), 'sabmalloc-stats-'));
afterAll(() => rmSync(place, { recursive: true, force: true }));
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

let files = 0;
const fileFor = (ending: string): string => join(place, `${++files}${ending}`);

interface Line extends HeapStats {
  readonly time: string;
  readonly heapId: string;
}
const linesOf = (path: string): Line[] =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

describe('statsFile', () => {
  it('gets a line of JSON each interval and one at the end', () => {
    vi.useFakeTimers();
    const path = fileFor('.jsonl');
    const heap = create({ maxBytes: MIB, statsFile: path, statsInterval: 1000 });
    heap.malloc(100);
    vi.advanceTimersByTime(1000);
    heap.malloc(100);
    vi.advanceTimersByTime(1999);
    heap.malloc(100);
    heap.detach();
    vi.advanceTimersByTime(5000);
    const lines = linesOf(path);
    expect(lines.map(({ liveBlocks }) => liveBlocks)).toEqual([1, 2, 3]);
    expect(new Set(lines.map(({ heapId }) => heapId))).toEqual(new Set([heap.token.heapId]));
    expect(Date.parse(lines[1].time) - Date.parse(lines[0].time)).toBe(1000);
  });

  it('that ends in .prom is replaced by Prometheus text, with nothing left beside it', () => {
    const path = fileFor('.prom');
    for (const blocks of [1, 2]) {
      const heap = create({ maxBytes: MIB, statsFile: path });
      heap.mallocMany(16, blocks);
      heap.detach();
      const text = readFileSync(path, 'utf8');
      expect(text).toContain(`sabmalloc_live_blocks{heap="${heap.token.heapId}"} ${blocks}\n`);
      expect(text.match(/^sabmalloc_live_blocks/gm)).toHaveLength(1);
    }
    expect(readdirSync(place).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('that cannot be written is told once, as a warning, and disturbs nobody', () => {
    const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    vi.useFakeTimers();
    const heap = create({ maxBytes: MIB, statsFile: join(place, 'none', 'x.jsonl'), statsInterval: 10 });
    vi.advanceTimersByTime(100);
    expect(() => heap.detach()).not.toThrow();
    expect(warnings.mock.calls).toEqual([
      [expect.stringMatching(/could not be written to .*x\.jsonl: .*ENOENT/), { type: 'Warning' }],
    ]);
  });

  it('is refused, before there is a heap, where the runtime has no files', () => {
    vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined);
    const memory = new SharedArrayBuffer(MIB);
    const error = refused('ERR_HEAP_CONFIG', () => create({ memory, statsFile: fileFor('.prom') }));
    expect(error).toMatchObject({ option: 'statsFile' });
    expect(new Uint8Array(memory).every((byte) => byte === 0)).toBe(true);
  });

  it('without statsInterval is written once, and statsInterval without it is refused', () => {
    const path = fileFor('.jsonl');
    const heap = create({ maxBytes: MIB, statsFile: path });
    expect(existsSync(path)).toBe(false);
    heap.detach();
    heap.detach();
    expect(linesOf(path)).toHaveLength(1);
    refused('ERR_HEAP_CONFIG', () => create({ statsInterval: 100 }));
  });

  it('is written by a program that exits, and does not keep it alive', () => {
    const path = fileFor('.jsonl');
    const entry = pathToFileURL(new URL('../../dist/index.js', import.meta.url).pathname).href;
    const program = `const { Heap } = await import('${entry}');
      const heap = Heap.create({ maxBytes: 1 << 20, statsFile: ${JSON.stringify(path)}, statsInterval: 60_000 });
      globalThis.kept = heap; heap.malloc(100);`;
    const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      encoding: 'utf8',
      timeout: 20_000,
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(linesOf(path).map(({ liveBlocks }) => liveBlocks)).toEqual([1]);
  });
});
