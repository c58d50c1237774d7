import { type Heap } from '../index.js';
import { walk } from './contracts.js';
import { ensure } from './ensure.js';
import { Model } from './model.js';

/** Code of yours that uses a heap, as `fuzzHeap` drives it. */
export interface Guest {
  /**
   * Your calls, by name. Each gets a random natural number to make of it what it likes; it must depend on nothing else, so
   * that a failure replays. It may throw ERR_HEAP_OUT_OF_MEMORY in a heap that is small; whatever else it throws is a failure.
   */
  readonly steps: Readonly<Record<string, (random: number) => void | Promise<void>>>;
  /** Frees all that is left. What is live after it is a leak. */
  close(): void | Promise<void>;
}

/** Keeps the books of a guest: which blocks are its own follows from what was there before and after each of its calls. */
export class Guests {
  readonly model = new Model();
  private guest: Guest | undefined;

  async enter(heap: Heap, make: (heap: Heap) => Guest | Promise<Guest>): Promise<void> {
    this.guest = await make(heap);
    this.recount(heap, new Model());
  }

  get isHere(): boolean {
    return this.guest !== undefined;
  }

  /** Name of one of the steps: any natural number names one. */
  nameOf(rank: number): string {
    const names = Object.keys(this.guest?.steps ?? {});
    return names[rank % names.length];
  }

  async step(name: string, random: number): Promise<void> {
    await this.guest?.steps[name](random);
  }

  async leave(heap: Heap, others: Model): Promise<void> {
    if (this.guest === undefined) return;
    await this.guest.close();
    this.recount(heap, others);
    const left = this.model.blocks().map(({ address, bytes }) => `${address} (${bytes} bytes)`);
    ensure(left.length === 0, () => `close() left ${left.length} blocks: ${left.slice(0, 8).join(', ')}`);
  }

  /** After a call of the guest. `others` holds the blocks that it must leave alone. */
  recount(heap: Heap, others: Model): void {
    const live = walk(heap);
    for (const { address, bytes } of others.blocks())
      ensure(live.has(address), () => `it freed block ${address} of ${bytes} bytes, which is not its own`);
    for (const { address } of this.model.blocks()) this.model.remove(address);
    for (const { address, size } of live.values())
      if (others.get(address) === undefined) this.model.add({ address, bytes: size, usable: size, tag: 0 });
  }
}
