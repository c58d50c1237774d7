/**
 * Tools that look into heaps of a program they didn't write put a function here before it starts; it is called with every
 * heap that `Heap.create` makes in this thread. Kept under a registered symbol, so that it serves every copy of the package.
 */
const ON_CREATE = Symbol.for('sabmalloc.onCreate');

/** Tells whoever waits for it of a new heap. What he throws is his own affair. */
export function announce(heap: object): void {
  const listener = (globalThis as { [ON_CREATE]?: unknown })[ON_CREATE];
  if (typeof listener !== 'function') return;
  try {
    (listener as (heap: object) => void)(heap);
  } catch {
    // A tool that fails must not fail the program.
  }
}
