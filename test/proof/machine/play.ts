import type { Scenario } from '../../../src/testing/explorer.js';
import type { Builds } from './builds.js';
import type { Machine } from './machine.js';

/** Before which of its stores a thread stops for ever. */
export interface CrashPoint {
  readonly thread: number;
  readonly at: number;
}

export type Notice = 'exited' | 'by hand';

/** A play in production: the explorer runs it again and again. */
export interface Production extends Scenario {
  readonly name: string;
  readonly maxSteps: number;
  readonly machine: Machine;
  /** From the next schedule on these threads die, and the others learn of it in this way. */
  crash(points: readonly CrashPoint[], notice: Notice): void;
  /** Fewest stores that each thread had made when it began to take over from a dead one, over all schedules since `crash`. */
  readonly storesBeforeHeritage: readonly (number | undefined)[];
}

/** Something to be explored. */
export interface Play {
  readonly name: string;
  /** What is proved. */
  readonly about: string;
  /** How many threads. */
  readonly threads: number;
  /** Schedules are so short that each crash point gets many of them, and every pair of deaths is tried. */
  readonly isShort?: boolean;
  /** Threads that may die; all if not given. */
  readonly mortals?: readonly number[];
  produce(builds: Builds): Production;
}
