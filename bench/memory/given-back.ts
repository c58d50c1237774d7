import { type Heap } from 'sabmalloc';
import { spread } from '../compare.js';
import { type SizeRange } from '../flags.js';
import { createHeap } from '../rivals/ground.js';
import { Blocks, countFor, Ledger } from './blocks.js';
import { type MemoryPlan } from './cases.js';

/** One heap, filled and emptied several times over. */
export interface GivenBack {
  readonly name: string;
  readonly filledBytes: number;
  readonly committedFull: number;
  /** After all was freed. */
  readonly committedFreed: number;
  readonly committedCollected: number;
  /** Of one collect(), by what had been filled: the median of all fills. */
  readonly collectMsPerMib: number;
  /** What the shared memory has, after the first fill and after the last one. */
  readonly reservedFirst: number;
  readonly reservedLast: number;
}

const FILLS: readonly (readonly [string, SizeRange])[] = [
  ['64 B', { min: 64, max: 64 }],
  ['16-1,024 B', { min: 16, max: 1024 }],
  ['2-32 KiB', { min: 2048, max: 32768 }],
];

const committed = (heap: Heap): number => heap.stats().committedBytes;

interface Cycle {
  readonly full: number;
  readonly freed: number;
  readonly collected: number;
  readonly reserved: number;
  readonly collectMs: number;
}

function cycle(heap: Heap, blocks: Blocks): Cycle {
  blocks.fill();
  const full = committed(heap);
  blocks.drain();
  const freed = committed(heap);
  const start = performance.now();
  heap.collect();
  const collectMs = performance.now() - start;
  const { committedBytes, reservedBytes } = heap.stats();
  return { full, freed, collected: committedBytes, reserved: reservedBytes, collectMs };
}

export function givenBack({ preset, fillBytes, collects }: MemoryPlan): GivenBack[] {
  return FILLS.map(([name, sizes]) => {
    const heap = createHeap({ preset, options: {} });
    const ledger = new Ledger();
    const blocks = new Blocks(heap, ledger, sizes, countFor(fillBytes, sizes));
    const cycles = Array.from({ length: collects }, () => cycle(heap, blocks));
    heap.detach();
    const { median } = spread(cycles.map(({ collectMs }) => collectMs));
    return {
      name,
      filledBytes: ledger.peakLiveBytes,
      committedFull: cycles[0].full,
      committedFreed: cycles[0].freed,
      committedCollected: cycles[0].collected,
      collectMsPerMib: Number((median / (ledger.peakLiveBytes / 2 ** 20)).toFixed(5)),
      reservedFirst: cycles[0].reserved,
      reservedLast: cycles[cycles.length - 1].reserved,
    };
  });
}
