import { describe, expect, it } from 'vitest';
import { longTest } from './kit/budget.js';
import { SEED } from './kit/random.js';
import { loadBuilds } from './proof/machine/builds.js';
import { replayFailure } from './proof/engine.js';
import { SCENARIOS } from './proof/scenarios/index.js';
import { DOSE, runTask } from './proof/tasks.js';

const builds = await loadBuilds();
const names = SCENARIOS.map(({ name }) => name);
const budget = { ...DOSE, seed: SEED + 1 };

/** Schedules that failed once, with what was wrong: each must stay right. */
const FAILED_BEFORE: readonly [schedule: string, what: string][] = [
  ['slot-reuse-against-departure/a235b122c14b9c2', 'check() called the slab of a slot that waits for a push corrupt'],
  [
    'claims-against-a-stale-journal/b15c638a128b22c63',
    'a slot stayed dead: its hint was taken back before it was given',
  ],
  [
    'adoption-by-two!a2/a9b616c149',
    'a reclaim taken over forgot that the worker had exited, and kept its control block',
  ],
  [
    'adoption-against-departure~!a189/a234b122',
    'a slot kept the name of a worker that died in the last step of its departure',
  ],
  [
    'departure-against-a-look-for-leftovers/a232b114a5',
    'a worker that collected took over a slot whose worker was just leaving',
  ],
  ['transfer-slot-of-a-former-life/b14a236b67c325', 'a look at the map of a slab that is being adopted was not argued'],
];

describe('a dose of npm run prove', () => {
  it.each(names)(
    'every schedule of %s leaves the heap whole, ends, and has no race',
    { timeout: longTest(60_000) },
    (scenario) => {
      expect(runTask(builds, { kind: 'explore', scenario }, budget)).not.toHaveProperty('failure');
    },
  );

  it.each(names)(
    'every crash point of %s loses nothing but what was in hand',
    { timeout: longTest(120_000) },
    (scenario) => {
      expect(runTask(builds, { kind: 'crash', scenario }, budget)).not.toHaveProperty('failure');
    },
  );

  it.each(FAILED_BEFORE)('%s: %s', (schedule) => {
    expect(() => replayFailure(builds, SCENARIOS, schedule)).not.toThrow();
  });
});

it('names are unique, and every scenario says what it proves', () => {
  expect(new Set(names).size).toBe(names.length);
  for (const { about } of SCENARIOS) expect(about.length).toBeGreaterThan(20);
});
