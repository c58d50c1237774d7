import type { Steps } from '../machine/builds.js';
import { now, type Actor, type Plot, type Stage } from '../machine/stage.js';

/** Block sizes: four blocks to a slab, one block to a slab, a Mid class, the smallest span. */
export const QUARTER = 1024;
export const WHOLE = 4096;
export const MID = 1152;
export const SPAN = 32_769;
/** Slices of the smallest span. */
export const SPAN_SLICES = 9;

/** The workers of a scenario, one a thread, and what they hold when it begins. */
export interface Cast {
  readonly actors: readonly Actor[];
  readonly blocks: readonly number[];
}

type Script = (actor: Actor, cast: Cast, stage: Stage) => Steps<void>;

/** In setup: `count` blocks of one size. */
export function blocksOf(actor: Actor, bytes: number, count: number): number[] {
  return Array.from({ length: count }, () => now(actor.malloc(bytes)));
}

interface Casting {
  readonly name: string;
  readonly about: string;
  /** Slices of the region for blocks. */
  readonly slices: number;
  readonly settings?: Plot['options']['settings'];
  /** Workers beyond one a thread. */
  readonly extras?: number;
  /** Threads that are not attached when the scenario begins. */
  readonly late?: readonly number[];
  /** Prepares the region; returns the blocks that the scripts talk about. */
  prepare?(actors: readonly Actor[], stage: Stage): readonly number[];
  readonly scripts: readonly Script[];
  readonly isMisuse?: boolean;
  readonly dead?: readonly number[];
  /** Whether what the scripts noted is right, if they did not crash. */
  verdict?(notes: readonly string[]): boolean;
  /** What a worker does that outlives all others. */
  close?(last: Actor, cast: Cast): void;
}

/** A scenario with one worker a thread: `scripts[i]` is played by `actors[i]`. */
export function plot(casting: Casting): Plot<Cast> {
  const { scripts, late = [] } = casting;
  return {
    name: casting.name,
    about: casting.about,
    options: {
      slices: casting.slices,
      workers: scripts.length + (casting.extras ?? 0),
      ...(casting.settings === undefined ? {} : { settings: casting.settings }),
    },
    setup(stage) {
      const actors: Actor[] = [];
      scripts.forEach((_, thread) => {
        if (!late.includes(thread)) actors[thread] = stage.attach(thread + 1);
      });
      return { actors, blocks: casting.prepare?.(actors, stage) ?? [] };
    },
    ...(casting.isMisuse === undefined ? {} : { isMisuse: casting.isMisuse }),
    ...(casting.dead === undefined ? {} : { dead: casting.dead }),
    ...(casting.verdict === undefined ? {} : { verdict: casting.verdict }),
    ...(casting.close === undefined ? {} : { close: casting.close }),
    threads: scripts.map((script, thread) => (stage: Stage, cast: Cast) => script(cast.actors[thread], cast, stage)),
  };
}

/** Runs steps that must fail with one of these codes, or may succeed; returns the code. */
export function* codeOf(steps: Steps<unknown>): Steps<string> {
  try {
    yield* steps;
    return 'none';
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === undefined) throw error;
    return code;
  }
}
