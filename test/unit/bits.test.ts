import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isPowerOfTwo, lowestBit, maskOf, popcount, runStarts } from '../../src/base/bits.js';

const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const bitsOf = (value: number): number[] => Array.from({ length: 32 }, (_, i) => (value >>> i) & 1);

describe('bits', () => {
  it('popcount counts', () => {
    fc.assert(fc.property(word, (w) => popcount(w) === bitsOf(w).reduce((a, b) => a + b, 0)));
  });

  it('lowestBit is the first set bit', () => {
    fc.assert(
      fc.property(
        word.filter((w) => w !== 0),
        (w) => lowestBit(w) === bitsOf(w).indexOf(1),
      ),
    );
  });

  it('maskOf sets exactly the asked bits', () => {
    for (let start = 0; start < 32; start++)
      for (let count = 1; start + count <= 32; count++)
        expect(bitsOf(maskOf(start, count))).toEqual(
          Array.from({ length: 32 }, (_, i) => (i >= start && i < start + count ? 1 : 0)),
        );
  });

  it('runStarts finds every run of free bits and nothing else', () => {
    fc.assert(
      fc.property(word, fc.integer({ min: 1, max: 32 }), (free, count) => {
        const bits = bitsOf(free);
        const expected = bits.map((_, i) =>
          i + count <= 32 && bits.slice(i, i + count).every((bit) => bit === 1) ? 1 : 0,
        );
        expect(bitsOf(runStarts(free, count))).toEqual(expected);
      }),
    );
  });

  it('isPowerOfTwo', () => {
    for (let value = 0; value < 5000; value++)
      expect(isPowerOfTwo(value)).toBe(value > 0 && (value & (value - 1)) === 0);
    for (const value of [1.5, -4, NaN, Infinity, 2 ** 40 + 1]) expect(isPowerOfTwo(value)).toBe(false);
    expect(isPowerOfTwo(2 ** 40)).toBe(true);
  });
});
