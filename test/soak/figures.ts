import { PHASES, type PhaseName } from '../kit/ledger.js';
import { ENDINGS, type Ending, type Notice, NOTICES } from './fate.js';
import { BACKINGS, type Backing, PRESET_NAMES, SIZE_NAMES, type SizeName } from './plan.js';

export interface Share {
  rounds: number;
  kills: number;
}

/** What a soak, or one round of it, did and found. */
export interface Figures {
  rounds: number;
  /** Threads that were terminated, and what they were doing then, as they said themselves. */
  kills: number;
  readonly killsByPhase: Record<PhaseName, number>;
  /** Workers that went without being killed. */
  readonly endings: Record<Ending, number>;
  readonly notices: Record<Notice, number>;
  /** Steps of all workers, each of them one call of the heap or a few. */
  operations: number;
  /** Requests for which there was no room. */
  refusals: number;
  /** Calls that a stack overflow cut short. */
  overflows: number;
  /** Live blocks that were met by the walks at the end of the rounds. */
  blocksWalked: number;
  /** Of these, blocks that nobody knew of. */
  lost: number;
  /** Most that may be lost: workers killed with a block in their hands, and blocks in hands at an overflow. */
  inHand: number;
  spilt: number;
  adoptions: number;
  reclaims: number;
  growths: number;
  remoteFrees: number;
  readonly backings: Record<Backing, Share>;
  readonly presets: Record<string, Share>;
  readonly sizes: Record<SizeName, Share>;
}

function fill<Name extends string, Value>(names: readonly Name[], value: () => Value): Record<Name, Value> {
  return Object.fromEntries(names.map((name) => [name, value()])) as Record<Name, Value>;
}

const share = (): Share => ({ rounds: 0, kills: 0 });
const zero = (): number => 0;

export function noFigures(): Figures {
  return {
    rounds: 0,
    kills: 0,
    killsByPhase: fill(PHASES, zero),
    endings: fill(ENDINGS, zero),
    notices: fill(NOTICES, zero),
    operations: 0,
    refusals: 0,
    overflows: 0,
    blocksWalked: 0,
    lost: 0,
    inHand: 0,
    spilt: 0,
    adoptions: 0,
    reclaims: 0,
    growths: 0,
    remoteFrees: 0,
    backings: fill(BACKINGS, share),
    presets: fill(PRESET_NAMES, share),
    sizes: fill(SIZE_NAMES, share),
  };
}

interface Numbers {
  [name: string]: number | Numbers;
}

/** Adds every number of `more` to the same one of `sum`. */
export function addFigures(sum: Figures, more: Figures): void {
  const add = (to: Numbers, from: Numbers): void => {
    for (const [name, value] of Object.entries(from)) {
      if (typeof value === 'number') to[name] = (to[name] as number) + value;
      else add(to[name] as Numbers, value);
    }
  };
  add(sum as unknown as Numbers, more as unknown as Numbers);
}
