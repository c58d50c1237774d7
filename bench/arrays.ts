import { type ArrayAllocator } from './allocator.js';
import { type Entry } from './entry.js';
import { churnArrays } from './loops/arrays.js';
import { type Scenario, type Seat } from './scenario.js';

/** Typed arrays of one length, `slots` of them alive at a time. */
export class ArrayChurn implements Scenario {
  readonly opsPerRound: number;
  readonly #arrays: ArrayAllocator;
  readonly #fill: boolean;
  readonly #length: number;
  #kept: Float32Array[] = [];
  #allocated = 0;

  constructor(entry: Entry<unknown>, { spec }: Seat) {
    if (entry.arrays === undefined) throw new Error(`${spec.allocator} makes no typed arrays.`);
    this.#arrays = entry.arrays;
    this.#fill = spec.touch;
    this.#length = spec.sizeMin / Float32Array.BYTES_PER_ELEMENT;
    this.#kept = Array.from({ length: spec.slots }, () => this.#arrays.alloc(this.#length));
    this.opsPerRound = Math.ceil(spec.ops / 2) * 2;
  }

  /** Of the lengths of all arrays, as the engine tells them. */
  get checksum(): number {
    return this.#allocated >>> 0;
  }

  prepare(): void {}

  round(): void {
    churnArrays(this.#arrays, this.#kept, this.#length, this.#fill, this.opsPerRound / 2);
    const last = this.#kept[(this.opsPerRound / 2 - 1) % this.#kept.length];
    this.#allocated = (this.#allocated + Math.imul(last.length, this.opsPerRound / 2) + last[0]) | 0;
  }

  settle(): void {}

  finish(): void {
    for (const array of this.#kept) this.#arrays.free(array);
    this.#kept = [];
  }
}
