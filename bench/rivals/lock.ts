const FREE = 0;
const HELD = 1;
/** Held, and somebody sleeps until it is free. */
const AWAITED = 2;

/** A lock in one word, as Drepper's "Futexes Are Tricky" has it (mutex 2): for allocators that were made for one thread. */
export class Lock {
  readonly #word: Int32Array;

  constructor(word: Int32Array) {
    this.#word = word;
  }

  acquire(): void {
    let seen = Atomics.compareExchange(this.#word, 0, FREE, HELD);
    if (seen === FREE) return;
    if (seen !== AWAITED) seen = Atomics.exchange(this.#word, 0, AWAITED);
    while (seen !== FREE) {
      Atomics.wait(this.#word, 0, AWAITED);
      seen = Atomics.exchange(this.#word, 0, AWAITED);
    }
  }

  release(): void {
    if (Atomics.exchange(this.#word, 0, FREE) === AWAITED) Atomics.notify(this.#word, 0, 1);
  }
}
