/** A lock in one word of the heap: 0 free, 1 held, 2 held and perhaps someone sleeps. Workers only: it may sleep. */

const FREE = 0;
const HELD = 1;
const HELD_AND_WANTED = 2;
/** A bucket is held for well under a microsecond, so that a few looks nearly always save the sleep. */
const LOOKS_BEFORE_SLEEP = 40;

export function lock(words: Int32Array<SharedArrayBuffer>, word: number): void {
  for (let look = 0; look < LOOKS_BEFORE_SLEEP; look++) {
    // Acquires what the last holder wrote before its exchange in unlock.
    if (Atomics.compareExchange(words, word, FREE, HELD) === FREE) return;
  }
  // From here on the word says "wanted" even if nobody else sleeps: one needless notify is the price of losing no wake-up.
  while (Atomics.exchange(words, word, HELD_AND_WANTED) !== FREE) Atomics.wait(words, word, HELD_AND_WANTED);
}

export function unlock(words: Int32Array<SharedArrayBuffer>, word: number): void {
  // Publishes every plain store made under the lock to whoever takes it next.
  if (Atomics.exchange(words, word, FREE) === HELD_AND_WANTED) Atomics.notify(words, word, 1);
}
