import { type Heap } from '../index.js';
import { Kind, publishRecord } from '../records/index.js';
import { badArgument, bothOf, checkOptions } from './arguments.js';
import { checkKeyed, Keyed, makeKeyed, newSeed, stripesLog2 } from './keyed.js';
import { StripeWord } from './map-layout.js';
import { Only, Stripe, type Witness } from './stripe.js';
import type { ValueType } from './values.js';

export interface HashMapOptions {
  /** Parts that are locked and grow by themselves, a power of two up to 256; 16 if not given. Take some times as many as there are writers. */
  readonly stripes?: number;
  /** Entries to make room for at once. The map grows by itself beyond them. */
  readonly capacity?: number;
  /** Key of the hash, two integers: for runs that are to be repeated. At random if not given. */
  readonly seed?: readonly [number, number];
}

/**
 * A map for all threads: keys that are texts or numbers, values of any type. Readers take no lock and see each change whole; writers lock
 * one of many stripes. A worker that is killed in any of its calls leaves the map intact: what it was about to do is done or not.
 *
 * Owns its values: what is replaced, removed or in it when it is disposed of is freed. Texts and bytes are handed out as copies; handles and
 * structs are lent, see `hold` and `take`.
 */
export class HashMap<K extends string | number, V> extends Keyed<K, V, Stripe> {
  /** Throws ERR_COLLECTION_ARGUMENT, ERR_COLLECTION_TYPE for keys that are neither texts nor numbers, ERR_HEAP_OUT_OF_MEMORY. */
  static create<K extends string | number, V>(
    heap: Heap,
    keyType: ValueType<K>,
    valueType: ValueType<V>,
    options: HashMapOptions = {},
  ): HashMap<K, V> {
    checkOptions('HashMap.create', options, ['stripes', 'capacity', 'seed']);
    const { stripes = 16, capacity = 0, seed } = options;
    const log2 = stripesLog2('HashMap.create', stripes);
    if (!Number.isInteger(capacity) || capacity < 0)
      throw badArgument('HashMap.create', `a capacity of ${String(capacity)}; it is a number of entries`, { capacity });
    const types = bothOf('HashMap.create', heap, keyType, valueType);
    const address = makeKeyed(heap, log2, StripeWord.WORDS, seed ?? newSeed(), ...types);
    publishRecord(heap, address, Kind.HASH_MAP);
    const map = new HashMap<K, V>(heap, address, true, keyType, valueType, StripeWord.WORDS, Stripe);
    try {
      if (capacity > 0) for (const stripe of map.stripes) stripe.makeRoomFor(Math.ceil(capacity / stripes));
    } catch (error) {
      map.dispose();
      throw error;
    }
    return map;
  }

  /** Opens the map at an address. Throws ERR_HEAP_KIND if there is none, ERR_HEAP_DEFINITION if its keys or values are others. */
  static at<K extends string | number, V>(
    heap: Heap,
    address: number,
    keyType: ValueType<K>,
    valueType: ValueType<V>,
  ): HashMap<K, V> {
    checkKeyed(heap, address, Kind.HASH_MAP, StripeWord.WORDS, ...bothOf('HashMap.at', heap, keyType, valueType));
    return new HashMap<K, V>(heap, address, false, keyType, valueType, StripeWord.WORDS, Stripe);
  }

  /** @internal */
  get kind(): Kind {
    return Kind.HASH_MAP;
  }

  /** The value under a key, or undefined. A text or bytes are a copy; a handle or a struct is lent: see to it that nobody removes it meanwhile. */
  override get(key: K): V | undefined {
    const stripe = this.stripeOf(key);
    return this.find(stripe, true) ? this.valueIn(stripe) : undefined;
  }

  /** Whether there is a value under a key. */
  has(key: K): boolean {
    return this.find(this.stripeOf(key), false);
  }

  /**
   * Puts a value under a key; the value that was there is freed. Throws ERR_HEAP_VALUE, ERR_HEAP_OUT_OF_MEMORY, ERR_SYNC_TIMEOUT
   * if another worker sits in the stripe for seconds, and then all is as it was.
   */
  set(key: K, value: V): this {
    const values = this.valueType;
    const stripe = this.stripeOf(key);
    values.encode(value);
    this.putNew(stripe, values.low, values.high, Only.ALWAYS);
    return this;
  }

  /** Stores words that were just encoded. What `set` is refused with an error stays the caller's; what was made within a call nobody else knows. */
  private putNew(stripe: Stripe, low: number, high: number, only: Only): boolean {
    let isRefused = true;
    try {
      const isPut = this.putWords(stripe, low, high, only);
      isRefused = false;
      return isPut;
    } finally {
      if (isRefused && !stripe.isCommitted) {
        if (only === Only.ALWAYS) this.valueType.undo(low, high);
        else this.valueType.free(low, high);
      }
    }
  }

  /** Removes a key and returns its value, which is the caller's from now on; undefined if it was not there. */
  take(key: K): V | undefined {
    const stripe = this.stripeOf(key);
    if (!stripe.remove(this.keyType, Only.ALWAYS, false)) return undefined;
    this.keyType.free(stripe.keyLow);
    return this.valueType.take(stripe.low, stripe.high);
  }

  /**
   * Adds to the number under a key, which counts as 0 if there is none, and returns the sum: as one step, whoever else does the same. Throws
   * ERR_COLLECTION_TYPE where the values are not numbers.
   */
  add(this: HashMap<K, number>, key: K, amount: number): number {
    this.checkValues('add', 'numbers');
    const stripe = this.stripeOf(key);
    return stripe.add(this.keyType, this.valueType, amount);
  }

  /**
   * The value under a key; if there is none, what `make` returns is put there. No lock is held meanwhile, so several workers may make one at
   * once: the first is kept and the others freed, as one is for which there is no room. Throws as `set` does.
   */
  getOrInsert(key: K, make: (key: K) => V): V {
    for (;;) {
      const stripe = this.stripeOf(key);
      if (this.find(stripe, true)) return this.valueIn(stripe);
      const value = make(key);
      // It may have used the map itself.
      this.stripeOf(key);
      this.valueType.encode(value);
      if (this.putNew(stripe, this.valueType.low, this.valueType.high, Only.IF_ABSENT)) return value;
    }
  }

  /**
   * Puts what `successor` makes of a value in its place, as one step: if somebody else was there first, `successor` is called again with the new
   * value. It is given undefined where there is none, and removes the key by returning undefined. No lock is held meanwhile.
   * What it returns is the map's, also if it comes too late or finds no room: then it is freed.
   */
  update(key: K, successor: (value: V | undefined, key: K) => V | undefined): V | undefined {
    const values = this.valueType;
    for (;;) {
      const stripe = this.stripeOf(key);
      const isFound = this.find(stripe, true);
      const before = stripe.witness();
      const value = successor(isFound ? this.valueIn(stripe) : undefined, key);
      this.stripeOf(key);
      if (value === undefined) {
        if (this.removeIfSame(stripe, before, isFound)) return undefined;
        continue;
      }
      values.encode(value);
      const { low, high } = values;
      if (isFound && !values.isBlock && before.low === low && before.high === high) return value;
      stripe.recall(before);
      if (this.putNew(stripe, low, high, Only.IF_SAME)) return value;
    }
  }

  private removeIfSame(stripe: Stripe, before: Witness, isFound: boolean): boolean {
    stripe.recall(before);
    if (!isFound) return true;
    if (!stripe.remove(this.keyType, Only.IF_SAME, this.byVersion)) return false;
    this.freeRemoved(stripe);
    return true;
  }
}
