import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Classes } from '../../src/layout/classes.js';
import { CacheWord } from '../../src/layout/offsets.generated.js';
import { Random } from '../kit/random.js';
import { Stage, type Actor } from './kit.js';

/*
 * What a heap does with learning off, as it was before there were learners: taken from the commit before them. Addresses are told
 * from the first one, so that larger tables change nothing. Whoever changes how the heap places blocks renews these.
 */
const BEFORE_LEARNERS = '45ad08156690a8bbb9a92a5b56301d506a613c7208d3f8f3965f614a555c567f';

const SIZES = [16, 24, 64, 100, 250, 700, 1500, 4000, 9000, 30_000, 60_000, 200_000];

/** Waves as programs make them: phases of growth and of shrinking, in favour of a few sizes each, some frees by another worker. */
function* waves(owner: Actor, other: Actor, random: Random): Generator<number> {
  const live: number[] = [];
  for (let phase = 0; phase < 60; phase++) {
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

function counted({ owner }: Actor): number[] {
  const { i32 } = owner.region;
  return Array.from({ length: Classes.COUNT }, (_, i) => owner.cache(i + 1)).flatMap((cache) => [
    i32[cache + CacheWord.MISSES],
    i32[cache + CacheWord.SPILLS],
  ]);
}

describe('with learning off', () => {
  it('every block lies where it lay before there were learners', () => {
    const stage = new Stage({ maxBytes: 64 << 20 });
    const [owner, other] = [stage.attach(), stage.attach()];
    const addresses = [...waves(owner, other, new Random(7))];
    const places = addresses.map((address) => address - addresses[0]);
    const seen = createHash('sha256')
      .update(JSON.stringify([places, counted(owner)]))
      .digest('hex');
    expect(seen).toBe(BEFORE_LEARNERS);
    stage.check();
  });
});
