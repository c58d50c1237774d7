import fc from 'fast-check';
import { OPTION_NAMES, OPTIONS, resolveOptions, type OptionName, type OptionSpec } from '../config/index.js';
import { type HeapOptions } from '../index.js';

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

/** Options that say where a heap lies or what it writes, not how it works; and how large it is, which the fuzzer chooses. */
const NOT_CHOSEN: readonly OptionName[] = ['maxBytes', 'maxWorkers', 'debugLevel', 'leakReport'];

function valuesOf(spec: OptionSpec): fc.Arbitrary<unknown> {
  if (spec.type === 'boolean') return fc.boolean();
  if (spec.type === 'choice') return fc.constantFrom(...spec.choices);
  if (spec.type !== 'integer') return fc.constant(undefined);
  const { min, max } = spec;
  const low = fc.integer({ min, max: Math.min(max, min + 64) });
  return fc.oneof(low, fc.constantFrom(min, max), fc.integer({ min, max: Math.min(max, min + 2 ** 16) }));
}

function isAccepted(options: HeapOptions): boolean {
  try {
    resolveOptions(options);
    return true;
  } catch {
    return false;
  }
}

/** Any values that heap-wide options may have together, out of the table of options; few at a time are likeliest. */
export function heapOptions(): fc.Arbitrary<HeapOptions> {
  const names = OPTION_NAMES.filter((name) => OPTIONS[name].scope === 'heap' && !NOT_CHOSEN.includes(name));
  const model = Object.fromEntries(names.map((name) => [name, valuesOf(OPTIONS[name])]));
  return (fc.record(model, { requiredKeys: [] }) as fc.Arbitrary<HeapOptions>).filter(isAccepted);
}
