import { describe, expect, it } from 'vitest';
import { SETTING_NAMES } from '../../src/config/options.js';
import { HeaderWord } from '../../src/layout/offsets.generated.js';
import { longTest } from '../kit/budget.js';
import { ensure } from '../kit/errors.js';
import { type Random, seeded } from '../kit/random.js';
import { type Image, makeImage } from './image.js';
import { forgedTokens, headerFlips, misplaced, mixed, overwritten, slotFlips } from './tampering.js';
import { type Outcome, runTrials, type Trial } from './trials.js';

const LIMIT_MS = longTest(120_000);
let performed = 0;

/** Runs all trials, none of which may do harm, and compares how each ended with how it may end. */
async function tamper(image: Image, trials: Trial[], ends: (trial: Trial) => readonly string[]): Promise<Outcome[]> {
  const outcomes = await runTrials(image, trials);
  const bad = outcomes.flatMap(({ what, end, findings }, i) => {
    const legal = ends(trials[i]);
    const wrong = legal.includes(end) ? [] : [`ended in ${end} instead of ${legal.join(' or ')}`];
    return [...findings, ...wrong].map((finding) => `trial ${i}, ${what}: ${finding}`);
  });
  ensure(bad.length === 0, () => `${bad.length} findings:\n${bad.slice(0, 8).join('\n')}`);
  expect(outcomes.length).toBe(trials.length);
  performed += outcomes.length;
  return outcomes;
}

const TOKEN = 'ERR_HEAP_TOKEN';
/** How it may end where tables were overwritten: they may not tell, or it shows in some call, or there is no way in. */
const ANY_END = ['works', 'ERR_HEAP_CORRUPT', 'ERR_HEAP_WORKERS', 'ERR_HEAP_OUT_OF_MEMORY', TOKEN];

/** Words of the header that must be right; what is wrong in any other is harmless. */
function isChecked(word: number): boolean {
  const option = SETTING_NAMES.at(word - HeaderWord.OPTIONS);
  // The size of the region has a word of its own.
  const isOption = word >= HeaderWord.OPTIONS && option !== undefined && option !== 'maxBytes';
  return word < HeaderWord.X_LIMIT || isOption;
}

describe('a token', () => {
  it(
    'with forged or missing fields is refused',
    seeded(async (random) => {
      const image = makeImage();
      const isRight = ({ token }: Trial): boolean =>
        Object.entries(token).every(([field, value]) => {
          if (field === 'workerId') return value === undefined || value === image.reserved;
          return field !== 'memory' && value === image.token[field as 'kind'];
        });
      await tamper(image, forgedTokens(image, random, 2000), (trial) => [isRight(trial) ? 'works' : TOKEN]);
    }),
    LIMIT_MS,
  );

  it(
    'of memory that ends too early, or of another place in it, is refused',
    seeded(async (random) => {
      const image = makeImage();
      const fits = ({ bytes, token }: Trial): boolean => bytes >= image.endBytes && !('baseSlice' in token);
      await tamper(image, misplaced(image, random), (trial) => [fits(trial) ? 'works' : TOKEN]);
    }),
    LIMIT_MS,
  );
});

describe('a header', () => {
  it(
    'is refused if any bit is turned that decides something',
    async () => {
      const image = makeImage();
      const [from] = image.areas.header;
      await tamper(image, headerFlips(image), ({ words: [[index]] }) => {
        const word = index - from;
        if (word === HeaderWord.X_LIMIT) return ['works', TOKEN];
        if (word === HeaderWord.X_HANDLES) return ['ERR_HEAP_CORRUPT'];
        return [isChecked(word) ? TOKEN : 'works'];
      });
    },
    LIMIT_MS,
  );

  it(
    'is refused with parts of that of another heap',
    seeded(async (random) => {
      const [image, other] = [makeImage(), makeImage(3)];
      const mine = new Int32Array(image.memory);
      const [from] = image.areas.header;
      await tamper(image, mixed(image, other, random, 150), ({ words }) => {
        const foreign = words.filter(([index, value]) => value !== mine[index]).map(([index]) => index - from);
        if (!foreign.some(isChecked)) return ['works'];
        // All options with their fingerprint are what a heap with these options would have: only its tables tell.
        const isConsistent =
          !foreign.some((word) => word < HeaderWord.OPTIONS_HASH) && foreign.includes(HeaderWord.OPTIONS_HASH);
        return isConsistent ? ANY_END : [TOKEN];
      });
    }),
    LIMIT_MS,
  );
});

type Tampering = readonly [what: string, trials: (image: Image, random: Random) => Trial[]];

const TAMPERINGS: readonly Tampering[] = [
  ['bits of the slots turned', slotFlips],
  ...(['header', 'slots', 'transfer', 'bitmap', 'map', 'descriptors', 'bits'] as const).map((area): Tampering => [
    `${area} overwritten before a worker attaches`,
    (image, random) => overwritten(image, random, area, 'before', 250),
  ]),
  ...(['slots', 'transfer', 'bitmap', 'map', 'descriptors', 'bits', 'control'] as const).map((area): Tampering => [
    `${area} overwritten under a worker's hands`,
    (image, random) => overwritten(image, random, area, 'after', 450),
  ]),
];

describe('a region with', () => {
  for (const [what, trials] of TAMPERINGS) {
    it(
      `${what} throws HeapErrors at worst, and ends every call`,
      seeded(async (random) => {
        const image = makeImage();
        await tamper(image, trials(image, random), () => ANY_END);
      }),
      LIMIT_MS,
    );
  }

  it('all of this was tried 10,000 times', () => {
    expect(performed).toBeGreaterThanOrEqual(10_000);
  });
});
