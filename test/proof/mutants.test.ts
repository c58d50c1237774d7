import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isTestFile } from './mutants/native.js';
import { misfits } from './mutants/mutant.js';
import { MUTANTS } from './mutants/mutants.js';
import { hunt } from './mutants/stepped.js';
import { SCENARIOS } from './scenarios/index.js';

const root = new URL('../../', import.meta.url);

/** A dose of `npm run mutants`: slices claimed twice, a lost wake-up, and a kill that loses two blocks. */
const QUICK = ['claim-by-load-and-store', 'clean-after-the-bits-were-drained', 'remote-bits-before-live-bits'];

describe('the table of mutants', () => {
  it('fits the sources as they are', () => {
    const complaints = MUTANTS.flatMap((mutant) => misfits(mutant, readFileSync(new URL(mutant.file, root), 'utf8')));
    expect(complaints).toEqual([]);
  });

  it('is long enough, and names each mutant once', () => {
    expect(MUTANTS.length).toBeGreaterThanOrEqual(36);
    expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
  });

  it('looks in places that exist', () => {
    const names = new Set(SCENARIOS.map(({ name }) => name));
    const exists = (by: string): boolean =>
      isTestFile(by) ? existsSync(new URL(by, root)) : names.has(by.replace('!', ''));
    expect(MUTANTS.filter(({ by }) => by !== undefined && !exists(by)).map(({ name, by }) => [name, by])).toEqual([]);
  });
});

describe('the scenarios catch', () => {
  it.each(QUICK)('%s', async (name) => {
    const mutant = MUTANTS.find((one) => one.name === name)!;
    const places: string[] = [];
    const found = await hunt(mutant, (place) => places.push(place));
    expect(found?.by).toBe(mutant.by);
    expect(places).toHaveLength(2);
  });
});
