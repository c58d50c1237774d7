import { type Heap } from '../index.js';

const ON_CREATE = Symbol.for('sabmalloc.onCreate');

/** Calls a function with every heap that this thread makes from now on, whichever copy of the package makes it. */
export function onHeapCreated(listener: (heap: Heap) => void): void {
  const hooks = globalThis as { [ON_CREATE]?: (heap: Heap) => void };
  const before = hooks[ON_CREATE];
  hooks[ON_CREATE] = (heap) => {
    before?.(heap);
    listener(heap);
  };
}
