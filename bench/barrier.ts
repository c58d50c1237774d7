const ARRIVED = 0;
const GENERATION = 1;

/** Looks before a waiting worker goes to sleep: about 2 ms. Waking a sleeping thread would be timed as work of the round. */
const SPINS = 100_000;

/** Where all workers wait for each other between rounds: what one wrote before it, all may read after it. */
export class Barrier {
  readonly #words: Int32Array;
  readonly #parties: number;

  static readonly BYTES = 8;

  constructor(buffer: SharedArrayBuffer, parties: number) {
    this.#words = new Int32Array(buffer, 0, 2);
    this.#parties = parties;
  }

  wait(): void {
    const generation = Atomics.load(this.#words, GENERATION);
    if (Atomics.add(this.#words, ARRIVED, 1) + 1 < this.#parties) {
      for (let spin = 0; spin < SPINS; spin++) if (Atomics.load(this.#words, GENERATION) !== generation) return;
      while (Atomics.load(this.#words, GENERATION) === generation) {
        Atomics.wait(this.#words, GENERATION, generation);
      }
      return;
    }
    // The last to come opens the next generation; nobody can arrive there before its count is back at 0.
    Atomics.store(this.#words, ARRIVED, 0);
    Atomics.add(this.#words, GENERATION, 1);
    Atomics.notify(this.#words, GENERATION);
  }
}
