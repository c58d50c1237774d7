import { type machine } from '../../bench/environment.js';
import { crashScenario, exploreScenario, type CrashBudget, type Crashes, type Exploration } from './engine.js';
import type { Builds } from './machine/builds.js';
import type { MutantRow } from './mutants/report.js';
import { SCENARIOS } from './scenarios/index.js';

/** How much is explored. */
export interface ProofBudget extends CrashBudget {
  /** Schedules of each scenario without deaths. */
  readonly schedules: number;
}

/** What `npm run prove` does. */
export const FULL: ProofBudget = {
  schedules: 28_000,
  schedulesPerPoint: 6,
  schedulesPerPair: 1,
  pairStride: 29,
  seed: 1,
};

/** The dose within `npm test`. */
export const DOSE: ProofBudget = {
  schedules: 1200,
  schedulesPerPoint: 2,
  schedulesPerPair: 1,
  pairStride: 97,
  seed: 1,
};

export type Task = { readonly kind: 'explore' | 'crash'; readonly scenario: string };

export type TaskResult =
  | { readonly task: Task; readonly explored: Exploration }
  | { readonly task: Task; readonly crashed: Crashes }
  | { readonly task: Task; readonly failure: string };

/** The figures of a run, with what made them. */
export interface ProofReport extends ProofFigures {
  readonly date: string;
  readonly command: string;
  readonly environment: ReturnType<typeof machine>;
  readonly seconds: number;
  readonly mutants: readonly MutantRow[];
}

/** The longest first, so that no core is left alone with one at the end. */
export function allTasks(only?: string): Task[] {
  const names = SCENARIOS.map(({ name }) => name).filter((name) => only === undefined || name.includes(only));
  const kinds = ['crash', 'explore'] as const;
  return kinds.flatMap((kind) => names.toReversed().map((scenario) => ({ kind, scenario })));
}

export function runTask(builds: Builds, task: Task, budget: ProofBudget): TaskResult {
  const plot = SCENARIOS.find(({ name }) => name === task.scenario)!;
  try {
    if (task.kind === 'explore') return { task, explored: exploreScenario(builds, plot, budget) };
    return { task, crashed: crashScenario(builds, plot, budget) };
  } catch (error) {
    return { task, failure: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

export interface ProofFigures {
  readonly scenarios: number;
  readonly schedules: number;
  readonly steps: number;
  readonly accesses: number;
  readonly crashPoints: number;
  readonly secondDeaths: number;
  readonly crashSchedules: number;
  readonly failures: readonly string[];
  readonly explorations: readonly Exploration[];
  readonly crashes: readonly Crashes[];
}

export function figuresOf(results: readonly TaskResult[]): ProofFigures {
  const explorations = results.flatMap((result) => ('explored' in result ? [result.explored] : []));
  const crashes = results.flatMap((result) => ('crashed' in result ? [result.crashed] : []));
  const sum = <T>(list: readonly T[], of: (item: T) => number): number =>
    list.reduce((total, item) => total + of(item), 0);
  return {
    scenarios: new Set(results.map(({ task }) => task.scenario)).size,
    schedules: sum(explorations, (one) => one.schedules),
    steps: sum(explorations, (one) => one.steps),
    accesses: sum(explorations, (one) => one.accesses),
    crashPoints: sum(crashes, (one) => one.points),
    secondDeaths: sum(crashes, (one) => one.secondDeaths),
    crashSchedules: sum(crashes, (one) => one.schedules),
    failures: results.flatMap((result) =>
      'failure' in result ? [`${result.task.kind} ${result.task.scenario}: ${result.failure}`] : [],
    ),
    explorations,
    crashes,
  };
}
