import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Classes } from '../../src/layout/classes.js';
import { CacheWord } from '../../src/layout/offsets.generated.js';
import { Random } from '../kit/random.js';
import { Stage, type Actor } from './kit.js';
import { knobsOf, waves } from './waves.js';

/*
 * What a heap does with learning off, as it was before there were learners: taken from the commit before them. Addresses are told
 * from the first one, so that larger tables change nothing. Whoever changes how the heap places blocks renews them.
 */
const BEFORE_LEARNERS = '50767cc553a28dbafafa9b81df80f1192c658d1ea675018c05e85bc6aa1fa90f';

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

  it('nothing turns a knob', () => {
    const stage = new Stage({ maxBytes: 64 << 20 });
    const [owner, other] = [stage.attach(), stage.attach()];
    const before = knobsOf(owner);
    Array.from(waves(owner, other, new Random(7)));
    expect(knobsOf(owner)).toEqual(before);
    expect(owner.owner.learning).toBeUndefined();
  });
});
