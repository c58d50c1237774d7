/**
 * Explores the interleavings of logical threads. A thread is a generator: what it does between two `yield`s happens in one
 * instant, and at each `yield` the explorer decides who moves next. The same decisions give the same run, so a failure
 * is a string that replays it.
 *
 * Two searches: all schedules with at most so many preemptions (Musuvathi and Qadeer, "Iterative context bounding for
 * systematic testing of multithreaded programs", PLDI 2007), and random priorities with a few change points
 * (Burckhardt et al., "A randomized scheduler with probabilistic guarantees of finding bugs", ASPLOS 2010).
 */

/** Yielded by a thread that stops here for ever, as if it were killed: the explorer never moves it again. */
export const STOPPED: unique symbol = Symbol('stopped for ever');

/**
 * A thread. `yield` marks a point where others may move; `yield STOPPED` ends it as a kill would; yielding a function
 * waits until that returns true.
 */
export type Thread = Iterator<unknown, unknown, undefined>;

/** What is explored. Every schedule begins with `start` and must find the same state. */
export interface Scenario {
  readonly name: string;
  /** Threads at their beginning, the same number each time, at most 26. */
  start(): readonly Thread[];
  /** Called when no thread can move any more. Throws if the outcome is wrong. */
  finish(): void;
  /** Steps that one schedule may take before it counts as hanging; 20,000 unless said. */
  readonly maxSteps?: number;
}

/** A schedule that failed, with what is needed to see it again. */
export class ScheduleError extends Error {
  readonly scenario: string;
  /** Who moved, in order: `a12b3` is twelve steps of the first thread, then three of the second. */
  readonly schedule: string;

  constructor(scenario: string, schedule: string, cause: unknown) {
    super(`${messageOf(cause)}\nreplay ${scenario}/${schedule}`, { cause });
    this.name = 'ScheduleError';
    this.scenario = scenario;
    this.schedule = schedule;
  }
}

export interface Exploration {
  readonly schedules: number;
  readonly steps: number;
  /** False if `maxSchedules` or `until` ended an exhaustive search before its end. */
  readonly isComplete: boolean;
}

/** Who moves next: an index into the threads that can. `current` is -1 or a thread that can. */
type Chooser = (ready: readonly number[], current: number, step: number) => number;

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const letterOf = (thread: number): string => String.fromCharCode(97 + thread);

/** Run-length code of who moved. */
function encode(moves: readonly number[]): string {
  let text = '';
  for (let from = 0, to = 0; from < moves.length; from = to) {
    while (to < moves.length && moves[to] === moves[from]) to++;
    text += `${letterOf(moves[from])}${to - from}`;
  }
  return text;
}

interface Segment {
  readonly thread: number;
  readonly steps: number;
}

function decode(schedule: string): Segment[] {
  if (!/^([a-z]\d+)*$/.test(schedule))
    throw new TypeError(`"${schedule}" is no schedule; one looks like a12b3: thread a moves 12 steps, then b 3`);
  return [...schedule.matchAll(/([a-z])(\d+)/g)].map(([, letter, steps]) => ({
    thread: letter.charCodeAt(0) - 97,
    steps: Number(steps),
  }));
}

/** One schedule under way. */
class Run {
  readonly moves: number[] = [];
  private readonly threads: readonly Thread[];
  /** Threads that are neither done nor stopped. */
  private readonly alive: number[];
  /** What a thread waits for, if it does. */
  private readonly conditions: ((() => boolean) | undefined)[];

  constructor(threads: readonly Thread[]) {
    this.threads = threads;
    this.alive = threads.map((_, i) => i);
    this.conditions = threads.map(() => undefined);
  }

  ready(): readonly number[] {
    if (!this.conditions.some((condition) => condition !== undefined)) return this.alive;
    const ready = this.alive.filter((thread) => this.conditions[thread]?.() ?? true);
    if (ready.length === 0 && this.alive.length > 0)
      throw new Error(`threads ${this.alive.map(letterOf).join(', ')} wait for each other`);
    return ready;
  }

  move(thread: number): void {
    this.moves.push(thread);
    const { done, value } = this.threads[thread].next();
    this.conditions[thread] = typeof value === 'function' && done !== true ? (value as () => boolean) : undefined;
    if (done === true || value === STOPPED) this.alive.splice(this.alive.indexOf(thread), 1);
  }
}

const DEFAULT_MAX_STEPS = 20_000;

/** Runs one schedule; throws ScheduleError. Returns its moves. */
function runOnce(scenario: Scenario, choose: Chooser): readonly number[] {
  const run = new Run(scenario.start());
  const maxSteps = scenario.maxSteps ?? DEFAULT_MAX_STEPS;
  try {
    let current = -1;
    for (let step = 0; ; step++) {
      const ready = run.ready();
      if (ready.length === 0) break;
      if (step === maxSteps)
        throw new Error(`no end after ${maxSteps} steps: somebody waits for another thread's step`);
      if (!ready.includes(current)) current = -1;
      current = choose(ready, current, step);
      run.move(current);
    }
    scenario.finish();
  } catch (error) {
    throw new ScheduleError(scenario.name, encode(run.moves), error);
  }
  return run.moves;
}

/** A place in the schedule where more than one thread could be chosen within the bound. */
interface Decision {
  readonly step: number;
  readonly options: readonly number[];
  taken: number;
}

/**
 * Depth-first search over all schedules in which a thread that could go on is interrupted at most `preemptions` times.
 * Whoever moved last goes on unless a decision says otherwise.
 */
class BoundedSearch {
  private readonly decisions: Decision[] = [];

  constructor(private readonly preemptions: number) {}

  chooser(): Chooser {
    let next = 0;
    let left = this.preemptions;
    return (ready, current, step) => {
      if (ready.length === 1) return ready[0];
      let decision = this.decisions.at(next);
      if (decision?.step !== step) {
        if (current >= 0 && left === 0) return current;
        const options = current < 0 ? [...ready] : [current, ...ready.filter((thread) => thread !== current)];
        decision = { step, options, taken: 0 };
        this.decisions.push(decision);
      }
      next++;
      const chosen = decision.options[decision.taken];
      if (current >= 0 && chosen !== current) left--;
      return chosen;
    };
  }

  /** Turns to the next schedule; false if all have been run. */
  advance(): boolean {
    for (;;) {
      const last = this.decisions.at(-1);
      if (last === undefined) return false;
      if (++last.taken < last.options.length) return true;
      this.decisions.pop();
    }
  }
}

export interface ExhaustiveOptions {
  /** Most interruptions of a thread that could go on. */
  readonly preemptions: number;
  readonly maxSchedules?: number;
  /** `performance.now()` at which to stop. */
  readonly until?: number;
}

/** Runs every schedule within the bound. Throws a shrunk ScheduleError at the first that fails. */
export function explore(scenario: Scenario, options: ExhaustiveOptions): Exploration {
  const { preemptions, maxSchedules = Infinity, until = Infinity } = options;
  const search = new BoundedSearch(preemptions);
  let schedules = 0;
  let steps = 0;
  do {
    if (schedules >= maxSchedules || (schedules % 64 === 0 && performance.now() > until))
      return { schedules, steps, isComplete: false };
    steps += attempt(scenario, search.chooser()).length;
    schedules++;
  } while (search.advance());
  return { schedules, steps, isComplete: true };
}

/** Mulberry32 by Tommy Ettinger: the same seed gives the same schedules everywhere. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Highest priority moves; at each change point whoever moves falls below all others. */
function priorityChooser(random: () => number, threads: number, steps: number, changes: number): Chooser {
  const priorities = Array.from({ length: threads }, () => 1 + random());
  const points = new Set(Array.from({ length: changes }, () => Math.floor(random() * Math.max(1, steps))));
  let lowest = 1;
  const best = (ready: readonly number[]): number => ready.reduce((a, b) => (priorities[a] >= priorities[b] ? a : b));
  return (ready, _current, step) => {
    if (points.has(step)) priorities[best(ready)] = lowest -= 1;
    return best(ready);
  };
}

export interface RandomOptions {
  readonly schedules: number;
  readonly seed: number;
  /** Depth of the bugs to look for: so many ordering constraints, less one, are change points. */
  readonly depth?: number;
  readonly until?: number;
}

/** Random schedules by priorities (PCT). Throws a shrunk ScheduleError at the first that fails. */
export function exploreRandomly(scenario: Scenario, options: RandomOptions): Exploration {
  const { depth = 4, until = Infinity } = options;
  const random = randomFrom(options.seed);
  const threads = scenario.start().length;
  let schedules = 0;
  let steps = 0;
  let longest = 100;
  while (schedules < options.schedules) {
    if (schedules % 64 === 0 && performance.now() > until) break;
    const { length } = attempt(scenario, priorityChooser(random, threads, longest, depth - 1));
    longest = schedules === 0 ? length : Math.max(longest, length);
    steps += length;
    schedules++;
  }
  return { schedules, steps, isComplete: schedules === options.schedules };
}

/** Runs one schedule; where it says nothing more, whoever moved last goes on. Throws ScheduleError if it fails. */
export function replay(scenario: Scenario, schedule: string): void {
  replaySegments(scenario, decode(schedule));
}

function replaySegments(scenario: Scenario, segments: readonly Segment[]): readonly number[] {
  let at = 0;
  let done = 0;
  return runOnce(scenario, (ready, current) => {
    while (at < segments.length && (done >= segments[at].steps || !ready.includes(segments[at].thread))) {
      at++;
      done = 0;
    }
    if (at === segments.length) return current >= 0 ? current : ready[0];
    done++;
    return segments[at].thread;
  });
}

function attempt(scenario: Scenario, choose: Chooser): readonly number[] {
  try {
    return runOnce(scenario, choose);
  } catch (error) {
    if (error instanceof ScheduleError) throw shrink(scenario, error);
    throw error;
  }
}

/** Fewest switches first, then shortest runs: drops and halves segments as long as the schedule still fails. */
export function shrink(scenario: Scenario, error: ScheduleError): ScheduleError {
  let best = error;
  const tryOut = (segments: readonly Segment[]): boolean => {
    try {
      replaySegments(scenario, segments);
      return false;
    } catch (found) {
      if (!(found instanceof ScheduleError) || decode(found.schedule).length > decode(best.schedule).length)
        return false;
      best = found;
      return true;
    }
  };
  for (let round = 0; round < 20; round++) {
    const before = best.schedule;
    for (let i = 0; i < decode(best.schedule).length; i++) tryOut(decode(best.schedule).toSpliced(i, 1));
    for (let i = 0; i < decode(best.schedule).length; i++) {
      const segments = decode(best.schedule);
      const shorter = { thread: segments[i].thread, steps: segments[i].steps >>> 1 };
      tryOut(segments.toSpliced(i, 1, shorter));
    }
    if (best.schedule === before) break;
  }
  return best;
}
