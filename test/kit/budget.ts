/**
 * How much each test does: the one place to make the suite longer or shorter. SABTEST_SCALE multiplies the
 * counts, so a night's run is `SABTEST_SCALE=50 npm test`.
 */
const scale = Number(process.env.SABTEST_SCALE ?? 1);
const times = (count: number): number => Math.max(1, Math.round(count * scale));

/** Milliseconds a test may take: longer runs need longer limits. */
export const longTest = (milliseconds: number): number => milliseconds * Math.max(1, scale);

export const BUDGET = {
  /** Single-threaded state machine: runs per configuration, and commands per run. */
  modelRuns: times(60),
  modelCommands: 100,
  /** The same over real workers in lock step. */
  crossRuns: times(15),
  crossCommands: 60,
  /** Random calls from C: by a model in JavaScript, and by a program in C that checks itself. */
  wasmModelSteps: times(4000),
  wasmChurnSteps: times(60_000),
  /** Free-running workers that trade blocks: operations of each. */
  tradeSteps: times(60_000),
  /** Blocks that several workers free at the same instant. */
  races: times(2000),
  /** Rounds of a pipeline, each of about 100 KiB. */
  pipelineRounds: times(150),
  /** Heaps that a program out of stack works with. */
  overflows: times(60),
  /** Largest size of the sweep over every size. */
  everySizeTo: 70_000,
  /** Fills of a region to the brim and back. */
  brimRounds: times(20),
  /** The soak's dose: a storm in a heap of each kind of memory and preset, each of so many workers or milliseconds. */
  soakVictims: times(14),
  soakRoundMs: times(1800),
  /** Workers killed in storms with something particular about them. */
  kills: times(20),
  /** Workers killed while they hold a lock, of each kind. */
  syncKills: times(10),
  /** Times that each of several workers takes a lock. */
  syncRounds: times(1000) * 20,
  /** Times that workers wait for a mutex with a signal that is aborted about when they get it. */
  syncAborts: times(150),
  /** Workers killed while they hammer a vector, a byte string, texts or a queue, of each kind. */
  listKills: times(12),
  /** Aborts of two tasks of a pool at a time, each of which costs it two workers. */
  poolAborts: times(15),
  /** Workers killed as they attach. */
  attachKills: times(20),
} as const;
