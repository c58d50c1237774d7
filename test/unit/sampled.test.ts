import { describe, expect, it } from 'vitest';
import { Attachment } from '../../src/heap/attachment.js';
import { openFastPath } from '../../src/heap/fast.js';
import { distance, openSampledPath } from '../../src/heap/sampled.js';
import { gatherStats } from '../../src/heap/stats.js';
import { Random } from '../kit/random.js';
import { Stage } from './kit.js';

const SEED = 20_251;
const EVERY = 64;
const CALLS = 300_000;

/** Estimates of a sum of `count` samples are this far off at most, but once in a million times. */
const bound = (count: number): number => 5 * Math.sqrt(count * (EVERY - 1));

function uniform(seed: number): () => number {
  const random = new Random(seed);
  return () => random.next() / 2 ** 32;
}

describe('sampled counts', () => {
  it('are taken at distances of the right mean and spread, one at least', () => {
    const next = uniform(SEED);
    const drawn = Array.from({ length: 100_000 }, () => distance(EVERY, next()));
    const mean = drawn.reduce((sum, each) => sum + each, 0) / drawn.length;
    expect(Math.min(...drawn)).toBe(1);
    expect(Math.abs(mean - EVERY)).toBeLessThan((5 * EVERY) / Math.sqrt(drawn.length));
    // A geometric distribution is about as wide as its mean; a fixed distance would be 0 wide.
    const variance = drawn.reduce((sum, each) => sum + (each - mean) ** 2, 0) / drawn.length;
    expect(Math.sqrt(variance) / EVERY).toBeCloseTo(Math.sqrt(1 - 1 / EVERY), 1);
    expect([distance(1, 0), distance(1, 0.999)]).toEqual([1, 1]);
  });

  it('of classes are without bias, however often each is called', () => {
    const stage = new Stage({ maxBytes: 16 << 20, profileLevel: 1, sampleEvery: EVERY });
    const { owner, membership } = stage.attach();
    const attachment = new Attachment(stage.region, membership);
    const { malloc, free } = openSampledPath(attachment, openFastPath(attachment), uniform(SEED));
    const random = new Random(SEED + 1);
    const calls = new Map<number, number>();
    for (let i = 0; i < CALLS; i++) {
      // Sizes in a rhythm that samples at equal distances would fall in with.
      const bytes = i % EVERY === 0 ? 1000 : random.oneIn(20) ? 300 : 16;
      free(malloc(bytes));
      calls.set(bytes, (calls.get(bytes) ?? 0) + 1);
    }
    const stats = gatherStats(stage.region, owner.shape, stage.settings, undefined);
    expect(stats).toMatchObject({ counting: 'sampled', sampleEvery: EVERY });
    for (const [bytes, count] of calls) {
      const row = stats.classes.find(({ blockBytes }) => blockBytes >= bytes)!;
      expect(Math.abs(row.cacheHits + row.cacheMisses - count)).toBeLessThan(bound(count));
      expect(Math.abs(row.frees - count)).toBeLessThan(bound(count));
    }
    expect(stats.workers[0].cacheHits).toBe(stats.cacheHits);
  });
});
