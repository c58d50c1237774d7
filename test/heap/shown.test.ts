import { inspect } from 'node:util';
import { Heap, HeapError } from 'sabmalloc';
import { PRESETS, type PresetName } from 'sabmalloc/config';
import { describe, expect, it } from 'vitest';
import { heapsOfTest, KIB, MIB } from '../kit/heaps.js';
import { workersOfTest } from '../kit/workers.js';

const create = heapsOfTest();
const workers = workersOfTest();

const deno = (value: object): string =>
  (value as Record<symbol, (inspect: unknown, options: unknown) => string>)[Symbol.for('Deno.customInspect')](
    inspect,
    {},
  );

describe('a heap on a console', () => {
  it('is a line', async () => {
    const heap = create({ maxBytes: 16 * MIB });
    heap.mallocMany(1024, 1100);
    heap.malloc(5 * MIB);
    await workers.agent(heap);
    const line = inspect(heap);
    expect(line).toMatch(
      /^Heap \(production\) \{ 6\.07 MiB live in 1,101 blocks, 6\.\d+ MiB of 16 MiB committed, worker \d+ of 2 attached \}$/,
    );
    expect(inspect({ heap })).toContain(line);
    expect(deno(heap)).toBe(line);
  });

  it('speaks of one block as of one', () => {
    const heap = create({ maxBytes: 512 * KIB });
    heap.malloc(1);
    expect(inspect(heap)).toContain('{ 16 B live in 1 block,');
  });

  it.each(Object.keys(PRESETS) as PresetName[])('names its preset: %s', (preset) =>
    expect(inspect(create({ preset, maxBytes: 16 * MIB, ...PRESETS[preset].options }))).toMatch(
      new RegExp(`^Heap \\(${preset}\\)`),
    ),
  );

  it('has options of its own where no preset is like it', () =>
    expect(inspect(create({ cacheCapacity: 77 }))).toMatch(/^Heap \(options of its own\)/));

  it('is shown when it was left', () => {
    const heap = create();
    heap.detach();
    expect(inspect(heap)).toBe(`Heap (detached) { workerId: ${heap.workerId} }`);
  });

  it('is shown when its tables are damaged', () => {
    const heap = create({ maxBytes: 4 * MIB });
    const address = heap.malloc(100);
    const { i32 } = heap;
    const head = address >>> 12;
    // Some word of the tables is the length of the slab.
    const words = heap.snapshot().firstSlice * 1024;
    const length = heap.snapshot().runs.slices.at(-1)!;
    for (let word = 0; word < words; word++) if (i32[word] === length && i32[word - 3] === head) i32[word] = -1;
    expect(() => heap.stats()).toThrow(HeapError);
    expect(inspect(heap)).toMatch(/^Heap \{ workerId: \d+, not countable: HeapError: a run of slices has an/);
  });
});

describe('an error on a console', () => {
  function thrown(work: () => unknown): HeapError {
    try {
      work();
    } catch (error) {
      if (error instanceof HeapError) return error;
    }
    throw new Error('nothing was thrown');
  }

  it('has its code, where it was thrown, and its numbers on lines', () => {
    const heap = create();
    const address = heap.malloc(100);
    heap.free(address);
    const lines = inspect(thrown(() => heap.free(address))).split('\n');
    expect(lines[0]).toBe(
      `HeapError [ERR_HEAP_DOUBLE_FREE]: free(${address}): the block there is already free: it was freed before, here or by another worker; free every block once`,
    );
    const frames = lines.filter((line) => line.startsWith('    at '));
    expect(frames.length).toBeGreaterThan(1);
    expect(lines.slice(1 + frames.length)).toEqual([
      `  address  0x${address.toString(16)} (${address})`,
      "  kind     'free'",
      `  owner    ${heap.workerId & 1023}`,
    ]);
  });

  it('groups the digits of large numbers, and shows a cause', () => {
    const heap = Heap.create({ maxBytes: MIB });
    const text = inspect(thrown(() => heap.malloc(8 * MIB)));
    heap.detach();
    expect(text).toContain('\n  requestedBytes  8,388,608\n');
    const cause = inspect(new HeapError('ERR_HEAP_TOKEN', 'no', { cause: new TypeError('because') }));
    expect(cause).toMatch(/\n {2}cause {2}TypeError: because/);
  });

  it('is short deep inside another object, and the same for Deno', () => {
    const error = new HeapError('ERR_HEAP_CONFIG', 'no', { value: 1.5 });
    expect(inspect({ a: { b: { c: error } } }, { depth: 1 })).not.toContain('no');
    expect((error as unknown as Record<symbol, (depth: number) => string>)[inspect.custom](-1)).toBe(
      '[HeapError [ERR_HEAP_CONFIG]: no]',
    );
    expect(deno(error)).toBe(inspect(error));
    expect(inspect(new HeapError('ERR_HEAP_CORRUPT', 'bare'))).toMatch(
      /^HeapError \[ERR_HEAP_CORRUPT\]: bare\n {4}at /,
    );
  });
});
