import { type Allocator, type ArrayAllocator, type FullAllocator, type Memory } from './allocator.js';
import { Marker, type Marks } from './marker.js';
import { tableOf, type Seat } from './scenario.js';
import { type Slots } from './slots.js';
import { type Spec } from './spec.js';

/** An allocator as one worker holds it. */
export interface Entry<B = number> {
  readonly heap: Allocator<B>;
  readonly arrays?: ArrayAllocator;
  marksFor(spec: Spec): Marks<B>;
  tableOf(seat: Seat, index: number): Slots<B>;
  /** After the last call: gives back what other workers freed for this one, and leaves. */
  leave(): void;
}

interface AddressParts<H extends Allocator & Memory> {
  readonly heap: H;
  readonly arrays?: ArrayAllocator;
  /** Of blocks of more than 8 bytes. */
  readonly alignment: number;
  readonly leave?: () => void;
}

/** One whose blocks are addresses, which other workers understand too. */
export class AddressEntry<H extends Allocator & Memory = Allocator & Memory> implements Entry {
  readonly heap: H;
  readonly arrays?: ArrayAllocator;
  readonly #alignment: number;
  readonly #leave: (() => void) | undefined;

  constructor({ heap, arrays, alignment, leave }: AddressParts<H>) {
    this.heap = heap;
    if (arrays !== undefined) this.arrays = arrays;
    this.#alignment = alignment;
    this.#leave = leave;
  }

  /** The same allocator, where it has all that a recorded program may call. */
  get full(): FullAllocator {
    if (!('calloc' in this.heap && 'realloc' in this.heap)) throw new Error('A replay needs calloc and realloc.');
    return this.heap as unknown as FullAllocator;
  }

  marksFor(spec: Spec): Marker {
    return new Marker(this.heap, spec, this.#alignment);
  }

  tableOf = tableOf;

  leave(): void {
    this.#leave?.();
  }
}

export function withAddresses(entry: Entry<unknown>): AddressEntry {
  if (entry instanceof AddressEntry) return entry as AddressEntry;
  throw new Error('This bench hands blocks to other workers by their addresses, which this allocator has none of.');
}
