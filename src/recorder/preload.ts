/**
 * What `sabmalloc record` loads into every thread of a program, before the program itself: makes every heap trace its
 * calls, and brings what the trace rings hold into files, one for each heap and thread. The address of this module says where:
 * `?folder=<path>&preset=<JSON>`. Nothing here throws into the program; what can't be written is lost, and said once.
 */
import { appendFileSync } from 'node:fs';
import { isMainThread, threadId } from 'node:worker_threads';

/** What it uses of a `Heap`, which may be of another copy of the package. */
interface TracedHeap {
  readonly token: { readonly heapId: string };
  drainTrace(): Uint32Array;
}

/** Between two rounds that empty the rings of all threads: also of those that this module isn't loaded into. */
const DRAIN_EVERY_MS = 50;

const { searchParams } = new URL(import.meta.url);
const folder = searchParams.get('folder')!;
const preset = searchParams.get('preset');

const heaps = new Set<WeakRef<TracedHeap>>();
let hasFailed = false;

function keep(heapId: string, events: Uint32Array): void {
  if (events.length === 0 || hasFailed) return;
  try {
    appendFileSync(`${folder}/${heapId}-${process.pid}-${threadId}.part`, new Uint8Array(events.buffer));
  } catch (error) {
    // A file that ends in half an event takes no more.
    hasFailed = true;
    process.stderr.write(`sabmalloc record: events are lost from here on: ${String(error)}\n`);
  }
}

function drainAll(): void {
  for (const reference of heaps) {
    const heap = reference.deref();
    try {
      if (heap === undefined) heaps.delete(reference);
      else keep(heap.token.heapId, heap.drainTrace());
    } catch {
      // It was detached, and has handed over what it held.
      heaps.delete(reference);
    }
  }
}

Object.defineProperty(globalThis, Symbol.for('sabmalloc.overrides'), {
  // One recording may run inside another: the inner one gets the events.
  configurable: true,
  value: {
    ...(preset === null ? {} : { preset: JSON.parse(preset) as unknown }),
    options: { profileLevel: 3 },
    opened: (heap: TracedHeap) => heaps.add(new WeakRef(heap)),
    traced: keep,
  },
});
setInterval(drainAll, DRAIN_EVERY_MS).unref();
process.on('exit', drainAll);

/** A program stopped by a signal has no exit event. Where it listens itself, what happens then is its own matter. */
function endBy(signal: NodeJS.Signals): void {
  const listener = (): void => {
    drainAll();
    if (process.listenerCount(signal) > 1) return;
    process.off(signal, listener);
    process.kill(process.pid, signal);
  };
  process.on(signal, listener);
}
if (isMainThread) for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) endBy(signal);
