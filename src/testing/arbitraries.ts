import fc from 'fast-check';

/** Where allocators go wrong: around class borders, powers of two and the borders between regimes. */
const BORDERS = [8, 16, 32, 48, 64, 128, 144, 256, 320, 512, 1024, 1280, 2048, 4096, 8192, 16_384, 32_768, 65_536];

/** A few sizes again and again, so that blocks of several workers meet in the same slabs. */
const FAVOURITES = [24, 100, 1300, 5000, 40_000];

/** Sizes up to `largest`, which is at least 8: borders, favourites, nothing, and everything between. */
export function sizes(largest: number): fc.Arbitrary<number> {
  const borders = BORDERS.filter((border) => border <= largest);
  const near = fc.tuple(fc.constantFrom(...borders), fc.integer({ min: -1, max: 1 })).map(([a, b]) => a + b);
  return fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 0, max: Math.min(300, largest) }) },
    { weight: 3, arbitrary: near.map((bytes) => Math.min(bytes, largest)) },
    { weight: 3, arbitrary: fc.constantFrom(8, ...FAVOURITES.filter((bytes) => bytes <= largest)) },
    { weight: 2, arbitrary: fc.integer({ min: 0, max: Math.min(8192, largest) }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: largest }) },
  );
}

export const ALIGNMENTS: readonly number[] = Array.from({ length: 17 }, (_, shift) => 2 ** shift);

/** An alignment to ask for; undefined, for none, is the likeliest. */
export const alignments = (): fc.Arbitrary<number | undefined> =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.constantFrom(...ALIGNMENTS) });

/** Which of so many: any natural number, taken modulo their count, so that shrinking keeps it meaningful. */
export const ranks = (): fc.Arbitrary<number> => fc.nat({ max: 10_000 });
