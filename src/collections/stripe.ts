import * as atomics from '#atomics';
import { type Heap } from '../index.js';
import { ShortLock, type Views } from '../records/index.js';
import type { Keys } from './keys.js';
import { MapSlot, MetaBits, SlotWord, StripeWord, TableBits } from './map-layout.js';
import type { Values } from './values.js';

/** Slots of the first table, as the exponent of a power of two. */
export const LEAST_LOG2 = 3;

/** What `putEntry` may find and still put. */
export const enum Only {
  ALWAYS = 0,
  /** Nothing under the key. */
  IF_ABSENT = 1,
  /** What `look` found last, if anything, and unchanged. */
  IF_SAME = 2,
}

/** What a look at a key found, to be compared with what is there later. */
export interface Witness {
  readonly version: number;
  readonly slot: number;
  readonly low: number;
  readonly high: number;
}

/**
 * A part of a map: a table with open addressing, its readers without a lock, its writers one at a time.
 *
 * Each change is committed by one atomic store: an entry is put in, replaced and removed by the store of the slot's first word, and
 * a table by the store of its address. A value that is replaced stays where it is, the new one lies in the other of two places.
 * Readers look at the version, read, and look again. It is raised between a commit and whatever destroys what was there before it,
 * and never announces a write to come: a writer that is killed leaves nothing that readers would wait for. Who takes the lock
 * after it raises the version in its place.
 */
export class Stripe {
  protected readonly slotLog2: number = MapSlot.LOG2;
  protected readonly places: number = MapSlot.PLACES;
  protected readonly placeLog2: number = MapSlot.PLACE_LOG2;

  protected readonly lock: ShortLock;
  /** What the last search found: the word of the slot, 0 for none, its first word, and the first slot that is free for the key. */
  protected slot = 0;
  private meta = 0;
  protected vacant = 0;
  /** Words of the value that was found or removed last, and of the key that was removed with it. */
  low = 0;
  high = 0;
  keyLow = 0;
  keyHigh = 0;
  /** Whether the last change was committed. False where it failed before. */
  isCommitted = false;
  /** The version that `look` began with. */
  private seen = 0;

  /** `word`: where the stripe lies. */
  constructor(
    protected readonly heap: Heap,
    protected readonly views: Views,
    protected readonly word: number,
  ) {
    this.lock = new ShortLock(heap, word * 4, StripeWord.X_LOCK, StripeWord.X_LOST);
  }

  protected load(field: number): number {
    return atomics.load(this.views.i32, this.word + field);
  }

  protected store(field: number, value: number): void {
    atomics.store(this.views.i32, this.word + field, value);
  }

  /* Reading. */

  /**
   * Looks for the key without a lock: true if it is there, with `low` and `high`. What was read counts only if `isStill` says so afterwards.
   */
  look(keys: Keys<unknown>): boolean {
    this.seen = this.load(StripeWord.X_VERSION);
    return this.search(keys);
  }

  /** Whether nothing that `look` or `lookAt` may have read was overwritten or freed since. */
  isStill(): boolean {
    return this.load(StripeWord.X_VERSION) === this.seen;
  }

  /** What the last look found, and the look after it is made of again by `recall`. */
  witness(): Witness {
    return { version: this.seen, slot: this.slot, low: this.low, high: this.high };
  }

  recall({ version, slot, low, high }: Witness): void {
    this.seen = version;
    this.slot = slot;
    this.low = low;
    this.high = high;
  }

  /** Whether this is the value that `look` found; where addresses may come again, by the version. */
  private isSame(isFound: boolean, wasFound: boolean, low: number, high: number, byVersion: boolean): boolean {
    if (isFound !== wasFound) return false;
    if (!isFound) return true;
    return this.low === low && this.high === high && (!byVersion || this.isStill());
  }

  /** Finds the slot of the key, or one for it. */
  protected search(keys: Keys<unknown>): boolean {
    this.slot = 0;
    this.vacant = 0;
    const table = this.load(StripeWord.X_TABLE);
    if (!this.coverTable(table)) return false;
    const { i32 } = this.views;
    const { slotLog2 } = this;
    const first = (table & TableBits.ADDRESS) >>> 2;
    const mask = (1 << (table & TableBits.LOG2)) - 1;
    const wanted = MetaBits.FULL | (keys.hash & MetaBits.HASH);
    // Not for ever: what lies here may be something else by now.
    for (let i = keys.hash & mask, left = mask; left >= 0; i = (i + 1) & mask, left--) {
      const slot = first + (i << slotLog2);
      const meta = atomics.load(i32, slot);
      if ((meta & ~MetaBits.SECOND) === wanted && keys.isIn(slot)) {
        this.found(slot, meta);
        return true;
      }
      if (meta !== MetaBits.EMPTY && meta !== MetaBits.GONE) continue;
      if (this.vacant === 0) this.vacant = slot;
      if (meta === MetaBits.EMPTY) return false;
    }
    return false;
  }

  protected found(slot: number, meta: number): void {
    const { i32 } = this.views;
    const place = this.placeOf(slot, meta);
    this.slot = slot;
    this.meta = meta;
    this.low = atomics.load(i32, place);
    this.high = atomics.load(i32, place + 1);
  }

  /** Where the value is. */
  protected placeOf(slot: number, meta: number): number {
    return slot + this.places + ((meta & MetaBits.SECOND) === 0 ? 0 : 1 << this.placeLog2);
  }

  /** Whether the table, as its word says, is memory that there is. */
  private coverTable(table: number): boolean {
    return table !== 0 && this.views.cover(((table & TableBits.ADDRESS) >>> 0) + this.bytesOf(table & TableBits.LOG2));
  }

  /** Bytes of a table. A shift, as powers are slow, but for what no heap has room for: that would come out as 0. */
  private bytesOf(log2: number): number {
    const bits = log2 + this.slotLog2;
    return bits < 29 ? 4 << bits : 4 * 2 ** bits;
  }

  /** Number of slots, and what changes when they come to lie elsewhere. */
  get slots(): number {
    const table = this.load(StripeWord.X_TABLE);
    return table === 0 ? 0 : 1 << (table & TableBits.LOG2);
  }

  get rebuilds(): number {
    return this.load(StripeWord.X_REBUILDS);
  }

  /** Looks at one slot as `look` does: true if there is an entry, with key and value. */
  lookAt(index: number): boolean {
    this.seen = this.load(StripeWord.X_VERSION);
    const table = this.load(StripeWord.X_TABLE);
    if (!this.coverTable(table)) return false;
    // Another table may be shorter.
    if (index >>> (table & TableBits.LOG2) !== 0) return false;
    const { i32 } = this.views;
    const slot = ((table & TableBits.ADDRESS) >>> 2) + (index << this.slotLog2);
    const meta = atomics.load(i32, slot);
    if ((meta & MetaBits.FULL) === 0) return false;
    this.found(slot, meta);
    this.keyLow = atomics.load(i32, slot + SlotWord.X_KEY_LOW);
    this.keyHigh = atomics.load(i32, slot + SlotWord.X_KEY_HIGH);
    return true;
  }

  /** Entries at this moment. What somebody who died inside did not count is counted first. */
  count(): number {
    if (!this.lock.isFree()) {
      const isBroken = this.lock.tryTake();
      if (isBroken !== undefined) {
        this.begin(isBroken);
        this.lock.leave(true);
      }
    }
    return this.load(StripeWord.X_COUNT);
  }

  /* Writing. */

  /** Takes the lock, with everything in order behind it. */
  enter(call: string): void {
    this.begin(this.lock.take(call));
  }

  private begin(isBroken: boolean): void {
    // Another worker may have made the table.
    this.coverTable(this.load(StripeWord.X_TABLE));
    if (isBroken) this.mend();
  }

  leave(isWhole: boolean): void {
    this.lock.leave(isWhole);
  }

  isHeld(): boolean {
    return this.lock.isHeld();
  }

  private mend(): void {
    let isWhole = false;
    try {
      this.repair();
      isWhole = true;
    } finally {
      if (!isWhole) this.lock.leave(false);
    }
  }

  /** Puts in order what is derived, after somebody died inside. */
  protected repair(): void {
    this.raise();
    const { i32 } = this.views;
    this.store(StripeWord.X_REBUILDS, this.load(StripeWord.X_REBUILDS) + 1);
    const address = this.load(StripeWord.X_TABLE) & TableBits.ADDRESS;
    const abandoned = i32[this.word + (i32[this.word + StripeWord.NEW] === address ? StripeWord.OLD : StripeWord.NEW)];
    this.dropTable(abandoned);
    this.recount();
  }

  private recount(): void {
    const { i32 } = this.views;
    let [full, used] = [0, 0];
    for (let index = 0; index < this.slots; index++) {
      const meta = atomics.load(i32, this.slotAt(index));
      if (meta !== MetaBits.EMPTY) used++;
      if ((meta & MetaBits.FULL) !== 0) full++;
    }
    i32[this.word + StripeWord.USED] = used;
    this.store(StripeWord.X_COUNT, full);
  }

  /** For the holder of the lock. */
  protected slotAt(index: number): number {
    return ((this.load(StripeWord.X_TABLE) & TableBits.ADDRESS) >>> 2) + (index << this.slotLog2);
  }

  /** What was there before the last commit may be destroyed now. Readers that began before it will look again. */
  protected raise(): void {
    atomics.add(this.views.i32, this.word + StripeWord.X_VERSION, 1);
  }

  /**
   * Stores a value under the key. False if `only` forbids it, and then nothing happens. If the key was there, `isReplaced`, and the old value is in
   * `low` and `high`. Throws ERR_HEAP_OUT_OF_MEMORY.
   */
  putEntry(keys: Keys<unknown>, low: number, high: number, only: Only, byVersion: boolean): boolean {
    const { slot: wasAt, low: oldLow, high: oldHigh } = this;
    this.isCommitted = false;
    this.enter('set');
    let isWhole = true;
    try {
      const isFound = this.search(keys);
      if (only === Only.IF_ABSENT && isFound) return false;
      if (only === Only.IF_SAME && !this.isSame(isFound, wasAt !== 0, oldLow, oldHigh, byVersion)) return false;
      isWhole = false;
      if (isFound) this.replace(low, high);
      else this.insert(keys, low, high);
      isWhole = true;
      return true;
    } finally {
      this.leave(isWhole);
    }
  }

  /** Adds to the number under the key, from 0 on if there is none, and returns the sum. Throws ERR_HEAP_OUT_OF_MEMORY. */
  add(keys: Keys<unknown>, numbers: Values<number>, amount: number): number {
    this.enter('add');
    let isWhole = false;
    try {
      const isFound = this.search(keys);
      const sum = isFound ? numbers.peek(this.low, this.high) + amount : amount;
      numbers.encode(sum);
      if (isFound) this.replace(numbers.low, numbers.high);
      else this.insert(keys, numbers.low, numbers.high);
      isWhole = true;
      return sum;
    } finally {
      this.leave(isWhole);
    }
  }

  /** Whether the last `putEntry` found the key. */
  get isReplaced(): boolean {
    return this.slot !== 0;
  }

  /** Stores a value in place of the one that was found. */
  protected replace(low: number, high: number): void {
    const meta = this.meta ^ MetaBits.SECOND;
    this.fill(this.slot, this.placeOf(this.slot, meta), low, high);
    this.commit(this.slot, meta);
    this.raise();
  }

  /** Stores a value where no reader looks, as readers that did have been told. */
  protected fill(_slot: number, place: number, low: number, high: number): void {
    const { i32 } = this.views;
    atomics.store(i32, place, low);
    atomics.store(i32, place + 1, high);
  }

  private commit(slot: number, meta: number): void {
    atomics.store(this.views.i32, slot, meta);
    this.isCommitted = true;
  }

  /** Sees to it that there is a slot, and makes the block of the key. */
  private makeRoom(keys: Keys<unknown>): void {
    const { i32 } = this.views;
    const { slots } = this;
    const isUnused = this.vacant === 0 || atomics.load(i32, this.vacant) === MetaBits.EMPTY;
    if (isUnused && (i32[this.word + StripeWord.USED] + 1) * 4 > slots * 3) {
      this.rebuild(slots);
      this.search(keys);
    }
    keys.place();
  }

  /** Stores an entry under a key that was not found. */
  protected insert(keys: Keys<unknown>, low: number, high: number): void {
    this.makeRoom(keys);
    const { i32 } = this.views;
    const slot = this.vacant;
    const isUnused = atomics.load(i32, slot) === MetaBits.EMPTY;
    atomics.store(i32, slot + SlotWord.X_KEY_LOW, keys.low);
    atomics.store(i32, slot + SlotWord.X_KEY_HIGH, keys.high);
    this.fill(slot, slot + this.places, low, high);
    this.commit(slot, MetaBits.FULL | (keys.hash & MetaBits.HASH));
    this.store(StripeWord.X_COUNT, this.load(StripeWord.X_COUNT) + 1);
    if (isUnused) i32[this.word + StripeWord.USED]++;
  }

  /** Removes the key. True if it was there: what it owned is in `low`, `high`, `keyLow` and `keyHigh`, and the caller's. */
  remove(keys: Keys<unknown>, only: Only, byVersion: boolean): boolean {
    const { slot: wasAt, low, high } = this;
    this.isCommitted = false;
    this.enter('delete');
    let isWhole = true;
    try {
      const isFound = this.search(keys);
      if (!isFound || (only === Only.IF_SAME && !this.isSame(isFound, wasAt !== 0, low, high, byVersion))) return false;
      isWhole = false;
      this.removeFound();
      isWhole = true;
      return true;
    } finally {
      this.leave(isWhole);
    }
  }

  /** Removes any entry at or behind a slot, for whoever clears the stripe: the place of the next one, or -1 if there was none. */
  removeNext(index: number): number {
    this.enter('clear');
    let isWhole = true;
    try {
      const { i32 } = this.views;
      for (let at = index; at < this.slots; at++) {
        const slot = this.slotAt(at);
        const meta = atomics.load(i32, slot);
        if ((meta & MetaBits.FULL) === 0) continue;
        this.found(slot, meta);
        isWhole = false;
        this.removeFound();
        isWhole = true;
        return at + 1;
      }
      return -1;
    } finally {
      this.leave(isWhole);
    }
  }

  protected removeFound(): void {
    const { i32 } = this.views;
    this.keyLow = atomics.load(i32, this.slot + SlotWord.X_KEY_LOW);
    this.keyHigh = atomics.load(i32, this.slot + SlotWord.X_KEY_HIGH);
    const isEndOfRun = this.isUnusedBehind(this.slot);
    this.commit(this.slot, isEndOfRun ? MetaBits.EMPTY : MetaBits.GONE);
    this.raise();
    this.store(StripeWord.X_COUNT, this.load(StripeWord.X_COUNT) - 1);
    if (isEndOfRun) i32[this.word + StripeWord.USED]--;
  }

  /** Whether every search that comes to a slot ends at the next one: then it may as well end here. */
  private isUnusedBehind(slot: number): boolean {
    const next = (slot - this.slotAt(0)) / (1 << this.slotLog2) + 1;
    return atomics.load(this.views.i32, this.slotAt(next & (this.slots - 1))) === MetaBits.EMPTY;
  }

  /* Tables. */

  /** Another table with room for one entry more, and without what is gone. Throws ERR_HEAP_OUT_OF_MEMORY. */
  private rebuild(slots: number): void {
    const entries = this.load(StripeWord.X_COUNT) + 1;
    let log2 = slots === 0 ? LEAST_LOG2 : Math.log2(slots);
    // Where most of the slots were of entries that are gone, the same size will do.
    while (entries * 8 > 5 << log2) log2++;
    while (log2 > LEAST_LOG2 && entries * 8 < 1 << log2) log2--;
    this.reserve(log2);
  }

  /** A table for so many entries, if there is none yet. */
  makeRoomFor(entries: number): void {
    this.enter('create');
    let isWhole = false;
    try {
      if (this.slots === 0) this.reserve(Math.max(LEAST_LOG2, Math.ceil(Math.log2((entries * 4) / 3))));
      isWhole = true;
    } finally {
      this.leave(isWhole);
    }
  }

  /** A table of so many slots. The lock is held. */
  protected reserve(log2: number): void {
    const bytes = this.bytesOf(log2);
    const address = this.heap.calloc(bytes, 64) | 0;
    this.views.cover((address >>> 0) + bytes);
    const { i32 } = this.views;
    const old = this.load(StripeWord.X_TABLE) & TableBits.ADDRESS;
    i32[this.word + StripeWord.OLD] = old;
    i32[this.word + StripeWord.NEW] = address;
    this.copyEntries(address >>> 2, (1 << log2) - 1);
    this.store(StripeWord.X_TABLE, address | log2);
    this.store(StripeWord.X_REBUILDS, this.load(StripeWord.X_REBUILDS) + 1);
    i32[this.word + StripeWord.USED] = this.load(StripeWord.X_COUNT);
    this.raise();
    this.dropTable(old);
  }

  /** Frees the table that is not in use. */
  private dropTable(address: number): void {
    const { i32 } = this.views;
    i32[this.word + StripeWord.NEW] = 0;
    i32[this.word + StripeWord.OLD] = 0;
    if (address !== 0) this.heap.free(address >>> 0);
  }

  /** Copies all entries to a table that nobody else sees yet. */
  protected copyEntries(first: number, mask: number): void {
    for (let index = 0; index < this.slots; index++) {
      const slot = this.slotAt(index);
      const meta = atomics.load(this.views.i32, slot);
      if ((meta & MetaBits.FULL) !== 0) this.copyEntry(slot, meta, first, mask);
    }
  }

  /** Returns where it has come to lie. */
  protected copyEntry(slot: number, meta: number, first: number, mask: number): number {
    const { i32 } = this.views;
    let index = meta & mask;
    while (i32[first + (index << this.slotLog2)] !== MetaBits.EMPTY) index = (index + 1) & mask;
    const to = first + (index << this.slotLog2);
    i32[to] = meta;
    for (let word = 1; word < 1 << this.slotLog2; word++) i32[to + word] = atomics.load(i32, slot + word);
    return index;
  }

  /** Frees the table itself, for whoever has taken out everything and disposes of the map. */
  dispose(): void {
    const address = this.load(StripeWord.X_TABLE) & TableBits.ADDRESS;
    if (address !== 0) this.heap.free(address >>> 0);
  }
}
