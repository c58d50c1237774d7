import { describe, expect, it } from 'vitest';
import { aligned, empty, noOverlap } from '../kit/contracts.js';
import { ensure } from '../kit/errors.js';
import { heapsOfTest, KIB, MIB } from '../kit/heaps.js';
import { seeded } from '../kit/random.js';
import { damage, nonZero, stamp } from '../workers/common.mjs';

const create = heapsOfTest();

const ALIGNMENTS = Array.from({ length: 17 }, (_, shift) => 1 << shift);
const SIZES = [
  0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 127, 128, 129, 200, 255, 256, 257, 500, 512, 1000, 1023,
  1024, 1025, 2000, 3000, 4095, 4096, 4097, 8191, 8192, 9000, 16_384, 20_000, 32_767, 32_768, 32_769, 40_000, 65_535,
  65_536, 65_537, 100_000, 262_144, 1_000_000,
];

describe('an alignment', () => {
  it.each(ALIGNMENTS)('of %i holds for every size', (alignment) => {
    const heap = create({ maxBytes: 64 * MIB });
    for (const [tag, size] of SIZES.entries()) {
      const blocks = Array.from({ length: 4 }, (_, i) => {
        const address = i === 3 ? heap.calloc(size, alignment) : heap.malloc(size, alignment);
        aligned(address, size, Math.max(alignment, size <= 8 ? 8 : 16));
        const bytes = heap.usableSize(address);
        ensure(bytes >= size, () => `${size} bytes aligned to ${alignment} have only ${bytes} usable`);
        if (i === 3) expect(nonZero(heap.u8, address, size)).toBe(-1);
        stamp(heap.u8, address, bytes, tag);
        return { address, bytes };
      });
      noOverlap(blocks);
      for (const { address, bytes } of blocks) {
        expect(damage(heap.u8, address, bytes, tag)).toBe(-1);
        heap.free(address);
      }
    }
    heap.collect();
    empty(heap);
  });

  it('is found by the walk and freed like any other block', () => {
    const heap = create({ maxBytes: 16 * MIB });
    const addresses = ALIGNMENTS.flatMap((alignment) => [heap.malloc(24, alignment), heap.malloc(50_000, alignment)]);
    expect([...heap.blocks()].map((block) => block.address).sort((a, b) => a - b)).toEqual(
      addresses.sort((a, b) => a - b),
    );
    heap.freeMany(addresses);
    heap.collect();
    empty(heap);
  });

  it(
    'does not keep a block from being resized',
    seeded((random) => {
      const heap = create({ maxBytes: 32 * MIB });
      for (let i = 0; i < 2000; i++) {
        const before = random.size(0, 100 * KIB);
        const old = heap.malloc(before, random.pick(ALIGNMENTS));
        stamp(heap.u8, old, before, i);
        const after = random.size(0, 100 * KIB);
        const address = heap.realloc(old, after);
        aligned(address, Math.min(before, after));
        const at = damage(heap.u8, address, Math.min(before, after), i, before);
        ensure(at === -1, () => `realloc of an aligned block from ${before} to ${after} bytes lost byte ${at}`);
        heap.free(address);
      }
      heap.collect();
      empty(heap);
    }),
  );

  it('may be asked for in a nearly full heap', () => {
    const heap = create({ maxBytes: MIB });
    const blocks: { address: number; bytes: number }[] = [];
    for (const alignment of [...ALIGNMENTS].reverse()) {
      for (let address; (address = heap.tryMalloc(100, alignment)) !== 0;) {
        ensure(address % alignment === 0, () => `${address} is not aligned to ${alignment}`);
        blocks.push({ address, bytes: 100 });
      }
    }
    expect(blocks.length).toBeGreaterThan(100);
    noOverlap(blocks);
    for (const { address } of blocks) heap.free(address);
    heap.collect();
    empty(heap);
  });
});
