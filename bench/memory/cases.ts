import { type Heap } from 'sabmalloc';
import { type SizeRange } from '../flags.js';
import { TRACES } from '../defaults.js';
import { createHeap } from '../rivals/ground.js';
import { trackMemory } from '../suite/memory.js';
import { Blocks, countFor, Ledger } from './blocks.js';
import { rowNow, rowOf, type MemoryRow } from './rows.js';

/** How much of it: the figures, or a fraction to see that everything runs. */
export interface MemoryPlan {
  readonly preset: string;
  readonly fillBytes: number;
  readonly churnPairs: number;
  /** Blocks that all producers together make. */
  readonly handedOver: number;
  readonly collects: number;
}

const only = (bytes: number): SizeRange => ({ min: bytes, max: bytes });

function inFreshHeap<R>(preset: string, use: (heap: Heap, ledger: Ledger) => R): R {
  const heap = createHeap({ preset, options: {} });
  try {
    return use(heap, new Ledger());
  } finally {
    heap.detach();
  }
}

/** The recorded programs, on one worker. */
export function traceRows({ preset }: MemoryPlan): MemoryRow[] {
  return TRACES.map((trace) => {
    const { peakLiveBytes, peakCommittedBytes, samples } = trackMemory(trace, preset);
    const fullest = samples.reduce((a, b) => (b.committedBytes > a.committedBytes ? b : a));
    const metadataBytes = (fullest.metadataBytes / fullest.committedBytes) * peakCommittedBytes;
    return rowOf(`${trace}, peak`, peakLiveBytes, peakCommittedBytes, metadataBytes);
  });
}

const CHURN_LIVE = 8192;

/** Twice, so that a heap that goes on growing shows. */
export function churnRows({ preset, churnPairs }: MemoryPlan): MemoryRow[] {
  return inFreshHeap(preset, (heap, ledger) => {
    const blocks = new Blocks(heap, ledger, { min: 16, max: 1024 }, CHURN_LIVE);
    blocks.fill();
    return [churnPairs, 9 * churnPairs].map((pairs, i) => {
      blocks.churn(pairs);
      const millions = ((i === 0 ? 1 : 10) * churnPairs) / 1e6;
      return rowNow(`8,192 of 16-1,024 B, ${millions} M replaced at random, end`, heap, ledger.liveBytes);
    });
  });
}

const PHASES: readonly (readonly [string, number, number])[] = [
  ['64 B, then 80 B', 64, 80],
  ['64 B, then 4 KiB', 64, 4096],
  ['4 KiB, then 64 B', 4096, 64],
  ['64 B, then 1 MiB', 64, 2 ** 20],
  ['1 MiB, then 64 B', 2 ** 20, 64],
];

/** Full of one class, empty, full of another one. */
export function phaseRows({ preset, fillBytes }: MemoryPlan): MemoryRow[] {
  return PHASES.map(([name, ...phases]) =>
    inFreshHeap(preset, (heap, ledger) => {
      for (const bytes of phases) {
        const blocks = new Blocks(heap, ledger, only(bytes), countFor(fillBytes, only(bytes)));
        blocks.fill();
        if (bytes !== phases.at(-1)) blocks.drain();
      }
      const { peakCommittedBytes, committedBytes, metadataBytes } = heap.stats();
      const metadataAtPeak = (metadataBytes / committedBytes) * peakCommittedBytes;
      return rowOf(`all ${name}, peak`, ledger.peakLiveBytes, peakCommittedBytes, metadataAtPeak);
    }),
  );
}

const KEPT_ONE_IN = 16;
const THINNED = only(64);

/** Full of small blocks, of which a random few stay; what the others held is asked for again in another class. */
export function fragmentRows({ preset, fillBytes }: MemoryPlan): MemoryRow[] {
  return [64, 80, 4096].flatMap((bytes, i) =>
    inFreshHeap(preset, (heap, ledger) => {
      const few = new Blocks(heap, ledger, THINNED, countFor(fillBytes, THINNED));
      few.fill();
      few.thin(KEPT_ONE_IN);
      const thinned = rowNow(`64 B, one in ${KEPT_ONE_IN} left, end`, heap, ledger.liveBytes);
      new Blocks(heap, ledger, only(bytes), countFor(fillBytes - ledger.liveBytes, only(bytes))).fill();
      const refilled = rowNow(`the same, refilled with ${bytes} B, end`, heap, ledger.liveBytes);
      return i === 0 ? [thinned, refilled] : [refilled];
    }),
  );
}
