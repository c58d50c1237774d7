/** Makes this thread like the main thread of a browser. To be imported before the heap, which might keep what it finds. */

/** Calls of Atomics.wait so far. */
export let waits = 0;

Atomics.wait = () => {
  waits++;
  throw new TypeError('Atomics.wait cannot be called in this context');
};

// There are no thread ids either.
Object.assign(process, { getBuiltinModule: undefined });
