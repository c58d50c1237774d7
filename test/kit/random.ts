import type { Parameters } from 'fast-check';
import { Random } from '../workers/common.mjs';

export { Random };

const given = process.env.SABTEST_SEED;

/** Seed of this run: SABTEST_SEED, or another each time. */
export const SEED = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);

const replay = `replay with SABTEST_SEED=${SEED}`;

function withReplay(error: unknown): unknown {
  if (error instanceof Error && !error.message.includes(replay)) error.message += `\n${replay}`;
  return error;
}

/** A test that gets the run's generator; when it fails, the message says how to run it again. */
export function seeded(test: (random: Random) => void | Promise<void>): () => Promise<void> {
  return async () => {
    try {
      await test(new Random(SEED));
    } catch (error) {
      throw withReplay(error);
    }
  };
}

/** Parameters of fast-check for so many runs, under the run's seed. fast-check prints seed and path itself. */
export function runs<T>(numRuns: number): Parameters<T> {
  return { numRuns, seed: SEED, endOnFailure: false };
}
