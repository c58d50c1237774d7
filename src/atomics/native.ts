/**
 * The only file that names `Atomics`. Everything two workers may touch at once goes through these functions, so one
 * module can be swapped to count, step or record every synchronising operation.
 *
 * JavaScript has one order for atomics, sequential consistency, so call sites say what is published to whom instead of
 * naming an order. Names follow the field: `or`, `and`, `exchange` return the old value, as does `compareExchange`.
 */
export const load = (words: Int32Array, index: number): number => Atomics.load(words, index);

export const store = (words: Int32Array, index: number, value: number): void => {
  Atomics.store(words, index, value);
};

export const add = (words: Int32Array, index: number, value: number): number => Atomics.add(words, index, value);

export const or = (words: Int32Array, index: number, value: number): number => Atomics.or(words, index, value);

export const and = (words: Int32Array, index: number, value: number): number => Atomics.and(words, index, value);

export const exchange = (words: Int32Array, index: number, value: number): number =>
  Atomics.exchange(words, index, value);

export const compareExchange = (words: Int32Array, index: number, expected: number, value: number): number =>
  Atomics.compareExchange(words, index, expected, value);

/**
 * Sleeps while the word is `value`, `milliseconds` at most. Throws TypeError in threads that may not block, such as the main
 * thread of a browser.
 */
export const wait = (words: Int32Array, index: number, value: number, milliseconds: number): WaitOutcome =>
  Atomics.wait(words, index, value, milliseconds);

/** Wakes so many of those that sleep on the word, the longest asleep first; says how many it woke. */
export const notify = (words: Int32Array, index: number, count: number): number => Atomics.notify(words, index, count);

/**
 * Sleeps without blocking the thread: a promise where it does sleep, 'not-equal' where it doesn't, undefined in engines
 * without it. Neither the promise nor its timeout keeps a thread of Node or Deno alive.
 */
export const waitAsync = (
  words: Int32Array,
  index: number,
  value: number,
  milliseconds: number,
): Promise<WaitOutcome> | WaitOutcome | undefined =>
  (Atomics as Partial<typeof Atomics>).waitAsync?.(words, index, value, milliseconds).value;

export type WaitOutcome = 'ok' | 'not-equal' | 'timed-out';
