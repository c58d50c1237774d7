import { HeapError, type Heap } from 'sabmalloc';
import { PRESETS, type PresetName } from 'sabmalloc/config';
import { InspectError, parseSnapshot, serialiseSnapshot } from 'sabmalloc/inspect';
import { describe, expect, it } from 'vitest';
import { freeAll, heapsOfTest, MIB } from '../kit/heaps.js';
import { seeded } from '../kit/random.js';
import { pause, type TestWorker, workersOfTest } from '../kit/workers.js';
import { exact, liveBlocks, stir, wellFormed } from './kit.js';

const create = heapsOfTest();
const workers = workersOfTest();

const addressesOf = (blocks: [number, number][]): number[] => blocks.map(([address]) => address);

describe('a snapshot', () => {
  it.each(Object.keys(PRESETS) as PresetName[])('counts what stats() and blocks() count: %s', (preset) =>
    seeded((random) => {
      const heap = create({ preset, maxBytes: 64 * MIB });
      const live: number[] = [];
      for (let round = 0; round < 5; round++) {
        stir(heap, random, live);
        wellFormed(exact(heap));
      }
      freeAll(heap, live);
      heap.collect();
      expect(liveBlocks(exact(heap)).size).toBe(0);
    })(),
  );

  it(
    'does so with several workers that free for each other, leave and are adopted',
    seeded(async (random) => {
      const heap = create({ maxBytes: 64 * MIB });
      const others = await workers.agents(heap, 3);
      const live: number[] = [];
      for (let round = 0; round < 6; round++) {
        for (const other of others)
          live.push(...addressesOf(await other.call('allocate', 120, 0, 20_000, random.next(), 1)));
        stir(heap, random, live);
        wellFormed(exact(heap));
        await others[round % others.length].call('freeAll', random.shuffle(live).splice(0, live.length >>> 1));
        const remote = exact(heap).runs.remote.reduce((total, each) => total + each, 0);
        if (round < 3) expect(remote).toBeGreaterThan(0);
        if (round !== 3) continue;
        await others.pop()!.heap('detach');
        const { runs, stats } = exact(heap);
        const orphans = [...runs.owner.keys()].filter((row) => runs.owner[row] === 0 && runs.class[row] !== 0);
        expect(orphans.length).toBe(stats.abandonedSlabs);
        expect(orphans.length).toBeGreaterThan(0);
      }
    }),
  );

  it('leaves the single blocks out if asked, and nothing else', () => {
    const heap = create({ maxBytes: 16 * MIB });
    heap.mallocMany(64, 1000);
    const { blocks, runs, ...rest } = heap.snapshot();
    const coarse = heap.snapshot({ blocks: false });
    expect(blocks.length).toBeGreaterThan(0);
    expect({ ...coarse, takenAt: 0 }).toEqual({
      ...rest,
      takenAt: 0,
      blocks: new Uint8Array(0),
      runs: { ...runs, blocksAt: new Uint32Array(runs.start.length) },
    });
  });

  it('lives through a clone and through a file', () => {
    const heap = create({ maxBytes: 16 * MIB });
    heap.free(heap.mallocMany(1000, 300)[7]);
    const snapshot = heap.snapshot();
    expect(structuredClone(snapshot)).toStrictEqual(snapshot);
    expect(parseSnapshot(serialiseSnapshot(snapshot))).toStrictEqual(snapshot);
    const texts = { ...snapshot, callSites: { 4096: 'app.js:3 "<script>"' } };
    expect(parseSnapshot(serialiseSnapshot(texts))).toStrictEqual(texts);
  });

  it('is refused of a heap that was left', () => {
    const heap = create();
    heap.detach();
    expect(() => heap.snapshot()).toThrow(HeapError);
  });

  it('of a region in memory of the caller has the addresses of the buffer', () => {
    const memory = new SharedArrayBuffer(4 * MIB);
    const heap = create({ memory, memoryOffset: MIB });
    const address = heap.malloc(100);
    expect(heap.snapshot().baseSlice).toBe(MIB / 4096);
    expect([...liveBlocks(exact(heap)).keys()]).toEqual([address]);
  });
});

/** Snapshots of a heap, one after the other, while other workers allocate and free. */
async function whileRunning(heap: Heap, others: readonly TestWorker[], seed: number): Promise<number> {
  let busy = others.length;
  let taken = 0;
  const storms = others.map(async (other, place) => {
    for (let round = 0; round < 4; round++) {
      const blocks = await other.call<[number, number][]>('allocate', 3000, 0, 30_000, seed + place + round, 1);
      await others[(place + 1) % others.length].call('freeAll', addressesOf(blocks));
    }
    busy--;
  });
  while (busy > 0) {
    wellFormed(heap.snapshot());
    taken++;
    await pause(0);
  }
  await Promise.all(storms);
  return taken;
}

describe('a snapshot of a heap at work', () => {
  it(
    'never throws, and its columns are those of a heap',
    seeded(async (random) => {
      const heap = create({ maxBytes: 512 * MIB });
      const others = await workers.agents(heap, 2);
      expect(await whileRunning(heap, others, random.next())).toBeGreaterThan(3);
      exact(heap);
    }),
  );
});

describe('text that is no snapshot', () => {
  const snapshot = JSON.parse(serialiseSnapshot(create().snapshot()));
  it.each<[string, unknown, RegExp]>([
    ['another file', { name: 'x' }, /it is no snapshot of a heap: write one with writeSnapshot/],
    ['null', null, /it is no snapshot of a heap/],
    ['of a later version', { ...snapshot, version: 2 }, /it is of version 2, and this package reads version 1/],
    ['without its columns', { ...snapshot, runs: null }, /a part of it is missing/],
    ['without its blocks', { ...snapshot, blocks: 'none' }, /a part of it is missing/],
    [
      'with columns cut short',
      { ...snapshot, runs: { ...snapshot.runs, live: 1 } },
      /its columns are not of one length/,
    ],
  ])('%s', (_, value, message) => {
    expect(() => parseSnapshot(JSON.stringify(value))).toThrow(message);
    expect(() => parseSnapshot(JSON.stringify(value))).toThrow(InspectError);
  });

  it('is refused when it is no JSON', () => {
    expect(() => parseSnapshot('{')).toThrow(/it can't be read as JSON/);
  });
});
