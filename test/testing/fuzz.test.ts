import fc from 'fast-check';
import { type Heap } from 'sabmalloc';
import {
  FuzzError,
  FuzzOptionError,
  fuzzHeap,
  heapCommands,
  playCommands,
  type FuzzOptions,
  type FuzzProgress,
  type HeapCommand,
  type Wrap,
} from 'sabmalloc/testing';
import { describe, expect, it } from 'vitest';
import { KIB, MIB } from '../kit/heaps.js';
import { PLANTED, PLANTED_BETWEEN_WORKERS } from './planted.js';

/** Any will do; one that is the same each time keeps the time that shrinking takes the same. */
const SEED = 7;

async function failureOf(options: FuzzOptions): Promise<FuzzError> {
  try {
    await fuzzHeap(options);
  } catch (error) {
    if (error instanceof FuzzError) return error;
    throw error;
  }
  throw new Error('nothing was found');
}

/** The bug is found, takes only a few calls, and the path leads to the very same calls again. */
async function isFound(options: FuzzOptions): Promise<FuzzError> {
  const failure = await failureOf({ seed: SEED, runs: 400, ...options });
  expect(failure.commands.length).toBeLessThanOrEqual(6);
  expect(failure.message).toMatch(/^failed in run \d+; what it takes, in a heap of \{.*\}:\n/);
  failure.commands.forEach((command, i) => expect(failure.message).toContain(`${i + 1}. ${command}\n`));
  expect(failure.message).toContain(`seed: ${failure.seed}, path: "${failure.path}"`);
  const again = await failureOf({ ...options, seed: failure.seed, path: failure.path });
  expect(again.commands).toEqual(failure.commands);
  expect(String(again.cause)).toBe(String(failure.cause));
  expect(again.runs).toBe(1);
  return failure;
}

describe('fuzzHeap finds a heap that', () => {
  it.each(Object.entries(PLANTED))('%s', async (_, wrap) => {
    await isFound({ wrap });
  });

  it.each(Object.entries(PLANTED_BETWEEN_WORKERS))('%s', async (_, wrap) => {
    await isFound({ wrap, workers: 1 });
  });
});

describe('fuzzHeap', () => {
  it('does the same again with the same seed, and something else with another', async () => {
    const options = { runs: 5, workers: 1, preset: 'minimal' } as const;
    const { seconds: _, ...first } = await fuzzHeap({ ...options, seed: 3 });
    const { seconds: __, ...second } = await fuzzHeap({ ...options, seed: 3 });
    const { seconds: ___, ...third } = await fuzzHeap({ ...options, seed: 400 });
    expect(second).toEqual(first);
    expect(third.reached).not.toEqual(first.reached);
    expect(first.runs).toBe(5);
    expect(first.commands).toBeGreaterThan(5);
  });

  it('takes another seed each time unless it is given one', async () => {
    const seeds = [await fuzzHeap({ runs: 1 }), await fuzzHeap({ runs: 1 })].map(({ seed }) => seed);
    expect(seeds[0]).not.toBe(seeds[1]);
  });

  it('ends when its time is up', async () => {
    const started = performance.now();
    const { runs, seconds } = await fuzzHeap({ seconds: 1, seed: SEED });
    expect(runs).toBeGreaterThan(0);
    expect(seconds).toBeGreaterThanOrEqual(1);
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  it('tells how far it is, after every run and while it shrinks', async () => {
    const told: FuzzProgress[] = [];
    const onProgress = (progress: FuzzProgress): void => void told.push(progress);
    await fuzzHeap({ runs: 12, seed: SEED, onProgress });
    expect(told.map(({ runs }) => runs)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    expect(told.every(({ phase }) => phase === 'searching')).toBe(true);
    expect(new Set(told.map(({ seed }) => seed))).toEqual(new Set([SEED, SEED + 1]));
    expect(told.at(-1)!.commands).toBeGreaterThan(0);
    await failureOf({ seed: SEED, wrap: PLANTED['loses a block that is freed'], onProgress });
    expect(told.at(-1)!.phase).toBe('shrinking');
  });

  it('says of a path that leads to no failure any more that nothing failed', async () => {
    const { seed, path } = await failureOf({ seed: SEED, wrap: PLANTED['leaves old bytes in calloc'] });
    const { runs } = await fuzzHeap({ seed, path });
    expect(runs).toBe(1);
  });

  it('replays a failure that takes no call at all', async () => {
    const wrap = (): Heap => {
      throw new Error('no heap today');
    };
    const failure = await isFound({ wrap });
    expect(failure.commands).toEqual([]);
  });

  it('reports an error that is none of the heap’s with its text', async () => {
    const wrap = (heap: Heap): Heap => {
      heap.collect = () => {
        throw new TypeError('a mistake of mine');
      };
      return heap;
    };
    const failure = await failureOf({ seed: SEED, wrap });
    expect(failure.message).toContain('TypeError: a mistake of mine');
    expect(failure.cause).toBeInstanceOf(TypeError);
  });
});

describe('heapCommands and playCommands', () => {
  const check = async (wrap?: Wrap): Promise<fc.RunDetails<[Iterable<HeapCommand>]>> => {
    const commands = heapCommands({ largest: KIB, workers: 1, maxCommands: 30 });
    const property = fc.asyncProperty(commands, async (sequence) => {
      const log = await playCommands(sequence, { heap: { maxBytes: MIB }, largest: KIB, workers: 1, wrap });
      expect(log.at(-1)).toMatch(/^the end: .* all collect and leave$/);
    });
    return fc.check(property, { numRuns: 5, seed: SEED });
  };

  it('serve a property of one’s own', async () => {
    expect(await check()).toMatchObject({ failed: false, numRuns: 5 });
  });

  it('fail it where the heap does', async () => {
    const { failed, errorInstance } = await check(PLANTED['throws the wrong code']);
    expect(failed).toBe(true);
    expect(String(errorInstance)).toMatch(/must be refused with ERR_HEAP_\w+, got RangeError: no block at/);
  });
});

describe('fuzzHeap refuses', () => {
  it.each<[string, object, RegExp]>([
    ['no runs', { runs: 0 }, /^runs is 0; it must be an integer from 1 to /],
    ['half a run', { runs: 1.5 }, /^runs is 1.5; it must be an integer/],
    ['a seed that is no integer', { seed: -1 }, /^seed is -1; it must be an integer from 0 to 2147483647$/],
    ['more workers than it starts', { workers: 17 }, /^workers is 17; it must be an integer from 0 to 16$/],
    ['no time', { seconds: 0 }, /^seconds is 0; it must be/],
    ['no commands', { commands: 0 }, /^commands is 0; it must be/],
    ['a size as text', { heap: {}, largest: '64' }, /^largest is 64; it must be an integer from 64/],
    ['a preset that is none', { preset: 'fast' }, /^there is no preset "fast"; there are debug, .*research$/],
    ['a preset and options', { preset: 'debug', heap: {} }, /^give either preset or heap/],
    ['a largest size without a heap', { largest: 100 }, /^largest goes with heap/],
    ['memory', { heap: { memory: new SharedArrayBuffer(16) } }, /^every run makes a heap of its own/],
    [
      'too few slots',
      { heap: { maxWorkers: 2 }, workers: 2 },
      /^maxWorkers is 2; 2 workers and the main thread need 3$/,
    ],
    ['a path without a seed', { path: '1@A:B' }, /^a path leads on from a seed/],
    ['a path that is none', { path: '1', seed: 1 }, /^"1" is no path; copy it as it stands/],
  ])('%s', async (_, options, message) => {
    const error = await fuzzHeap(options).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(FuzzOptionError);
    expect((error as FuzzOptionError).message).toMatch(message);
  });

  it('options of a heap as the heap does', async () => {
    await expect(fuzzHeap({ heap: { maxBytes: 1 } })).rejects.toMatchObject({ code: 'ERR_HEAP_CONFIG' });
  });
});
