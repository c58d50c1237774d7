import { explore, exploreRandomly, replay, ScheduleError, type Scenario } from '../../src/testing/explorer.js';
import type { Builds } from './machine/builds.js';
import type { CrashPoint, Notice, Play, Production } from './machine/play.js';
import { RaceError } from './machine/races.js';

/** What the exploration of one scenario did. */
export interface Exploration {
  readonly scenario: string;
  readonly threads: number;
  readonly schedules: number;
  readonly steps: number;
  readonly accesses: number;
  /** All schedules with at most so many preemptions were run. */
  readonly bound: number;
  readonly seconds: number;
}

/** What the crash points of one scenario did. */
export interface Crashes {
  readonly scenario: string;
  /** Stores before which some thread was stopped. */
  readonly points: number;
  /** Pairs of a first and a second death. */
  readonly secondDeaths: number;
  readonly schedules: number;
  readonly seconds: number;
}

/** Schedules of a short play for each of another. */
const SHORT_FACTOR = 8;

/** Adds the stacks of both accesses to a race, by running its schedule once more. */
function withStacks(production: Production, error: ScheduleError): Error {
  if (!(error.cause instanceof RaceError)) return error;
  const { machine } = production;
  machine.watched = error.cause.race.word;
  try {
    replay(production, error.schedule);
  } catch {
    // It failed before, and fails the same way.
  }
  machine.watched = -1;
  const { sites } = error.cause.race;
  const second = machine.sightings.findLast(({ site }) => site === sites[1]);
  const first = machine.sightings.findLast(({ site, thread }) => site === sites[0] && thread !== second?.thread);
  const stacks = [first, second].map((seen) =>
    seen === undefined ? '' : `\n${seen.kind} by thread ${seen.thread}:\n${seen.stack}`,
  );
  error.message += stacks.join('');
  return error;
}

function guarded<T>(production: Production, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof ScheduleError ? withStacks(production, error) : error;
  }
}

export interface ExploreBudget {
  /** Schedules in all; of short plays several times as many. */
  readonly schedules: number;
  readonly seed: number;
  readonly maxBound?: number;
}

/**
 * All schedules with one preemption, then with two, and so on while they fit into the budget; random priorities for the
 * rest of it.
 */
export function exploreScenario(builds: Builds, play: Play, budget: ExploreBudget): Exploration {
  const production = play.produce(builds);
  const began = performance.now();
  return guarded(production, () => {
    const most = budget.schedules * (play.isShort === true ? SHORT_FACTOR : 1);
    let bound = -1;
    let schedules = 0;
    let steps = 0;
    for (let preemptions = 0; preemptions <= (budget.maxBound ?? 4); preemptions++) {
      const left = Math.ceil((most - schedules) * 0.75);
      const found = explore(production, { preemptions, maxSchedules: left });
      schedules += found.schedules;
      steps += found.steps;
      if (!found.isComplete) break;
      bound = preemptions;
    }
    const random = exploreRandomly(production, {
      schedules: Math.max(0, most - schedules),
      seed: budget.seed,
    });
    return {
      scenario: play.name,
      threads: play.threads,
      schedules: schedules + random.schedules,
      steps: steps + random.steps,
      accesses: production.machine.accesses,
      bound,
      seconds: (performance.now() - began) / 1000,
    };
  });
}

export interface CrashBudget {
  /** Schedules for each crash point: every order of the threads, then random ones. */
  readonly schedulesPerPoint: number;
  /** Schedules for each pair of deaths; 0 leaves them out. */
  readonly schedulesPerPair: number;
  /** Every so many-th first death is followed by second ones. */
  readonly pairStride: number;
  readonly seed: number;
}

/** Names the crash points in the replay string: `scenario!a12!b3/schedule`, with a `~` behind the name for deaths told by hand. */
class WithCrashes implements Scenario {
  readonly name: string;
  readonly maxSteps: number;
  hits = 0;

  constructor(
    private readonly production: Production,
    private readonly points: readonly CrashPoint[],
    notice: Notice,
  ) {
    this.name =
      production.name +
      (notice === 'exited' ? '' : '~') +
      points.map(({ thread, at }) => `!${String.fromCharCode(97 + thread)}${at}`).join('');
    this.maxSteps = production.maxSteps;
    production.crash(points, notice);
  }

  start(): ReturnType<Production['start']> {
    return this.production.start();
  }

  finish(): void {
    if (this.production.machine.crashed.size === this.points.length) this.hits++;
    this.production.finish();
  }
}

class CrashSearch {
  points = 0;
  secondDeaths = 0;
  schedules = 0;

  constructor(
    private readonly production: Production,
    private readonly play: Play,
    private readonly budget: CrashBudget,
  ) {}

  /** True if every victim died in some schedule. */
  private run(points: readonly CrashPoint[], schedules: number, notice: Notice): boolean {
    const scenario = new WithCrashes(this.production, points, notice);
    const isShort = this.play.isShort === true;
    const most = schedules * (isShort ? SHORT_FACTOR : 1);
    const ordered = explore(scenario, { preemptions: isShort ? 1 : 0, maxSchedules: isShort ? most / 2 : most });
    const random = exploreRandomly(scenario, {
      schedules: most - ordered.schedules,
      seed: this.budget.seed + points[0].at,
    });
    this.schedules += ordered.schedules + random.schedules;
    return scenario.hits > 0;
  }

  mayDie(thread: number): boolean {
    return this.play.mortals?.includes(thread) ?? true;
  }

  victim(thread: number): void {
    const { schedulesPerPoint, schedulesPerPair } = this.budget;
    const pairStride = this.play.isShort === true ? 1 : this.budget.pairStride;
    for (let at = 1; this.run([{ thread, at }], schedulesPerPoint, 'exited'); at++) {
      this.points++;
      this.run([{ thread, at }], schedulesPerPoint, 'by hand');
      if (schedulesPerPair > 0 && at % pairStride === 1 % pairStride) this.secondVictims({ thread, at });
    }
  }

  /** Kills another thread before each of the stores it makes while it takes over from the first one. */
  private secondVictims(first: CrashPoint): void {
    const begins = [...this.production.storesBeforeHeritage];
    for (let thread = 0; thread < this.play.threads; thread++) {
      const begin = begins[thread];
      if (thread === first.thread || begin === undefined || !this.mayDie(thread)) continue;
      for (
        let at = begin + 1;
        this.run([first, { thread, at }], this.budget.schedulesPerPair, first.at % 2 === 0 ? 'exited' : 'by hand');
        at++
      )
        this.secondDeaths++;
    }
  }
}

/** Stops each thread before each of its stores in turn; the others take over and finish. */
export function crashScenario(builds: Builds, play: Play, budget: CrashBudget): Crashes {
  const production = play.produce(builds);
  const began = performance.now();
  const search = new CrashSearch(production, play, budget);
  guarded(production, () => {
    for (let thread = 0; thread < play.threads; thread++) if (search.mayDie(thread)) search.victim(thread);
  });
  const { points, secondDeaths, schedules } = search;
  return { scenario: play.name, points, secondDeaths, schedules, seconds: (performance.now() - began) / 1000 };
}

/** Runs one schedule again, as a failure printed it. Throws what it threw. */
export function replayFailure(builds: Builds, plays: readonly Play[], text: string): void {
  const [head, schedule = ''] = text.split('/');
  const [named, ...crashes] = head.split('!');
  const name = named.replace(/~$/, '');
  const notice = named === name ? 'exited' : 'by hand';
  const play = plays.find((candidate) => candidate.name === name);
  if (play === undefined)
    throw new RangeError(`no scenario "${name}"; there are ${plays.map((one) => one.name).join(', ')}`);
  const production = play.produce(builds);
  const points = crashes.map((crash) => ({ thread: crash.charCodeAt(0) - 97, at: Number(crash.slice(1)) }));
  const scenario = points.length === 0 ? production : new WithCrashes(production, points, notice);
  guarded(production, () => {
    replay(scenario, schedule);
  });
}
