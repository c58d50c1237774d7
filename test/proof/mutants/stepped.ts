import { ScheduleError } from '../../../src/testing/explorer.js';
import { crashScenario, exploreScenario } from '../engine.js';
import { loadBuilds, type Builds } from '../machine/builds.js';
import type { Play } from '../machine/play.js';
import { SCENARIOS } from '../scenarios/index.js';
import { patchOf, type Mutant } from './mutant.js';

/** What caught a mutant. */
export interface Catch {
  /** A scenario, with a `!` behind it its crash points, or a test file and the name of the test. */
  readonly by: string;
  /** First line of the failure. */
  readonly message: string;
  /** For `npm run prove -- --replay`, with the mutant's edits made. */
  readonly replay?: string;
}

export interface HuntBudget {
  readonly schedules: number;
  readonly schedulesPerPoint: number;
}

/** Everywhere, after the place that the mutant names. */
const EVERYWHERE: HuntBudget = { schedules: 400, schedulesPerPoint: 3 };
/** In the place that the mutant names; the control is hunted for with it everywhere. */
const NAMED: HuntBudget = { schedules: 6000, schedulesPerPoint: 6 };
const SEED = 1;
/** Where a hunt is before it looks anywhere. */
export const COMPILING = 'compiling';

export const PLOTS: readonly Play[] = SCENARIOS;

const firstLine = (text: string): string => text.split('\n', 1)[0];

function look(builds: Builds, plot: Play, isCrash: boolean, budget: HuntBudget): Catch | undefined {
  const by = isCrash ? `${plot.name}!` : plot.name;
  try {
    if (isCrash) crashScenario(builds, plot, { ...budget, schedulesPerPair: 0, pairStride: 1, seed: SEED });
    else exploreScenario(builds, plot, { schedules: budget.schedules, seed: SEED });
    return undefined;
  } catch (error) {
    if (error instanceof ScheduleError)
      return { by, message: firstLine(error.message), replay: `${error.scenario}/${error.schedule}` };
    // The setup of the scenario failed: no schedule is to blame.
    return { by, message: firstLine(error instanceof Error ? error.message : String(error)) };
  }
}

function plotNamed(name: string): Play {
  const plot = PLOTS.find((one) => one.name === name);
  if (plot === undefined)
    throw new Error(`there is no scenario "${name}" (any more): name another one in the table of mutants`);
  return plot;
}

/**
 * Explores the scenarios with a mutant planted, the one that it names first, then their crash points, until something fails.
 * Without a mutant everything is looked at as closely as any mutant is. `tell` learns where the hunt is.
 */
export async function hunt(mutant: Mutant | undefined, tell: (place: string) => void): Promise<Catch | undefined> {
  tell(COMPILING);
  const builds = await loadBuilds(mutant && patchOf(mutant));
  const visit = (plot: Play, isCrash: boolean, budget: HuntBudget): Catch | undefined => {
    tell(isCrash ? `${plot.name}!` : plot.name);
    return look(builds, plot, isCrash, budget);
  };
  const { by } = mutant ?? {};
  if (by !== undefined && !by.endsWith('.ts')) {
    const found = visit(plotNamed(by.replace('!', '')), by.endsWith('!'), NAMED);
    if (found !== undefined) return found;
  }
  const budget = mutant === undefined ? NAMED : EVERYWHERE;
  for (const isCrash of [false, true]) {
    for (const plot of PLOTS) {
      const found = visit(plot, isCrash, budget);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
