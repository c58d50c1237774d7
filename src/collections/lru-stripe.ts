import * as atomics from '#atomics';
import type { BlockCopy } from './block-copy.js';
import type { Keys } from './keys.js';
import { LruSlot, LruStripeWord, MetaBits, SlotWord, StripeWord } from './map-layout.js';
import { Stripe } from './stripe.js';
import { numbers, type Values } from './values.js';

/** Stamps are given anew from 1 on when they have come so far. */
export const CLOCK_MOST = 2147483646;

/** What became of a value that was to be stored. */
export const enum Stored {
  /** Something else was evicted for want of room, and is the caller's to free: try again. */
  AGAIN = 0,
  STORED = 1,
  /** The value is larger than all that the stripe may hold; what lay under its key was removed. */
  TOO_LARGE = 2,
}

/**
 * A stripe whose entries are in order of their last use. That order is in the stamps of the entries, each stored at once; the links
 * between them are derived and only for the holder of the lock.
 */
export class LruStripe extends Stripe {
  protected override readonly slotLog2: number = LruSlot.LOG2;
  protected override readonly places: number = LruSlot.PLACES;
  protected override readonly placeLog2: number = LruSlot.PLACE_LOG2;

  /** How many entries and bytes it may hold, and how long an entry lives; 0 for no limit. */
  entriesMost = 0;
  bytesMost = 0;
  ageMostMs = 0;
  /** Milliseconds since 1970, when the call began. */
  nowMs = 0;
  /** Whether values, and keys, have bytes of their own, as many as their second word says. */
  hasBytes = false;
  hasKeyBytes = false;
  /** Whether the last call removed an entry, so that `low`, `high`, `keyLow` and `keyHigh` are what it owned. */
  hasRemoved = false;
  private bornMs = 0;
  private readonly times: Values<number> = numbers.in(this.heap);

  /* Reading. */

  protected override found(slot: number, meta: number): void {
    super.found(slot, meta);
    const { i32 } = this.views;
    const born = this.placeOf(slot, meta) + LruSlot.BORN;
    this.bornMs = this.times.peek(atomics.load(i32, born), atomics.load(i32, born + 1));
  }

  /** Whether what was found last has lived too long. */
  isOld(): boolean {
    return this.ageMostMs > 0 && this.nowMs - this.bornMs >= this.ageMostMs;
  }

  /** Uses the entry of a key: true if there is one, with a copy of what lies in its block. One that is too old is removed. */
  use(keys: Keys<unknown>, copier: BlockCopy): boolean {
    this.hasRemoved = false;
    this.enter('get');
    let isWhole = false;
    try {
      const isUsed = this.useInside(keys, copier);
      isWhole = true;
      return isUsed;
    } finally {
      this.leave(isWhole);
    }
  }

  private useInside(keys: Keys<unknown>, copier: BlockCopy): boolean {
    const isFound = this.search(keys);
    if (isFound && !this.isOld()) {
      this.touch(this.slot);
      this.raiseCount(LruStripeWord.X_HITS);
      if (this.hasBytes) copier.copy(this.low, this.high);
      return true;
    }
    this.raiseCount(LruStripeWord.X_MISSES);
    if (isFound) this.removeFound();
    return false;
  }

  /** A count of 64 bits, as it is at some moment. */
  counted(field: number): number {
    for (;;) {
      const high = this.load(field + 1);
      const low = this.load(field);
      if (this.load(field + 1) === high) return (high >>> 0) * 2 ** 32 + (low >>> 0);
    }
  }

  private raiseCount(field: number): void {
    const low = (this.load(field) + 1) | 0;
    if (low === 0) this.store(field + 1, this.load(field + 1) + 1);
    this.store(field, low);
  }

  /** Bytes of all entries. */
  get bytes(): number {
    return this.load(LruStripeWord.X_BYTES) >>> 0;
  }

  /* Writing. */

  /** Stores a value, if there is room for it. */
  keepEntry(keys: Keys<unknown>, low: number, high: number): Stored {
    this.hasRemoved = false;
    this.isCommitted = false;
    this.enter('set');
    let isWhole = false;
    try {
      const stored = this.keepInside(keys, low, high);
      isWhole = true;
      return stored;
    } finally {
      this.leave(isWhole);
    }
  }

  private keepInside(keys: Keys<unknown>, low: number, high: number): Stored {
    const isFound = this.search(keys);
    const bytes = keys.encodedBytes() + this.valueBytes(high);
    if (this.bytesMost > 0 && bytes > this.bytesMost) {
      if (isFound) this.removeFound();
      return Stored.TOO_LARGE;
    }
    // What is replaced is not to be the one that is evicted for it.
    if (isFound) this.touch(this.slot);
    const more = isFound ? this.valueBytes(high) - this.valueBytes(this.high) : bytes;
    if (this.isTooMuch(isFound ? 0 : 1, more)) {
      this.evict();
      return Stored.AGAIN;
    }
    if (isFound) this.replace(low, high);
    else this.insert(keys, low, high);
    this.setBytes(this.bytes + more);
    return Stored.STORED;
  }

  private isTooMuch(entries: number, bytes: number): boolean {
    if (this.load(StripeWord.X_COUNT) + entries > this.entriesMost) return true;
    return this.bytesMost > 0 && this.bytes + bytes > this.bytesMost;
  }

  private evict(): void {
    const slot = this.slotAt(this.views.i32[this.word + LruStripeWord.LAST] - 1);
    this.found(slot, atomics.load(this.views.i32, slot));
    this.removeFound();
    this.raiseCount(LruStripeWord.X_EVICTIONS);
  }

  private valueBytes(high: number): number {
    return this.hasBytes ? high >>> 0 : 0;
  }

  private setBytes(bytes: number): void {
    this.store(LruStripeWord.X_BYTES, bytes | 0);
  }

  protected override fill(slot: number, place: number, low: number, high: number): void {
    super.fill(slot, place, low, high);
    const { i32 } = this.views;
    this.times.encode(this.nowMs);
    atomics.store(i32, place + LruSlot.BORN, this.times.low);
    atomics.store(i32, place + LruSlot.BORN + 1, this.times.high);
    i32[slot + LruSlot.STAMP] = this.nextStamp();
  }

  protected override insert(keys: Keys<unknown>, low: number, high: number): void {
    super.insert(keys, low, high);
    this.linkFirst(this.vacant);
  }

  protected override removeFound(): void {
    super.removeFound();
    this.hasRemoved = true;
    this.unlink(this.slot);
    this.setBytes(this.bytes - this.valueBytes(this.high) - this.keyBytesOf(this.keyHigh));
  }

  private keyBytesOf(high: number): number {
    return this.hasKeyBytes ? high >>> 0 : 0;
  }

  /* Order. */

  private touch(slot: number): void {
    const { i32 } = this.views;
    if (i32[this.word + LruStripeWord.FIRST] === this.placeInTable(slot)) return;
    i32[slot + LruSlot.STAMP] = this.nextStamp();
    this.unlink(slot);
    this.linkFirst(slot);
  }

  /** From 1 on: 0 is no place. */
  private placeInTable(slot: number): number {
    return (slot - this.slotAt(0)) / (1 << this.slotLog2) + 1;
  }

  private nextStamp(): number {
    const { i32 } = this.views;
    if (i32[this.word + LruStripeWord.CLOCK] >= CLOCK_MOST) this.renumber();
    return ++i32[this.word + LruStripeWord.CLOCK];
  }

  /** From the oldest on, so that the order is right at every moment: none has a stamp less than its place in the order. */
  private renumber(): void {
    const { i32 } = this.views;
    let clock = 0;
    for (let at = i32[this.word + LruStripeWord.LAST]; at !== 0;) {
      const slot = this.slotAt(at - 1);
      i32[slot + LruSlot.STAMP] = ++clock;
      at = i32[slot + LruSlot.NEWER];
    }
    i32[this.word + LruStripeWord.CLOCK] = clock;
  }

  private linkFirst(slot: number): void {
    const { i32 } = this.views;
    const place = this.placeInTable(slot);
    const first = i32[this.word + LruStripeWord.FIRST];
    i32[slot + LruSlot.NEWER] = 0;
    i32[slot + LruSlot.OLDER] = first;
    if (first === 0) i32[this.word + LruStripeWord.LAST] = place;
    else i32[this.slotAt(first - 1) + LruSlot.NEWER] = place;
    i32[this.word + LruStripeWord.FIRST] = place;
  }

  private unlink(slot: number): void {
    const { i32 } = this.views;
    const newer = i32[slot + LruSlot.NEWER];
    const older = i32[slot + LruSlot.OLDER];
    if (newer === 0) i32[this.word + LruStripeWord.FIRST] = older;
    else i32[this.slotAt(newer - 1) + LruSlot.OLDER] = older;
    if (older === 0) i32[this.word + LruStripeWord.LAST] = newer;
    else i32[this.slotAt(older - 1) + LruSlot.NEWER] = newer;
  }

  /** Entries come to lie elsewhere, in the same order. */
  protected override copyEntries(first: number, mask: number): void {
    const { i32 } = this.views;
    let newest = 0;
    let oldest = 0;
    for (let at = i32[this.word + LruStripeWord.LAST]; at !== 0;) {
      const slot = this.slotAt(at - 1);
      const index = this.copyEntry(slot, atomics.load(i32, slot), first, mask);
      const to = first + (index << this.slotLog2);
      i32[to + LruSlot.OLDER] = newest;
      i32[to + LruSlot.NEWER] = 0;
      if (newest === 0) oldest = index + 1;
      else i32[first + ((newest - 1) << this.slotLog2) + LruSlot.NEWER] = index + 1;
      newest = index + 1;
      at = i32[slot + LruSlot.NEWER];
    }
    i32[this.word + LruStripeWord.FIRST] = newest;
    i32[this.word + LruStripeWord.LAST] = oldest;
  }

  protected override repair(): void {
    super.repair();
    const { i32 } = this.views;
    const slots: number[] = [];
    const stamps = new Map<number, number>();
    let bytes = 0;
    for (let index = 0; index < this.slots; index++) {
      const slot = this.slotAt(index);
      const meta = atomics.load(i32, slot);
      if ((meta & MetaBits.FULL) === 0) continue;
      super.found(slot, meta);
      bytes += this.valueBytes(this.high) + this.keyBytesOf(atomics.load(i32, slot + SlotWord.X_KEY_HIGH));
      stamps.set(slot, i32[slot + LruSlot.STAMP]);
      slots.push(slot);
    }
    slots.sort((a, b) => stamps.get(a)! - stamps.get(b)!);
    i32[this.word + LruStripeWord.FIRST] = 0;
    i32[this.word + LruStripeWord.LAST] = 0;
    i32[this.word + LruStripeWord.CLOCK] = slots.length === 0 ? 0 : stamps.get(slots[slots.length - 1])!;
    for (const slot of slots) this.linkFirst(slot);
    this.setBytes(bytes);
  }
}
