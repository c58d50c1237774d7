import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Heap } from 'sabmalloc';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { OPTION_NAMES, type HeapOptions, type OptionName } from '../../src/config/options.js';
import type { CreateOptions } from '../../src/config/resolve.js';
import { Classes } from '../../src/layout/classes.js';
import { heapsOfTest, KIB, leave, MIB } from '../kit/heaps.js';
import { Stage } from './kit.js';

/*
 * An option that changes nothing is none. Each has a counter, a piece of layout or an output here that is greater with the
 * second value than with the first; the type of the table, and a test, ask for a row for every option.
 */

interface Effect<Name extends OptionName> {
  readonly values: readonly [HeapOptions[Name], HeapOptions[Name]];
  readonly beside?: CreateOptions;
  readonly shows: (options: CreateOptions) => number;
}

const create = heapsOfTest();
const place = mkdtempSync(join(tmpdir(), 'sabmalloc-effects-'));
afterAll(() => rmSync(place, { recursive: true, force: true }));
const file = (name: string): string => join(place, name);

/** Lines in the statistics file after so many beats of a clock that a heap was made under, and left. */
function linesWritten(options: CreateOptions, beats: number): number {
  vi.useFakeTimers();
  const heap = fresh(options);
  vi.advanceTimersByTime(beats);
  heap.detach();
  vi.useRealTimers();
  const { statsFile } = options;
  return statsFile === undefined ? 0 : readFileSync(statsFile, 'utf8').split('\n').length - 1;
}
const memory = new SharedArrayBuffer(4 * MIB);
const log = file('log.csv');

function fresh(options: CreateOptions): Heap {
  new Uint8Array(memory).fill(0);
  return create(options);
}

/** Lines that a program puts on the console. */
function linesSaid(program: () => unknown): number {
  const console = vi.spyOn(globalThis.console, 'error').mockImplementation(() => undefined);
  try {
    program();
    return console.mock.calls.length;
  } finally {
    console.mockRestore();
  }
}

function refilled(bytes: number): (options: CreateOptions) => number {
  return (options) => {
    const heap = fresh(options);
    heap.malloc(bytes);
    return heap.stats().cachedBlocks;
  };
}

function kept(bytes: number): (options: CreateOptions) => number {
  return (options) => {
    const heap = fresh(options);
    heap.freeMany(heap.mallocMany(bytes, 400));
    return heap.stats().cachedBlocks;
  };
}

function workersAttached(options: CreateOptions): number {
  const heap = fresh(options);
  for (let count = 1; ; count++)
    try {
      heap.reserve();
    } catch {
      return count;
    }
}

/** Mid blocks that another worker put into their owner's transfer slots, and how many of them one allocation takes out. */
function transferred(options: CreateOptions): { readonly offered: number; readonly taken: number } {
  const stage = new Stage({ ...options, maxBytes: 16 * MIB });
  const [owner, other] = [stage.attach(), stage.attach()];
  const { slot } = owner.owner;
  const [first, end] = [slot, slot + 1].map((each) => stage.region.transferWord(each, Classes.FIRST_MID));
  const waiting = (): number => stage.region.i32.subarray(first, end).filter((word) => word !== 0).length;
  const blocks = Array.from({ length: 64 }, () => owner.malloc(4 * KIB));
  for (const block of blocks) other.free(block);
  const offered = waiting();
  for (let i = 0; i < 64 && waiting() === offered; i++) owner.malloc(4 * KIB);
  return { offered, taken: offered - waiting() };
}

const KINDS = [
  (heap: Heap) => !heap.buffer.growable,
  (heap: Heap) => heap.buffer.growable && !(heap.token.memory instanceof WebAssembly.Memory),
];

const EFFECTS: { readonly [Name in OptionName]: Effect<Name> } = {
  maxBytes: { values: [MIB, 2 * MIB], shows: (options) => fresh(options).stats().maxBytes },
  maxWorkers: { values: [2, 5], shows: workersAttached },
  backing: {
    values: ['fixed', 'growable'],
    beside: { maxBytes: MIB },
    shows: (options) => KINDS.findIndex((is) => is(fresh(options))),
  },
  memory: { values: [undefined, memory], shows: (options) => Number(fresh(options).buffer === memory) },
  memoryOffset: { values: [0, MIB], beside: { memory }, shows: (options) => fresh(options).malloc(16) },
  memoryBytes: {
    values: [MIB, 2 * MIB],
    beside: { memory },
    shows: (options) => fresh(options).stats().maxBytes,
  },
  prewarmBytes: { values: [0, 16 * MIB], shows: (options) => fresh(options).stats().reservedBytes },
  warmCaches: { values: [0, 128], shows: (options) => fresh(options).stats().cachedBlocks },
  cacheCapacity: { values: [8, 100], shows: kept(16) },
  cacheBytes: { values: [8 * KIB, 64 * KIB], shows: kept(KIB) },
  magazineCapacity: { values: [0, 32], shows: kept(2 * KIB) },
  refillMax: { values: [4, 40], shows: refilled(256) },
  refillMaxHot: { values: [4, 40], shows: refilled(16) },
  spillHysteresis: {
    values: [60, 1],
    shows: (options) => {
      const heap = fresh({ ...options, cacheCapacity: 120 });
      const blocks = heap.mallocMany(16, 400);
      let most = 0;
      for (const block of blocks) {
        heap.free(block);
        const { cachedBlocks } = heap.stats();
        if (cachedBlocks < most) return cachedBlocks;
        most = cachedBlocks;
      }
      return most;
    },
  },
  transferSlots: { values: [0, 8], shows: (options) => transferred(options).offered },
  transferBudget: { values: [1, 6], beside: { transferSlots: 8 }, shows: (options) => transferred(options).taken },
  emptySlabsKept: {
    values: [0, 4],
    shows: (options) => {
      const heap = fresh(options);
      heap.freeMany(heap.mallocMany(KIB, 2000));
      return heap.stats().committedBytes;
    },
  },
  profileLevel: {
    values: [0, 2],
    shows: (options) => {
      const heap = fresh(options);
      heap.mallocMany(16, 10);
      return heap.stats().cacheHits;
    },
  },
  sampleEvery: {
    values: [1, 1024],
    beside: { profileLevel: 1 },
    shows: (options) => {
      const heap = fresh(options);
      for (let i = 0; heap.stats().cacheHits === 0; i++) heap.free(heap.malloc(16));
      return heap.stats().cacheHits;
    },
  },
  traceCapacity: {
    values: [64, 100],
    beside: { profileLevel: 3, maxWorkers: 2 },
    shows: (options) => {
      const heap = fresh(options);
      heap.mallocMany(16, 400);
      return heap.stats().counters.tracedEvents;
    },
  },
  statsInterval: {
    values: [86_400_000, 10],
    beside: { statsFile: file('lines.jsonl') },
    shows: (options) => linesWritten(options, 100),
  },
  statsFile: {
    values: [undefined, file('end.jsonl')],
    shows: (options) => linesWritten(options, 0),
  },
  poison: {
    values: [false, true],
    shows: (options) => {
      const heap = fresh(options);
      return Number(heap.u8[heap.malloc(16)] === 0xfa);
    },
  },
  headers: {
    values: ['none', 'light'],
    shows: (options) => {
      const heap = fresh(options);
      return 32 - heap.usableSize(heap.malloc(17));
    },
  },
  quarantineBytes: {
    values: [0, 4 * KIB],
    beside: { headers: 'full' },
    shows: (options) => {
      const heap = fresh(options);
      heap.free(heap.malloc(KIB));
      return heap.stats().quarantinedBlocks;
    },
  },
  callSiteEvery: {
    values: [0, 1],
    beside: { headers: 'full' },
    shows: (options) => {
      const heap = fresh(options);
      heap.malloc(16);
      return [...heap.blocks()].filter(({ callSite }) => callSite !== undefined).length;
    },
  },
  guardEvery: {
    values: [0, 1],
    beside: { headers: 'full' },
    shows: (options) => {
      const heap = fresh(options);
      heap.malloc(16);
      return heap.stats().classes[0].blockBytes;
    },
  },
  leakReport: {
    values: ['off', 'end'],
    shows: (options) =>
      linesSaid(() => {
        const heap = fresh(options);
        heap.malloc(16);
        heap.detach();
      }),
  },
  debugLevel: { values: [2, 3], shows: (options) => linesSaid(() => fresh(options).malloc(16)) },
  learnCaches: { values: [true, false], shows: refilled(16) },
  learnMemory: {
    values: [false, true],
    shows: (options) => {
      const heap = fresh(options);
      heap.mallocMany(4 * KIB, 2000);
      return heap.learned().trimShare;
    },
  },
  learnLog: {
    values: [undefined, log],
    beside: { learnCaches: true },
    shows: (options) => {
      const heap = fresh(options);
      heap.mallocMany(16, 1000);
      leave(heap);
      return existsSync(log) ? readFileSync(log, 'utf8').split('\n').length : 0;
    },
  },
};

describe('every option has an effect', () => {
  it.each(OPTION_NAMES)('%s', (name) => {
    const effect = EFFECTS[name] as Effect<OptionName> | undefined;
    if (effect === undefined) throw new Error(`${name} has no row in EFFECTS: what does it change?`);
    const [less, more] = effect.values.map((value) => effect.shows({ ...effect.beside, [name]: value }));
    expect(more).toBeGreaterThan(less);
  });
});
