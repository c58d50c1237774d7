import { called, candidateFor, isSkipped, type Candidate } from '../candidates.js';
import { compare, type CompareFlags, type Comparison } from '../compare.js';
import { manyLive, quick } from '../defaults.js';
import { type Spec } from '../spec.js';

export interface LiveRow extends Comparison {
  readonly liveBlocks: number;
  readonly command: string;
}

const POWERS = [3, 4, 5, 6, 7];
const HUGE_POWER = 8;

/** 10^8 blocks of up to 64 bytes don't fit into the largest region. */
function specFor(power: number, preset: string): Spec {
  const spec = manyLive(10 ** power, { preset });
  return power < HUGE_POWER ? spec : { ...spec, sizeMax: 32, options: { maxBytes: 2 ** 32 } };
}

export interface LiveFlags extends CompareFlags {
  readonly preset: string;
  readonly quick: boolean;
  readonly huge: boolean;
}

const titleOf = (power: number): string => `live 10^${power}`;

/** The cost of an operation by the number of blocks that live: ours, and mimalloc's where it is there. */
export async function liveRows(flags: LiveFlags, isWanted: (title: string) => boolean): Promise<LiveRow[]> {
  const rows: LiveRow[] = [];
  for (const power of flags.huge ? [...POWERS, HUGE_POWER] : POWERS) {
    if (!isWanted(titleOf(power))) continue;
    const whole = specFor(power, flags.preset);
    const spec = flags.quick ? { ...quick(whole), slots: Math.min(whole.slots, 100_000) } : whole;
    const rival = candidateFor(spec, 'mimalloc');
    const candidates: Candidate[] = [called(spec), ...(isSkipped(rival) ? [] : [rival])];
    const measured = await compare(titleOf(power), candidates, flags);
    const skipped = isSkipped(rival) ? [rival] : measured.skipped;
    const { command } = measured.candidates[0].runs[0].environment;
    rows.push({ ...measured, skipped, liveBlocks: spec.slots, command });
  }
  return rows;
}
