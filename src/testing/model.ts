import { ensure } from './ensure.js';

/** A block as the user sees it: where it is, what was asked for, what it can hold, and the stamp in it. */
export interface ModelBlock {
  readonly address: number;
  readonly bytes: number;
  readonly usable: number;
  readonly tag: number;
}

/**
 * What a heap should contain: live blocks as intervals that never touch. Adding a block that overlaps another is the
 * failure that matters most, so it is found at the call that causes it.
 */
export class Model {
  readonly #blocks = new Map<number, ModelBlock>();
  /** Addresses in ascending order. */
  readonly #starts: number[] = [];

  get size(): number {
    return this.#blocks.size;
  }

  get liveBytes(): number {
    let sum = 0;
    for (const block of this.#blocks.values()) sum += block.bytes;
    return sum;
  }

  blocks(): ModelBlock[] {
    return this.#starts.map((start) => this.#blocks.get(start)!);
  }

  /** The block of that rank, modulo the number of blocks: any natural number picks one. */
  pick(rank: number): ModelBlock {
    return this.#blocks.get(this.#starts[rank % this.#starts.length])!;
  }

  get(address: number): ModelBlock | undefined {
    return this.#blocks.get(address);
  }

  add(block: ModelBlock): void {
    const at = this.#rankOf(block.address);
    const before = this.#blocks.get(this.#starts[at - 1]);
    const next = this.#starts.at(at) ?? Infinity;
    const end = block.address + Math.max(block.usable, 1);
    ensure(before === undefined || before.address + before.usable <= block.address, () => {
      return `block ${block.address} lies in ${JSON.stringify(before)}`;
    });
    ensure(end <= next, () => `block ${JSON.stringify(block)} runs into block ${next}`);
    this.#starts.splice(at, 0, block.address);
    this.#blocks.set(block.address, block);
  }

  remove(address: number): ModelBlock {
    const block = this.#blocks.get(address);
    ensure(block !== undefined, () => `no block at ${address} in the model`);
    this.#starts.splice(this.#rankOf(address), 1);
    this.#blocks.delete(address);
    return block;
  }

  /** Rank of the first block at or above an address. */
  #rankOf(address: number): number {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#starts[middle] < address) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
