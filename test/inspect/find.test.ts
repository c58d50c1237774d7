import { type HeapSnapshot } from 'sabmalloc';
import { findAddress, HeapModel, parseAddress } from 'sabmalloc/inspect';
import { describe, expect, it } from 'vitest';
import { heapsOfTest, MIB } from '../kit/heaps.js';
import { seeded } from '../kit/random.js';
import { workersOfTest } from '../kit/workers.js';
import { stir } from './kit.js';

const create = heapsOfTest();
const workers = workersOfTest();

const hex = (address: number): string => `0x${address.toString(16)}`;

it.each([
  ['4096', 4096],
  ['0x1A40', 0x1a40],
  [' 4,198,400 ', 4_198_400],
  ['0xffffffff', 0xffff_ffff],
  ['0x100000000', undefined],
  ['-1', undefined],
  ['1.5', undefined],
  ['1a40', undefined],
  ['', undefined],
])('reads the address %j as %j', (text, address) => expect(parseAddress(text)).toBe(address));

describe('an address is', () => {
  const heap = create({ maxBytes: 16 * MIB });
  const [live, freed] = heap.mallocMany(64, 2);
  heap.free(freed);
  const [odd] = heap.mallocMany(48, 1);
  const span = heap.malloc(200_000);
  const me = heap.workerId;
  const snapshot: HeapSnapshot = heap.snapshot();
  const model = new HeapModel(snapshot);
  const find = (address: number) => findAddress(model, address);

  it('a live block', () =>
    expect(find(live)).toMatchObject({
      what: 'block',
      text: `${hex(live)} is a live block in a slab of class 4, 64-byte blocks, of worker ${me}.`,
    }));

  it('inside one', () => {
    expect(find(live + 5).text).toBe(
      `${hex(live + 5)} is 5 bytes into a live block at ${hex(live)} in a slab of class 4, 64-byte blocks, of worker ${me}.`,
    );
    expect(find(live + 5).block).toBe(find(live).block);
  });

  it('a block in a cache, and a free one', () => {
    expect(find(freed).text).toContain(' is a free block in a cache of its owner in a slab of class 4');
    const row = find(freed).row;
    const states = Array.from({ length: model.capacity(row) }, (_, block) => model.blockState(row, block));
    expect(states.filter((state) => state === 'cached')).toHaveLength(snapshot.runs.cached[row]);
  });

  it('the last bytes of a slab', () => {
    const { row } = find(odd);
    const gap = model.startAddress(row) + model.capacity(row) * 48;
    expect(gap).toBeLessThan(model.endAddress(row));
    expect(find(gap)).toMatchObject({ what: 'gap', block: -1, row });
  });

  it('a large block', () => {
    expect(find(span).text).toBe(
      `${hex(span)} is a live large block of 196 KiB at ${hex(span)}, allocated by worker ${me}.`,
    );
    expect(find(span + 100_000)).toMatchObject({ what: 'span', block: 0 });
  });

  it('metadata', () => {
    expect(find(0)).toMatchObject({ what: 'tables', row: -1 });
    const control = [...snapshot.runs.start.keys()].find((row) => model.kindOf(row) === 'control')!;
    expect(find(model.startAddress(control)).text).toContain(`is metadata: the control block of worker ${me}.`);
  });

  it('free, or none of the heap', () => {
    expect(find(snapshot.limitSlice * 4096 - 1)).toMatchObject({ what: 'unused', row: -1 });
    expect(find(snapshot.limitSlice * 4096)).toMatchObject({ what: 'outside', row: -1 });
  });

  it('told with where it was allocated, if the snapshot knows', () => {
    const callSites = { [live]: 'app.js:12', [span]: 'load.js:3' };
    const known = new HeapModel({ ...snapshot, callSites });
    expect(findAddress(known, live + 5).text).toContain(`, allocated at app.js:12, in a slab`);
    expect(findAddress(known, span).text).toContain(`allocated by worker ${me} at load.js:3.`);
  });

  it('a block all the same where the snapshot leaves out blocks', () => {
    const coarse = new HeapModel({ ...snapshot, blocks: new Uint8Array(0) });
    expect(findAddress(coarse, live).text).toContain('is a block, whose state this snapshot leaves out, in a slab');
  });

  it('one that another worker freed', async () => {
    const shared = create({ maxBytes: 16 * MIB });
    const other = await workers.agent(shared);
    const address = shared.malloc(100);
    await other.call('freeAll', [address]);
    const finding = findAddress(new HeapModel(shared.snapshot()), address);
    expect(finding.text).toContain(
      'is a block that another worker freed and its owner has not taken back yet in a slab',
    );
  });

  it(
    'what the heap says of it, wherever it points',
    seeded((random) => {
      const stirred = create({ maxBytes: 64 * MIB });
      stir(stirred, random, [], 2000);
      const picture = new HeapModel(stirred.snapshot());
      const blocks = new Map([...stirred.blocks()].map((block) => [block.address, block]));
      const { baseSlice, limitSlice } = picture.snapshot;
      for (let i = 0; i < 5000; i++) {
        const address = random.int(baseSlice * 4096, limitSlice * 4096 - 1);
        const { what, row, block } = findAddress(picture, address);
        const isBlock = what === 'block' || what === 'span';
        const start = isBlock ? picture.startAddress(row) + block * picture.blockBytes(row) : -1;
        const isLive = what === 'span' || (what === 'block' && picture.blockState(row, block) === 'live');
        expect(isLive).toBe(isBlock && blocks.has(start));
      }
    }),
  );
});

it('the shares of the slices add up to the heap', () => {
  const heap = create({ maxBytes: 16 * MIB });
  const odd = heap.mallocMany(800, 500);
  for (let i = 0; i < odd.length; i += 3) heap.free(odd[i]);
  heap.malloc(300_000);
  for (const blocks of [true, false]) {
    const model = new HeapModel(heap.snapshot({ blocks }));
    const { stats, baseSlice, limitSlice } = model.snapshot;
    const mix = model.mixOf(baseSlice, limitSlice - baseSlice);
    expect(mix.granules).toBe((limitSlice - baseSlice) * 256);
    expect(mix.span * 16).toBe(stats.largeBytes);
    const liveBytes = stats.liveBytes - stats.largeBytes;
    if (blocks) expect(mix.live * 16).toBe(liveBytes);
    else expect(Math.abs(mix.live * 16 - liveBytes)).toBeLessThan(0.01 * liveBytes);
  }
});
