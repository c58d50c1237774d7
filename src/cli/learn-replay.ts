import { Heap, type CreateOptions, type Learned } from '../index.js';
import { planReplay, replayAlone, type Trace } from '../trace/index.js';

/** What one heap did with a trace, all threads of it on one worker. */
export interface Replayed {
  readonly learned: Learned;
  readonly misses: number;
  readonly spills: number;
  readonly committedPerLive: number;
  /** Of one run, which other programs on the machine disturb. */
  readonly nsPerEvent: number;
}

/** Replays a trace on a heap with these options. Throws ERR_HEAP_OUT_OF_MEMORY if it is too small for it. */
export function replay(trace: Trace, options: CreateOptions): Replayed {
  const plan = planReplay(trace, true);
  const [thread] = plan.threads;
  const heap = Heap.create(options);
  try {
    const began = performance.now();
    replayAlone(heap, thread, new Uint32Array(plan.cells));
    const milliseconds = performance.now() - began;
    const learned = heap.learned();
    return {
      learned,
      misses: learned.classes.reduce((sum, { cacheMisses }) => sum + cacheMisses, 0),
      spills: learned.classes.reduce((sum, { cacheSpills }) => sum + cacheSpills, 0),
      committedPerLive: heap.stats().peakCommittedBytes / trace.peakLiveBytes,
      nsPerEvent: (milliseconds * 1e6) / trace.events,
    };
  } finally {
    heap.detach();
  }
}
