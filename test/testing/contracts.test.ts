import {
  aligned,
  conserved,
  ContractError,
  damage,
  empty,
  fits,
  Model,
  noOverlap,
  nonZero,
  observe,
  sameBlocks,
  stamp,
  walk,
} from 'sabmalloc/testing';
import { describe, expect, it } from 'vitest';
import { heapsOfTest, MIB } from '../kit/heaps.js';

const create = heapsOfTest();

/** Each contract is shown what keeps it and what breaks it: one that never throws would prove nothing. */
const breaks = (contract: () => unknown, message: RegExp): void => {
  expect(contract).toThrow(ContractError);
  expect(contract).toThrow(message);
};

describe('the contract', () => {
  it('of alignment', () => {
    aligned(32, 100);
    aligned(8, 8);
    aligned(4096, 1, 4096);
    breaks(() => aligned(8, 9), /not aligned to 16/);
    breaks(() => aligned(4096 + 16, 1, 4096), /not aligned to 4096/);
    breaks(() => aligned(0, 1), /is no address/);
    breaks(() => aligned(16.5, 1), /is no address/);
  });

  it('of waste', () => {
    fits(100, 112);
    fits(40_000, 40_960);
    breaks(() => fits(100, 96), /96 usable/);
    breaks(() => fits(100, 128), /steps up to 128 bytes are 16/);
    breaks(() => fits(1100, 1280), /more than 12.5 % wasted/);
  });

  it('of separate blocks', () => {
    noOverlap([
      { address: 32, bytes: 16 },
      { address: 16, bytes: 16 },
    ]);
    breaks(
      () =>
        noOverlap([
          { address: 32, bytes: 16 },
          { address: 16, bytes: 17 },
        ]),
      /blocks overlap/,
    );
    breaks(
      () =>
        noOverlap([
          { address: 16, bytes: 0 },
          { address: 16, bytes: 0 },
        ]),
      /blocks overlap/,
    );
  });

  it('of what is live', () => {
    const heap = create({ maxBytes: MIB });
    const [a, b] = heap.mallocMany(100, 2);
    expect([...walk(heap).keys()]).toEqual([a, b]);
    sameBlocks(heap, [a, b]);
    breaks(() => sameBlocks(heap, [a]), new RegExp(`0 lost \\(\\), 1 too many \\(${b}\\)`));
    breaks(() => sameBlocks(heap, [a, b, 4096]), /1 lost \(4096\)/);
    breaks(() => empty(heap), /2 too many/);
    heap.freeMany([a, b]);
    empty(heap);
  });

  it('of a heap and its models', () => {
    const heap = create({ maxBytes: MIB });
    const [mine, yours] = [new Model(), new Model()];
    const [a, b] = heap.mallocMany(100, 2);
    mine.add({ address: a, bytes: 100, usable: 112, tag: 1 });
    breaks(() => conserved(heap, mine, yours), /1 too many/);
    yours.add({ address: b, bytes: 100, usable: 112, tag: 1 });
    conserved(heap, mine, yours);
    yours.remove(b);
    yours.add({ address: b, bytes: 120, usable: 128, tag: 1 });
    breaks(() => conserved(heap, mine, yours), /has 112 bytes, 120 were asked for/);
  });

  it('of a walk and its statistics', () => {
    const heap = create({ maxBytes: MIB });
    heap.malloc(10);
    const { stats } = observe(heap);
    heap.stats = () => ({ ...stats, liveBlocks: 7 });
    breaks(() => observe(heap), /stats say 7 live blocks, there are 1/);
    heap.blocks = () => [1, 1].map((address) => ({ address, size: 16, class: 1, owner: 1 })).values();
    breaks(() => walk(heap), /meets block 1 twice/);
  });
});

describe('the model', () => {
  const block = (address: number, usable: number): Parameters<Model['add']>[0] => ({
    address,
    bytes: usable,
    usable,
    tag: 0,
  });

  it('refuses blocks that overlap', () => {
    const model = new Model();
    model.add(block(100, 10));
    model.add(block(110, 10));
    breaks(() => model.add(block(105, 1)), /block 105 lies in/);
    breaks(() => model.add(block(90, 11)), /runs into block 100/);
    breaks(() => model.add(block(100, 0)), /runs into block 100/);
    breaks(() => model.remove(101), /no block at 101/);
  });

  it('knows its blocks by address and by rank', () => {
    const model = new Model();
    for (const address of [300, 100, 200]) model.add(block(address, 50));
    expect(model.blocks().map(({ address }) => address)).toEqual([100, 200, 300]);
    expect([0, 1, 2, 3].map((rank) => model.pick(rank).address)).toEqual([100, 200, 300, 100]);
    expect([model.size, model.liveBytes, model.get(200)?.usable, model.get(201)]).toEqual([3, 150, 50, undefined]);
    model.remove(200);
    expect(model.blocks().map(({ address }) => address)).toEqual([100, 300]);
  });
});

describe('a stamp', () => {
  const SIZES = [0, 1, 100, 4096, 4097, 20_000];

  it.each(SIZES)('of %i bytes is found undamaged, and covers no other byte', (bytes) => {
    const u8 = new Uint8Array(bytes + 32);
    stamp(u8, 16, bytes, 5);
    expect(damage(u8, 16, bytes, 5)).toBe(-1);
    expect(nonZero(u8, 0, 16)).toBe(-1);
    expect(nonZero(u8, 16 + bytes, 16)).toBe(-1);
    // What a shorter block kept of it is undamaged too.
    expect(damage(u8, 16, bytes >> 1, 5, bytes)).toBe(-1);
  });

  it.each(SIZES.slice(1))('of %i bytes shows damage, of its last byte too, and another tag', (bytes) => {
    const u8 = new Uint8Array(bytes);
    for (const at of [0, Math.min(4095, bytes - 1), bytes - 1]) {
      stamp(u8, 0, bytes, 5);
      u8[at] ^= 1;
      expect(damage(u8, 0, bytes, 5)).toBe(at);
    }
    stamp(u8, 0, bytes, 5);
    expect(damage(u8, 0, bytes, 6)).not.toBe(-1);
  });

  it('is not zero', () => {
    const u8 = new Uint8Array(100);
    expect(nonZero(u8, 0, 100)).toBe(-1);
    u8[99] = 1;
    expect(nonZero(u8, 0, 100)).toBe(99);
    expect(nonZero(u8, 0, 99)).toBe(-1);
  });
});
