import { type Heap } from 'sabmalloc';
import { type SizeRange } from '../flags.js';
import { specOf } from '../defaults.js';
import { Draw } from '../draw.js';
import { churn, drain, fill } from '../loops/churn.js';
import { type Marks } from '../marker.js';
import { slotsAt, slotsBytes, type SharedSlots, type Slots } from '../slots.js';

/** Counts what the loops keep alive: a heap knows what its blocks can hold, not what was asked for. */
export class Ledger implements Marks<number> {
  readonly active = true;
  liveBytes = 0;
  peakLiveBytes = 0;

  placed(slots: Slots, slot: number, _address: number, size: number): void {
    slots.sizes[slot] = size;
    this.liveBytes += size;
    if (this.liveBytes > this.peakLiveBytes) this.peakLiveBytes = this.liveBytes;
  }

  leaving(slots: Slots, slot: number): void {
    this.liveBytes -= slots.sizes[slot];
  }
}

export const drawOf = ({ min, max }: SizeRange, index = 0): Draw => new Draw(specOf('random-mixed', [min, max]), index);

export const countFor = (bytes: number, { min, max }: SizeRange): number => Math.floor((2 * bytes) / (min + max));

/** A table of blocks of random sizes in a heap; what lives is told to a ledger that several tables may share. */
export class Blocks {
  readonly #heap: Heap;
  readonly #ledger: Ledger;
  readonly #slots: SharedSlots;
  readonly #draw: Draw;

  constructor(heap: Heap, ledger: Ledger, sizes: SizeRange, count: number) {
    this.#heap = heap;
    this.#ledger = ledger;
    this.#slots = slotsAt(new SharedArrayBuffer(slotsBytes(1, count)), 1, count, 0);
    this.#draw = drawOf(sizes);
  }

  fill(): void {
    fill(this.#heap, this.#slots, this.#draw, this.#ledger);
  }

  drain(): void {
    drain(this.#heap, this.#slots, this.#ledger);
  }

  churn(pairs: number): void {
    churn(this.#heap, this.#slots, this.#draw, this.#ledger, pairs);
  }

  /** Frees all but a random one in `keep`. */
  thin(keep: number): void {
    const { addresses } = this.#slots;
    const lots = drawOf({ min: 1, max: keep }, 1);
    for (let slot = 0; slot < addresses.length; slot++) {
      if (lots.nextSize() === keep) continue;
      this.#ledger.leaving(this.#slots, slot);
      this.#heap.free(addresses[slot]);
    }
  }
}
