import { HeapError, type Heap, type Hold } from '../index.js';
import { SharedObject, Views, checkRecord, type Kind } from '../records/index.js';
import { badArgument, valuesOf } from './arguments.js';
import { BlockCopy } from './block-copy.js';
import { keysOf, type Keys } from './keys.js';
import { MapWord } from './map-layout.js';
import { checkCollection, makeCollection } from './record.js';
import { Only, type Stripe } from './stripe.js';
import type { Values, ValueType } from './values.js';

/** Readers that were overtaken by writers so often in a row take the lock. */
export const READ_TRIES = 64;

/** Stripes at most, as the exponent of a power of two. */
const STRIPES_MOST_LOG2 = 8;

/** How many stripes there are to be, as the exponent of a power of two. Throws ERR_COLLECTION_ARGUMENT. */
export function stripesLog2(call: string, stripes: number): number {
  const log2 = Math.log2(stripes);
  if (Number.isInteger(log2) && log2 >= 0 && log2 <= STRIPES_MOST_LOG2) return log2;
  const most = 2 ** STRIPES_MOST_LOG2;
  throw badArgument(call, `${stripes} stripes; there can be 1, 2, 4 and so on up to ${most}`, { stripes });
}

/** Key of the hash: nobody who sends keys is to know which of them collide. */
export const newSeed = (): readonly number[] => [...crypto.getRandomValues(new Int32Array(2))];

/** First word of the stripes in a record. */
const stripesAt = (address: number): number => ((address + MapWord.WORDS * 4 + 63) & ~63) >>> 2;

/** Words of a record. The stripes begin on a cache line, whatever the record begins on. */
const recordWords = (log2: number, stripeWords: number): number => MapWord.WORDS + 15 + (stripeWords << log2);

/** Allocates the record of a map or a cache. `publishRecord` makes it one. */
export function makeKeyed(
  heap: Heap,
  log2: number,
  stripeWords: number,
  seed: readonly number[],
  ...types: readonly { readonly text: string }[]
): number {
  const address = makeCollection(heap, recordWords(log2, stripeWords), ...types);
  const word = address / 4;
  const { i32 } = heap;
  i32[word + MapWord.STRIPES_LOG2] = log2;
  i32[word + MapWord.SEED_0] = seed[0];
  i32[word + MapWord.SEED_1] = seed[1];
  return address;
}

/** Throws ERR_HEAP_KIND and ERR_HEAP_DEFINITION where there is no such record. */
export function checkKeyed(
  heap: Heap,
  address: number,
  kind: Kind,
  stripeWords: number,
  ...types: readonly { readonly text: string }[]
): void {
  checkCollection(heap, address, kind, MapWord.WORDS, ...types);
  checkRecord(heap, address, kind, recordWords(heap.i32[address / 4 + MapWord.STRIPES_LOG2], stripeWords));
}

/** For workers that go through one map together: which of how many parts. Each entry is in one of them; they are about equal. */
export interface MapPart {
  /** From 0 on. */
  readonly index: number;
  /** More than there are stripes are of no use: the last ones are empty. */
  readonly of: number;
}

const WHOLE: MapPart = { index: 0, of: 1 };

/** What a map and a cache have in common: entries under keys, in stripes, and how they are read without a lock. */
export abstract class Keyed<K, V, S extends Stripe> extends SharedObject {
  protected readonly keyType: Keys<K>;
  protected readonly valueType: Values<V>;
  protected readonly stripes: S[] = [];
  protected readonly copier: BlockCopy;
  private readonly shift: number;

  protected constructor(
    heap: Heap,
    address: number,
    isMaker: boolean,
    keys: ValueType<K>,
    values: ValueType<V>,
    stripeWords: number,
    newStripe: new (heap: Heap, views: Views, word: number) => S,
  ) {
    super(heap, address, isMaker);
    const views = new Views(heap);
    views.cover(address + MapWord.WORDS * 4);
    const { i32 } = views;
    const word = address / 4;
    const log2 = i32[word + MapWord.STRIPES_LOG2];
    views.cover(address + recordWords(log2, stripeWords) * 4);
    this.keyType = keysOf(heap, keys, views, i32[word + MapWord.SEED_0], i32[word + MapWord.SEED_1]);
    this.valueType = valuesOf('values', heap, values);
    this.copier = new BlockCopy(views);
    this.shift = 32 - log2;
    for (let i = 0; i < 1 << log2; i++)
      this.stripes.push(new newStripe(heap, views, stripesAt(address) + i * stripeWords));
  }

  /** @internal */
  protected isInUse(): boolean {
    return this.stripes.some((stripe) => stripe.isHeld());
  }

  /** @internal */
  protected override freeContents(): void {
    this.clear();
    for (const stripe of this.stripes) stripe.dispose();
  }

  abstract get(key: K): V | undefined;

  /** Encodes the key, and says where it belongs. */
  protected stripeOf(key: K): S {
    this.keyType.encode(key);
    // A shift by 32 is one by 0.
    return this.stripes[this.shift === 32 ? 0 : this.keyType.hash >>> this.shift];
  }

  /**
   * Looks for the key that was encoded, without a lock unless it is overtaken again and again. True with `low` and `high` of the stripe, and
   * with a copy of what lies in a block if `isRead`.
   */
  protected find(stripe: S, isRead: boolean): boolean {
    for (let tries = 0; tries < READ_TRIES; tries++) {
      const isFound = stripe.look(this.keyType);
      // Nonsense is no address to copy from.
      if (isFound && isRead && this.valueType.isBlock && stripe.isStill()) this.copy(stripe);
      if (stripe.isStill()) return isFound;
    }
    stripe.enter('get');
    try {
      const isFound = stripe.look(this.keyType);
      if (isFound && isRead) this.copy(stripe);
      return isFound;
    } finally {
      stripe.leave(true);
    }
  }

  /** Copies the value in the words of the stripe. */
  protected copy(stripe: S): boolean {
    return !this.valueType.isBlock || this.copier.copy(stripe.low, stripe.high);
  }

  /** The value that was found or copied last. */
  protected valueIn(stripe: S): V {
    if (this.valueType.isBlock) return this.valueType.fromBytes(this.copier.bytes, stripe.high);
    return this.valueType.peek(stripe.low, stripe.high);
  }

  /** Whether words of values that are equal may be different values: whose address may have come again. */
  protected get byVersion(): boolean {
    return this.valueType.text !== 'numbers' && this.valueType.text !== 'handles';
  }

  /** Stores words that this call made. Whatever is refused, nothing of them remains; what they replace is freed. */
  protected putWords(stripe: S, low: number, high: number, only: Only): boolean {
    const isPut = stripe.putEntry(this.keyType, low, high, only, this.byVersion);
    if (!isPut) this.valueType.free(low, high);
    else if (stripe.isReplaced) this.valueType.free(stripe.low, stripe.high);
    return isPut;
  }

  /** Removes a key and frees its value. False if it was not there. */
  delete(key: K): boolean {
    const stripe = this.stripeOf(key);
    if (!stripe.remove(this.keyType, Only.ALWAYS, false)) return false;
    this.freeRemoved(stripe);
    return true;
  }

  /** Frees what a removed entry owned. */
  protected freeRemoved(stripe: S): void {
    this.keyType.free(stripe.keyLow);
    this.valueType.free(stripe.low, stripe.high);
  }

  /** Removes all entries, one after the other. What others put in meanwhile may stay. */
  clear(): void {
    for (const stripe of this.stripes)
      for (let index = 0; (index = stripe.removeNext(index)) >= 0;) this.freeRemoved(stripe);
  }

  /** Number of entries. While others put in and remove it is about right. */
  get size(): number {
    let size = 0;
    for (const stripe of this.stripes) size += stripe.count();
    return size;
  }

  /** The entries of one stripe. Starts again when they come to lie elsewhere. */
  private gather(stripe: S): [K, V][] {
    for (;;) {
      const { rebuilds, slots } = stripe;
      const entries: [K, V][] = [];
      for (let index = 0; index < slots && stripe.rebuilds === rebuilds; index++) {
        const entry = this.entryAt(stripe, index);
        if (entry !== undefined) entries.push(entry);
      }
      if (stripe.rebuilds === rebuilds) return entries;
    }
  }

  private entryAt(stripe: S, index: number): [K, V] | undefined {
    for (let tries = 0; tries < READ_TRIES; tries++) {
      const isThere = this.copyEntryAt(stripe, index);
      if (stripe.isStill()) return isThere ? [this.keyType.key(), this.valueIn(stripe)] : undefined;
    }
    stripe.enter('entries');
    try {
      return this.copyEntryAt(stripe, index) ? [this.keyType.key(), this.valueIn(stripe)] : undefined;
    } finally {
      stripe.leave(true);
    }
  }

  private copyEntryAt(stripe: S, index: number): boolean {
    if (!stripe.lookAt(index) || !stripe.isStill()) return false;
    if (!this.keyType.copy(stripe.keyLow, stripe.keyHigh)) return false;
    return this.copy(stripe);
  }

  /** The stripes of a part, each with its entries. */
  private *gathered({ index, of }: MapPart): Generator<[K, V][], void, undefined> {
    if (!Number.isInteger(index) || !Number.isInteger(of) || index < 0 || index >= of)
      throw badArgument('entries', `part ${index} of ${of}; parts are counted from 0 to one less than there are`, {
        index,
        of,
      });
    for (let i = index; i < this.stripes.length; i += of) yield this.gather(this.stripes[i]);
  }

  /**
   * All entries, or those of a part, in no order that means anything. Weakly consistent: what is there all the time comes exactly once, what
   * others put in or remove meanwhile comes or does not, and a key that is removed and put in again may come twice. Nothing is locked. Throws
   * ERR_COLLECTION_ARGUMENT for a part that makes no sense.
   */
  *entries(part: MapPart = WHOLE): Generator<[K, V], void, undefined> {
    for (const entries of this.gathered(part)) yield* entries;
  }

  /** The keys, as `entries`. */
  *keys(part: MapPart = WHOLE): Generator<K, void, undefined> {
    for (const entries of this.gathered(part)) for (const [key] of entries) yield key;
  }

  /** The values, as `entries`. */
  *values(part: MapPart = WHOLE): Generator<V, void, undefined> {
    for (const entries of this.gathered(part)) for (const [, value] of entries) yield value;
  }

  [Symbol.iterator](): Generator<[K, V], void, undefined> {
    return this.entries();
  }

  /** Calls a function for each entry, as `entries`. */
  forEach(call: (value: V, key: K) => void): void {
    for (const stripe of this.stripes) for (const [key, value] of this.gather(stripe)) call(value, key);
  }

  /** Where values are handles: retains the one under a key and opens it, whoever removes it meanwhile; undefined if there is none. */
  hold(this: Keyed<K, number, S>, key: K): Hold | undefined {
    this.checkValues('hold', 'handles');
    for (;;) {
      const handle = this.get(key);
      if (handle === undefined) return undefined;
      try {
        // No handle ever names a second object, so it is held, or was released meanwhile.
        return this.heap.hold(handle);
      } catch (error) {
        const stripe = this.stripeOf(key);
        if (this.find(stripe, false) && this.valueIn(stripe) === handle) throw error;
      }
    }
  }

  /** Throws ERR_COLLECTION_TYPE for a call that is for values of another type. */
  protected checkValues(call: string, wanted: string): void {
    const { text } = this.valueType;
    if (text === wanted) return;
    throw new HeapError(
      'ERR_COLLECTION_TYPE',
      `${call} is for values that are ${wanted}; the values here are ${text}`,
      {
        type: text,
      },
    );
  }
}
