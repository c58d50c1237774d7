import { type Heap } from 'sabmalloc';
import { planReplay, replayAlone } from 'sabmalloc/trace';
import { Blocks, Ledger } from '../memory/blocks.js';
import { createHeap } from '../rivals/ground.js';
import { type Spec } from '../spec.js';
import { readTrace } from '../trace.js';

/** What one heap did with the work of a spec, on one worker: the same each time, whatever the machine does. */
export interface Counts {
  readonly misses: number;
  readonly spills: number;
  /** Both at their peaks. */
  readonly committedPerLive: number;
}

function countsOf(heap: Heap, peakLiveBytes: number): Counts {
  const { classes } = heap.learned();
  return {
    misses: classes.reduce((sum, { cacheMisses }) => sum + cacheMisses, 0),
    spills: classes.reduce((sum, { cacheSpills }) => sum + cacheSpills, 0),
    committedPerLive: Number((heap.stats().peakCommittedBytes / peakLiveBytes).toFixed(4)),
  };
}

function countReplay(heap: Heap, trace: string): Counts {
  const plan = planReplay(readTrace(trace), true);
  replayAlone(heap, plan.threads[0], new Uint32Array(plan.cells));
  return countsOf(heap, plan.peakLiveBytes);
}

function countChurn(heap: Heap, { sizeMin, sizeMax, slots, ops }: Spec): Counts {
  const ledger = new Ledger();
  const blocks = new Blocks(heap, ledger, { min: sizeMin, max: sizeMax }, slots);
  blocks.fill();
  blocks.churn(ops / 2);
  return countsOf(heap, ledger.peakLiveBytes);
}

/** One round of a spec: a replay, or a table of slots in which random blocks are replaced. */
export function countSpec(spec: Spec): Counts {
  const heap = createHeap(spec);
  try {
    return spec.bench === 'replay' ? countReplay(heap, spec.trace) : countChurn(heap, spec);
  } finally {
    heap.detach();
  }
}
