import { type Heap } from '../index.js';

const KEY = Symbol.for('sabmalloc.overrides');

/** What tools may ask of heaps; docs/STATISTICS.md has all of it. */
interface Overrides {
  readonly opened?: (heap: Heap, isMade: boolean) => void;
}

/** Calls a function with every heap that this thread makes from now on, whichever copy of the package makes it. */
export function onHeapCreated(listener: (heap: Heap) => void): void {
  const hooks = globalThis as { [KEY]?: Overrides };
  const before = hooks[KEY];
  hooks[KEY] = {
    ...before,
    opened: (heap, isMade) => {
      before?.opened?.(heap, isMade);
      if (isMade) listener(heap);
    },
  };
}
