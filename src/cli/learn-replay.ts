import { Heap, type CreateOptions, type Learned } from '../index.js';
import { TraceOp, type Trace } from '../trace/read.js';

/** What one heap did with a trace, all threads of it on one worker. */
export interface Replayed {
  readonly learned: Learned;
  readonly misses: number;
  readonly spills: number;
  readonly committedPerLive: number;
  /** Of one run, which other programs on the machine disturb. */
  readonly nsPerEvent: number;
}

const OP_MASK = 7;
const ALIGN_SHIFT = 3;
const ALIGN_MASK = 31;

/** The slot of every event: an allocation takes the one that was freed last, or the next new one. */
function slotsOf({ ops, slotOf, events }: Trace): Uint32Array {
  const slots = slotOf.slice();
  const free: number[] = [];
  let next = 0;
  for (let event = 0; event < events; event++) {
    const op = ops[event] & OP_MASK;
    if (op === TraceOp.FREE) free.push(slots[event]);
    else if (op !== TraceOp.REALLOC) slots[event] = free.pop() ?? next++;
  }
  return slots;
}

function perform(heap: Heap, { ops, sizes, events }: Trace, slots: Uint32Array, addresses: Uint32Array): void {
  const { malloc, calloc, realloc, free } = heap;
  for (let event = 0; event < events; event++) {
    const slot = slots[event];
    const size = sizes[event];
    switch (ops[event] & OP_MASK) {
      case TraceOp.FREE:
        free(addresses[slot]);
        addresses[slot] = 0;
        break;
      case TraceOp.MALLOC:
        addresses[slot] = malloc(size);
        break;
      case TraceOp.CALLOC:
        addresses[slot] = calloc(size);
        break;
      case TraceOp.REALLOC:
        addresses[slot] = realloc(addresses[slot], size);
        break;
      default:
        addresses[slot] = malloc(size, 2 ** ((ops[event] >>> ALIGN_SHIFT) & ALIGN_MASK));
    }
  }
}

/** Replays a trace on a heap with these options. Throws ERR_HEAP_OUT_OF_MEMORY if it is too small for it. */
export function replay(trace: Trace, options: CreateOptions): Replayed {
  const slots = slotsOf(trace);
  const addresses = new Uint32Array(trace.slots);
  const heap = Heap.create(options);
  try {
    const began = performance.now();
    perform(heap, trace, slots, addresses);
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
