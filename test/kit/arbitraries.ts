import fc from 'fast-check';

/** Sizes where allocators go wrong: around class borders, around powers of two, nothing, and everything between. */
export function sizes(largest: number): fc.Arbitrary<number> {
  const borders = [8, 16, 32, 48, 64, 128, 144, 256, 320, 512, 1024, 1280, 2048, 4096, 8192, 16_384, 32_768, 65_536];
  const within = borders.filter((border) => border < largest);
  return fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 0, max: Math.min(300, largest) }) },
    {
      weight: 3,
      arbitrary: fc.tuple(fc.constantFrom(...within), fc.integer({ min: -1, max: 1 })).map(([a, b]) => a + b),
    },
    { weight: 2, arbitrary: fc.integer({ min: 0, max: Math.min(8192, largest) }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: largest }) },
  );
}

export const alignments = (): fc.Arbitrary<number | undefined> =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 16 }).map((shift) => 1 << shift) },
  );

/** Which of the live blocks: any natural number, taken modulo their count, so that shrinking keeps it meaningful. */
export const ranks = (): fc.Arbitrary<number> => fc.nat({ max: 10_000 });
