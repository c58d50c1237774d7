import { addFigures, type Figures, noFigures } from './figures.js';
import { type Combination, combinations, describe } from './plan.js';
import { Pulse } from './pulse.js';
import { runRound } from './round.js';

export interface SoakOptions {
  /** Ends after so much time, so many kills or so many rounds. */
  readonly minutes: number;
  readonly kills: number;
  readonly rounds: number;
  readonly seed: number;
  /** Workers at a time: a third of them survive a round, the others come and go. */
  readonly workers: number;
  readonly only: Partial<Combination>;
  /** Rounds to leave out, to come sooner to one that failed. */
  readonly skip: number;
  /** Victims of a round, and the longest time for them. */
  readonly victims: number;
  readonly roundMs: number;
}

/** What goes on, for whoever shows it. */
export interface Outlook {
  readonly figures: Figures;
  readonly seconds: number;
  /** How much of the soak is done, 0 .. 1. */
  readonly share: number;
  readonly next: Combination;
}

/** A round that did not end well. */
export class RoundFailure extends Error {
  constructor(
    cause: unknown,
    round: number,
    combination: Combination,
    /** What runs that round again. Threads won't meet at quite the same instants: several attempts may be needed. */
    readonly command: string,
  ) {
    const what = cause instanceof Error ? cause.message : String(cause);
    super(`round ${round}, ${describe(combination)}: ${what}\nRun it again: ${command}`, { cause });
    this.name = 'RoundFailure';
  }
}

function commandFor({ seed, workers, only }: SoakOptions, round: number): string {
  const flags = { seed, workers, ...only, skip: round, rounds: 1 };
  return ['npm run soak --', ...Object.entries(flags).map(([name, value]) => `--${name} ${value}`)].join(' ');
}

/** Storm after storm, each in a heap of another kind, until time or kills are used up. */
export async function soak(
  options: SoakOptions,
  onRound: (outlook: Outlook) => void = () => {},
  run = runRound,
): Promise<Figures> {
  const { minutes, kills, rounds, seed, workers, victims, roundMs: milliseconds } = options;
  const kinds = combinations(options.only);
  const figures = noFigures();
  const survivors = Math.max(1, Math.floor(workers / 3));
  const pulse = new Pulse();
  const start = performance.now();
  const seconds = (): number => (performance.now() - start) / 1000;
  const share = (): number => Math.max(seconds() / 60 / minutes, figures.kills / kills, figures.rounds / rounds);
  try {
    for (let round = options.skip; share() < 1; round++) {
      const combination = kinds[round % kinds.length];
      onRound({ figures, seconds: seconds(), share: share(), next: combination });
      pulse.tell(`round ${round}, ${describe(combination)}, seed ${seed}`);
      const left = Math.min(victims, kills - figures.kills);
      const of = {
        combination,
        seed: seedOf(seed, round),
        survivors,
        atOnce: workers - survivors,
        overflows: round % 7 === 3,
      };
      try {
        addFigures(figures, await run({ ...of, victims: left, milliseconds }));
      } catch (error) {
        throw new RoundFailure(error, round, combination, commandFor(options, round));
      }
    }
  } finally {
    await pulse.close();
  }
  return figures;
}

/** Rounds differ, and each can be run alone. */
const seedOf = (seed: number, round: number): number => (seed ^ Math.imul(round + 1, 0x9e3779b1)) >>> 0;
