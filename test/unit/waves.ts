import { Classes } from '../../src/layout/classes.js';
import { CacheWord } from '../../src/layout/offsets.generated.js';
import { type Random } from '../kit/random.js';
import { type Actor } from './kit.js';

const SIZES = [16, 24, 64, 100, 250, 700, 1500, 4000, 9000, 30_000, 60_000, 200_000];

/** Waves as programs make them: phases of growth and of shrinking, in favour of a few sizes each, some frees by another worker. */
export function* waves(owner: Actor, other: Actor, random: Random, phases = 60): Generator<number> {
  const live: number[] = [];
  for (let phase = 0; phase < phases; phase++) {
    const favoured = SIZES.slice(0, random.int(1, SIZES.length));
    const target = random.int(0, 1500);
    for (let step = 0; step < 2000; step++)
      if (live.length === 0 || (live.length < target ? !random.oneIn(4) : random.oneIn(4))) {
        const address = owner.malloc(random.int(1, random.pick(favoured)));
        live.push(address);
        yield address;
      } else {
        const [block] = live.splice(random.int(0, live.length - 1), 1);
        (random.oneIn(16) ? other : owner).free(block);
      }
  }
}

/** Everything that learners may turn, by class; class 0 has what is for all. */
export function knobsOf({ owner }: Actor): number[][] {
  const { i32 } = owner.region;
  const classes = Array.from({ length: Classes.COUNT }, (_, i) => [
    i32[owner.cache(i + 1) + CacheWord.CAPACITY],
    owner.capacity[i + 1],
    owner.refill[i + 1],
    owner.emptySlabsKept[i + 1],
  ]);
  return [[owner.trimShift], ...classes];
}
