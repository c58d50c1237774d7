import * as atomics from '#atomics';
import { HeapError, type Heap, type TypedArray, type TypedArrayConstructor } from '../index.js';
import { Kind, Views, publishRecord } from '../records/index.js';
import { badArgument } from './arguments.js';
import { CHUNKS_MOST, Chunks, shiftFor } from './chunks.js';
import { TypedElements, WordElements, type Elements, type Numbers } from './elements.js';
import { Guarded } from './guarded.js';
import { CollectionWord, checkCollection, makeCollection } from './record.js';
import { type ValueType } from './values.js';

const enum VectorWord {
  /** How many elements there are. Its store commits a push, a pop and a truncation. */
  X_LENGTH = CollectionWord.FIRST_OF_ITS_OWN,
  /**
   * Of values of two words: odd while one is replaced, and raised by two after others were taken out and before what they own
   * is freed. Who reads without the lock and finds it even and the same before and after has read what was there.
   */
  X_VERSION,
  /** Index + 1 of the element that is being replaced, by the two words that follow: the store of it commits. */
  X_SETTING,
  SET_LOW,
  SET_HIGH,
  /** Up to this index elements have been encoded, from the length on, by a pushMany that has not committed. */
  STAGED,
  SHIFT,
  /** Addresses of the chunks. */
  X_CHUNKS,
  WORDS = X_CHUNKS + CHUNKS_MOST,
}

/** Looks without the lock before one under it. */
const LOOKS_MOST = 8;

const CAPACITY = 16;

export interface VectorOptions {
  /** Elements that the first block has room for, 16 if not given; each further block has twice as many as the one before. */
  readonly capacity?: number;
}

/** Type of the elements of a typed array. */
export type ElementOf<A> = A extends { readonly [index: number]: infer T } ? T : never;

type AnyType = TypedArrayConstructor | ValueType<unknown>;

const elementsOf = (heap: Heap, type: AnyType): Elements<unknown> =>
  typeof type === 'function'
    ? new TypedElements(heap, type as TypedArrayConstructor<Numbers<unknown>>)
    : new WordElements(heap, type);

/**
 * A growable array. Its elements never move: what was allocated for them stays until the vector is disposed of, also after `pop`, `truncate` and
 * `clear`. All threads may do everything at any time.
 *
 * Made with the constructor of a typed array, its elements are numbers that lie one behind the other, and are read and replaced as those of a
 * typed array are: without a lock, and, of 64 bits, perhaps in halves where somebody else writes at the same time. Made with
 * a value type (`numbers`, `handles`, `texts`, `bytes`, `structs(...)`), an element is always read whole, and what it owns is the vector's from
 * the call that puts it in until `pop` takes it out.
 *
 * A worker that is killed inside leaves each call done or not done, and at most one block that nobody frees.
 */
export class Vector<T, A = never> extends Guarded {
  private readonly elements: Elements<T>;
  /** The same, if they are values of two words. */
  private readonly pairs: WordElements<T> | undefined;
  private readonly views: Views;
  private readonly chunks: Chunks;
  private readonly word: number;
  /** What `drop` took off. */
  private low = 0;
  private high = 0;
  private value: T | undefined;

  /** Throws ERR_COLLECTION_ARGUMENT for a capacity that is none. */
  static create<A extends TypedArray>(
    heap: Heap,
    type: TypedArrayConstructor<A>,
    options?: VectorOptions,
  ): Vector<ElementOf<A>, A>;
  static create<T>(heap: Heap, type: ValueType<T>, options?: VectorOptions): Vector<T>;
  static create(heap: Heap, type: AnyType, options: VectorOptions = {}): Vector<unknown> {
    const shift = shiftFor('Vector.create', options, CAPACITY);
    const elements = elementsOf(heap, type);
    const address = makeCollection(heap, VectorWord.WORDS, elements);
    heap.i32[address / 4 + VectorWord.SHIFT] = shift;
    publishRecord(heap, address, Kind.VECTOR);
    return new Vector(heap, address, elements, true);
  }

  /** Opens the vector at an address. Throws ERR_HEAP_KIND if there is none, ERR_HEAP_DEFINITION if its elements are of another type. */
  static at<A extends TypedArray>(heap: Heap, address: number, type: TypedArrayConstructor<A>): Vector<ElementOf<A>, A>;
  static at<T>(heap: Heap, address: number, type: ValueType<T>): Vector<T>;
  static at(heap: Heap, address: number, type: AnyType): Vector<unknown> {
    const elements = elementsOf(heap, type);
    checkCollection(heap, address, Kind.VECTOR, VectorWord.WORDS, elements);
    return new Vector(heap, address, elements, false);
  }

  private constructor(heap: Heap, address: number, elements: Elements<T>, isMaker: boolean) {
    super(heap, address, isMaker);
    this.word = address / 4;
    this.views = new Views(heap);
    const shift = heap.i32[this.word + VectorWord.SHIFT];
    this.chunks = new Chunks(heap, this.views, this.word + VectorWord.X_CHUNKS, shift, elements.bytes);
    this.elements = elements.in(this.chunks, this.views);
    this.pairs = elements instanceof WordElements ? (elements as WordElements<T>) : undefined;
  }

  /** @internal */
  get kind(): Kind {
    return Kind.VECTOR;
  }

  /** Number of elements at this moment. */
  get length(): number {
    return this.load(VectorWord.X_LENGTH);
  }

  private load(word: number): number {
    return atomics.load(this.views.i32, this.word + word);
  }

  private store(word: number, value: number): void {
    atomics.store(this.views.i32, this.word + word, value);
  }

  /** Adds an element at the end; returns the new length. Throws ERR_COLLECTION_FULL from 2^30 elements on. */
  push(value: T): number {
    for (;;) {
      const length = this.tryPush(value);
      if (length > 0) return length;
      this.grow();
    }
  }

  /** The new length; 0, with nothing changed, if there is no room. */
  private tryPush(value: T): number {
    this.elements.encode(value);
    let isStored = false;
    try {
      this.enter('push');
      let isWhole = false;
      try {
        const length = this.load(VectorWord.X_LENGTH);
        if (this.chunks.hasRoom(length)) {
          this.elements.store(length);
          // Commits, and publishes the element to whoever reads without the lock.
          this.store(VectorWord.X_LENGTH, length + 1);
          isStored = true;
        }
        isWhole = true;
        return isStored ? length + 1 : 0;
      } finally {
        this.lock.leave(isWhole);
      }
    } finally {
      const { pairs } = this;
      if (!isStored && pairs !== undefined) pairs.values.undo(pairs.values.low, pairs.values.high);
    }
  }

  private grow(): void {
    this.enter('push');
    try {
      this.chunks.reserve('push', this.load(VectorWord.X_LENGTH) + 1);
    } finally {
      // Also where it was refused: room is all that it changes.
      this.lock.leave(true);
    }
  }

  /** Adds elements at the end, all at once or none, with no other worker's between them; returns the new length. */
  pushMany(values: Iterable<T>): number {
    const all = [...values];
    this.enter('pushMany');
    let isWhole = false;
    try {
      const length = this.load(VectorWord.X_LENGTH);
      this.chunks.reserve('pushMany', length + all.length);
      for (let i = 0; i < all.length; i++) {
        this.elements.encode(all[i]);
        this.elements.store(length + i);
        // What was allocated for it is found by whoever comes after a death.
        if (this.isOwning()) this.store(VectorWord.STAGED, length + i + 1);
      }
      this.store(VectorWord.X_LENGTH, length + all.length);
      this.store(VectorWord.STAGED, 0);
      isWhole = true;
      return length + all.length;
    } finally {
      if (!isWhole) this.unstage();
      this.lock.leave(isWhole);
    }
  }

  /** Takes the last element off; undefined if there is none. */
  pop(): T | undefined {
    if (!this.drop('pop', 0)) return undefined;
    const { pairs } = this;
    return pairs === undefined ? this.value : pairs.values.take(this.low, this.high);
  }

  /** Takes the last element off if there are more than `least`. */
  private drop(call: string, least: number): boolean {
    const { pairs } = this;
    this.enter(call);
    let isWhole = false;
    try {
      const length = this.load(VectorWord.X_LENGTH);
      const isThere = length > least;
      if (isThere && pairs === undefined) this.value = this.elements.load(length - 1);
      else if (isThere && pairs !== undefined) {
        const at = pairs.wordOf(length - 1);
        this.low = pairs.wordAt(at);
        this.high = pairs.wordAt(at + 1);
      }
      if (isThere) this.shorten(length - 1);
      isWhole = true;
      return isThere;
    } finally {
      this.lock.leave(isWhole);
    }
  }

  private shorten(length: number): void {
    // Commits.
    this.store(VectorWord.X_LENGTH, length);
    // Before what was taken off is freed, or its place has other words.
    this.raise();
  }

  /** Who reads without the lock at this moment reads again. */
  private raise(): void {
    this.store(VectorWord.X_VERSION, this.load(VectorWord.X_VERSION) + 2);
  }

  /**
   * Element at an index, from the end if it is negative; undefined if there is none. It stays the vector's, and is read as it is at one
   * moment; numbers of a typed array as a typed array reads them.
   */
  at(index: number): T | undefined {
    const { pairs } = this;
    if (pairs === undefined) {
      const place = placeOf(index, this.load(VectorWord.X_LENGTH));
      return place < 0 ? undefined : this.elements.load(place);
    }
    for (let looks = 0; looks < LOOKS_MOST; looks++) {
      const version = this.load(VectorWord.X_VERSION);
      if ((version & 1) !== 0) continue;
      const place = placeOf(index, this.load(VectorWord.X_LENGTH));
      if (place < 0) return undefined;
      const value = this.peek(pairs, place, version);
      if (this.isStill(pairs, version)) return value;
    }
    return this.atInside(pairs, index);
  }

  private peek(pairs: WordElements<T>, place: number, version: number): T | undefined {
    try {
      return pairs.load(place);
    } catch (error) {
      // What it refers to may have been freed meanwhile.
      if (this.isStill(pairs, version)) throw error;
      return undefined;
    }
  }

  private isStill(pairs: WordElements<T>, version: number): boolean {
    // A read and a write in one keeps all reads from a block before it; a load would let processors move them behind it.
    if (pairs.values.isInBlock) return atomics.or(this.views.i32, this.word + VectorWord.X_VERSION, 0) === version;
    return this.load(VectorWord.X_VERSION) === version;
  }

  private atInside(pairs: WordElements<T>, index: number): T | undefined {
    this.enter('at');
    let isWhole = false;
    try {
      const place = placeOf(index, this.load(VectorWord.X_LENGTH));
      const value = place < 0 ? undefined : pairs.load(place);
      isWhole = true;
      return value;
    } finally {
      this.lock.leave(isWhole);
    }
  }

  /**
   * Replaces an element, and frees what the old one owned. A negative index counts from the end. Throws ERR_COLLECTION_INDEX
   * where there is no element.
   */
  set(index: number, value: T): void {
    const { pairs } = this;
    this.elements.encode(value);
    if (pairs !== undefined) this.replace(pairs, index);
    // Whoever takes it off at this moment has done so before or after; its place stays memory of the vector.
    else this.elements.store(this.checkedPlace(index));
  }

  private checkedPlace(index: number): number {
    const length = this.load(VectorWord.X_LENGTH);
    const place = placeOf(index, length);
    if (place >= 0) return place;
    throw new HeapError(
      'ERR_COLLECTION_INDEX',
      `set: there is no element ${index}, the vector at ${this.address} has ${length}; push() adds one`,
      { address: this.address, index, length },
    );
  }

  private replace(pairs: WordElements<T>, index: number): void {
    const { values } = pairs;
    const { low, high } = values;
    let isStored = false;
    try {
      this.enter('set');
      let isWhole = false;
      try {
        const place = this.checkedPlace(index);
        const at = pairs.wordOf(place);
        this.low = pairs.wordAt(at);
        this.high = pairs.wordAt(at + 1);
        this.store(VectorWord.SET_LOW, low);
        this.store(VectorWord.SET_HIGH, high);
        // Commits: from here on whoever comes after a death does the rest.
        this.store(VectorWord.X_SETTING, place + 1);
        isStored = true;
        this.finishSetting(pairs);
        isWhole = true;
      } finally {
        this.lock.leave(isWhole);
      }
    } finally {
      if (!isStored) values.undo(low, high);
    }
    values.free(this.low, this.high);
  }

  private finishSetting(pairs: WordElements<T>): void {
    const odd = this.load(VectorWord.X_VERSION) | 1;
    this.store(VectorWord.X_VERSION, odd);
    const place = this.load(VectorWord.X_SETTING) - 1;
    pairs.overwrite(place, this.load(VectorWord.SET_LOW), this.load(VectorWord.SET_HIGH));
    this.store(VectorWord.X_VERSION, odd + 1);
    this.store(VectorWord.X_SETTING, 0);
  }

  private isOwning(): boolean {
    const { pairs } = this;
    return pairs !== undefined && pairs.values.isOwning;
  }

  /**
   * Takes elements off until there are no more than `length`. What owns something is taken off one by one and freed, and other workers may
   * come in between; the rest goes at once.
   */
  truncate(length: number): void {
    const { pairs } = this;
    if (pairs !== undefined && pairs.values.isOwning) {
      while (this.drop('truncate', length)) pairs.values.free(this.low, this.high);
      return;
    }
    this.enter('truncate');
    let isWhole = false;
    try {
      if (length < this.load(VectorWord.X_LENGTH)) this.shorten(length);
      isWhole = true;
    } finally {
      this.lock.leave(isWhole);
    }
  }

  /** Takes all elements off, as `truncate(0)` does. */
  clear(): void {
    this.truncate(0);
  }

  /**
   * The elements as typed arrays, in their order, without copying: of the first chunk, the second one, and so on, up to the
   * length at this moment. They stay where they are until the vector is disposed of. Throws ERR_COLLECTION_ARGUMENT unless the
   * vector was made with the constructor of a typed array.
   */
  parts(): A[] {
    const { elements } = this;
    if (!(elements instanceof TypedElements))
      throw badArgument(
        'parts',
        `elements of a vector of ${elements.text} are no typed arrays; make it with Float64Array or its like`,
        { address: this.address },
      );
    const length = this.load(VectorWord.X_LENGTH);
    const parts: A[] = [];
    for (let chunk = 0; this.chunks.firstOf(chunk) < length; chunk++) {
      const array = elements.arrayOf(chunk) as Float64Array<SharedArrayBuffer>;
      parts.push(array.subarray(0, length - this.chunks.firstOf(chunk)) as A);
    }
    return parts;
  }

  /** Index and element, as the iterator goes. */
  *entries(): Generator<[index: number, value: T]> {
    for (let index = 0; ; index++) {
      const value = this.at(index);
      if (value === undefined) return;
      yield [index, value];
    }
  }

  /** From the first element to the last, each as it is when its turn comes: also those that were pushed meanwhile. */
  *[Symbol.iterator](): Generator<T> {
    for (let index = 0; ; index++) {
      const value = this.at(index);
      if (value === undefined) return;
      yield value;
    }
  }

  /** Calls a function with each element, as the iterator goes. No lock is held meanwhile. */
  forEach(visit: (value: T, index: number) => void): void {
    for (const [index, value] of this.entries()) visit(value, index);
  }

  /** @internal */
  protected override repair(): void {
    const { pairs } = this;
    if (pairs === undefined) return;
    if (this.load(VectorWord.X_SETTING) !== 0) this.finishSetting(pairs);
    this.unstage();
    // Who died may have taken an element off and not said so.
    this.raise();
  }

  /** Frees what a pushMany has allocated for elements that were not added after all. */
  private unstage(): void {
    const { pairs } = this;
    if (pairs === undefined) return;
    const length = this.load(VectorWord.X_LENGTH);
    for (let end = this.load(VectorWord.STAGED); end > length; end--) {
      const at = pairs.wordOf(end - 1);
      // First, so that nobody does it again.
      this.store(VectorWord.STAGED, end - 1);
      pairs.values.undo(pairs.wordAt(at), pairs.wordAt(at + 1));
    }
    this.store(VectorWord.STAGED, 0);
  }

  /** @internal */
  protected override freeContents(): void {
    const { pairs } = this;
    if (pairs !== undefined && pairs.values.isOwning) {
      const length = this.load(VectorWord.X_LENGTH);
      for (let index = 0; index < length; index++) {
        const at = pairs.wordOf(index);
        pairs.values.free(pairs.wordAt(at), pairs.wordAt(at + 1));
      }
    }
    this.chunks.free();
  }
}

/** Where an index points to, -1 if nowhere. */
function placeOf(index: number, length: number): number {
  const whole = Math.trunc(index);
  const place = whole < 0 ? whole + length : whole;
  return place >= 0 && place < length ? place : -1;
}
