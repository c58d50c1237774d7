import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Heap } from 'sabmalloc';
import { describe, expect, it, vi } from 'vitest';
import { heapsOfTest, MIB } from '../kit/heaps.js';
import { workersOfTest } from '../kit/workers.js';

const create = heapsOfTest();
const workers = workersOfTest();

const TRACED = { maxBytes: 16 * MIB, headers: 'full', callSiteEvery: 1 } as const;

const makeMesh = (heap: Heap): number => heap.malloc(100);

/** What a program prints on standard error, line by line. */
function errorsOf(program: string, ...args: string[]): string[] {
  const path = fileURLToPath(new URL(`programs/${program}`, import.meta.url));
  const { stderr, status } = spawnSync(process.execPath, [path, ...args], { encoding: 'utf8', env: {} });
  expect(status).toBe(0);
  return stderr.trimEnd().split('\n');
}

/** What a call says on the console. */
function said(call: () => unknown): string[] {
  const spy = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  try {
    call();
    return spy.mock.calls.map(([text]) => String(text));
  } finally {
    spy.mockRestore();
  }
}

describe('leaks()', () => {
  it('groups live blocks by worker and place, the most bytes first', async () => {
    const heap = create(TRACED);
    const other = await workers.agent(heap);
    const [first] = [makeMesh(heap), makeMesh(heap), makeMesh(heap)];
    const large = heap.malloc(5000);
    await other.heap('malloc', 10);
    heap.free(heap.malloc(77));
    const found = heap.leaks();
    expect(found.map(({ blocks, bytes }) => [blocks, bytes])).toEqual([
      [1, 5000],
      [3, 300],
      [1, 10],
    ]);
    expect(found[0].address).toBe(large);
    expect(found[1]).toMatchObject({ workerId: heap.workerId, address: first });
    expect(found[1].callSite).toMatch(/^makeMesh \(.*leaks\.test\.ts:\d+:\d+\)$/);
    expect(found[2].workerId).toBe(await other.call('property', 'workerId'));
    expect(found[2].callSite).toMatch(/agent\.mjs/);
  });

  it('names who allocated a block after that worker has left, and is empty in the end', async () => {
    const heap = create(TRACED);
    const other = await workers.agent(heap);
    const workerId = await other.call<number>('property', 'workerId');
    const address = await other.heap<number>('malloc', 10);
    await other.call('detach');
    expect(heap.leaks()).toMatchObject([{ workerId, blocks: 1, bytes: 10, address }]);
    heap.free(address);
    expect(heap.leaks()).toEqual([]);
  });

  it('counts blocks without headers too, by the owner of their memory', () => {
    const heap = create({ maxBytes: 16 * MIB });
    heap.malloc(100);
    expect(heap.leaks()).toMatchObject([{ workerId: heap.workerId, callSite: undefined, blocks: 1, bytes: 112 }]);
  });
});

describe('the leak report', () => {
  it('is printed at the end of the process, with the lines that allocated', () => {
    const lines = errorsOf('leaky.mjs');
    expect(lines[0]).toBe('sabmalloc: at the end of the heap: 4 blocks, 3,096 bytes still live');
    expect(lines[1]).toMatch(/^ {2}3 blocks, 3,072 bytes, worker \d+, makeMesh \(.*leaky\.mjs:7:\d+\)$/);
    expect(lines[2]).toMatch(/^ {2}1 block, 24 bytes, worker \d+, .*leaky\.mjs:12:\d+/);
    expect(lines).toHaveLength(3);
  });

  it('is printed once, by detach, if that comes first; and says nothing of an empty heap', () => {
    expect(errorsOf('leaky.mjs', 'detach')).toHaveLength(3);
    expect(errorsOf('leaky.mjs', 'free')).toEqual(['']);
  });

  it('is that of what a worker itself allocated when it leaves, where `detach` asks for it', () => {
    const [head, line, ...more] = errorsOf('leaver.mjs', 'detach');
    expect(head).toMatch(/^sabmalloc: worker \d+ leaves: 1 block, 24 bytes still live$/);
    expect(line).toMatch(/^ {2}1 block, 24 bytes, worker \d+, .*leaver\.mjs:\d+:\d+/);
    expect(more).toEqual([]);
    expect(errorsOf('leaver.mjs', 'end')).toEqual(['']);
  });

  it('is the creator’s, once', () => {
    const heap = create({ ...TRACED, leakReport: 'end' });
    makeMesh(heap);
    expect(said(() => heap.detach())).toHaveLength(1);
    expect(said(() => heap.detach())).toHaveLength(0);
  });
});

describe('call sites', () => {
  it('are recorded for the share of calls that was asked for', () => {
    const heap = create({ ...TRACED, callSiteEvery: 10 });
    const blocks = 3000;
    for (let i = 0; i < blocks; i++) heap.malloc(16);
    const recorded = [...heap.blocks()].filter(({ callSite }) => callSite !== undefined).length;
    expect(recorded / blocks).toBeGreaterThan(1 / 14);
    expect(recorded / blocks).toBeLessThan(1 / 7);
  });

  it('beyond what the table holds are left out, and the others stay right', () => {
    const heap = create({ ...TRACED, maxBytes: MIB });
    const places = 400;
    const name = (i: number): string => `allocateAtPlaceNumber${i}OfAProgramWithLongNames`;
    const source = Array.from(
      { length: places },
      (_, i) => `heap => (function ${name(i)}() { return heap.malloc(16); })()`,
    );
    for (const text of source) (0, eval)(text)(heap);
    const sites = [...heap.blocks()].map(({ callSite }) => callSite);
    const known = sites.filter((site) => site !== undefined);
    expect(sites).toHaveLength(places);
    expect(known.length).toBeGreaterThan(20);
    expect(known.length).toBeLessThan(places);
    expect(new Set(known).size).toBe(known.length);
    for (const site of known) expect(site).toMatch(/^allocateAtPlaceNumber\d+OfAProgramWithLongNames /);
  });

  it('of one place have one number in all workers', async () => {
    const heap = create(TRACED);
    const others = await workers.agents(heap, 3);
    await Promise.all(others.map((other) => other.heap('mallocMany', 16, 50)));
    expect(new Set([...heap.blocks()].map(({ callSite }) => callSite)).size).toBe(1);
  });
});

it.each(['none', 'full'] as const)('debugLevel 3 says every call, and 2 none of them, with headers %s', (headers) => {
  for (const [debugLevel, lines] of [
    [2, 0],
    [3, 2],
  ] as const) {
    const heap = create({ maxBytes: MIB, debugLevel, headers });
    expect(said(() => heap.free(heap.malloc(10)))).toHaveLength(lines);
  }
});
