import { HeapError, type Heap } from '../index.js';
import { Kind, publishRecord } from '../records/index.js';
import { badArgument, bothOf, checkOptions } from './arguments.js';
import { checkKeyed, Keyed, makeKeyed, newSeed, stripesLog2 } from './keyed.js';
import { LruStripeWord, MapWord } from './map-layout.js';
import { LruStripe, Stored } from './lru-stripe.js';
import { numbers, type ValueType } from './values.js';

export interface LruCacheOptions {
  /** Entries at most, shared out among the stripes. */
  readonly capacityEntries: number;
  /** Bytes at most of texts and byte strings, keys and values, shared out among the stripes. No limit if not given. */
  readonly capacityBytes?: number;
  /** Parts that are locked by themselves, a power of two up to 256. 1 if not given: what is evicted is the oldest of all, else of its part. */
  readonly stripes?: number;
  /** Milliseconds that an entry lives, by the system's clock. For ever if not given. */
  readonly maxAgeMs?: number;
  /** Key of the hash, two integers: for runs that are to be repeated. At random if not given. */
  readonly seed?: readonly [number, number];
}

/** What a cache has counted since it was made. */
export interface LruCacheCounts {
  readonly hits: number;
  readonly misses: number;
  readonly evictions: number;
}

/**
 * A cache for all threads: so many entries at most, and what was used longest ago makes room. `get` and `set` are uses and lock a stripe for
 * a moment; `peek` and `has` are none, and take no lock. A worker that is killed in any call leaves the cache intact, in order.
 *
 * Owns its values as a HashMap does. Values are numbers, texts, bytes or handles; structs are freed while others read them, so share them.
 */
export class LruCache<K extends string | number, V> extends Keyed<K, V, LruStripe> {
  /** Throws ERR_COLLECTION_ARGUMENT, ERR_COLLECTION_TYPE, ERR_HEAP_OUT_OF_MEMORY. */
  static create<K extends string | number, V>(
    heap: Heap,
    keyType: ValueType<K>,
    valueType: ValueType<V>,
    options: LruCacheOptions,
  ): LruCache<K, V> {
    checkOptions('LruCache.create', options, ['capacityEntries', 'capacityBytes', 'stripes', 'maxAgeMs', 'seed']);
    const { capacityEntries, capacityBytes, stripes = 1, maxAgeMs = 0, seed } = options;
    const log2 = stripesLog2('LruCache.create', stripes);
    const entries = perStripe('capacityEntries', capacityEntries, stripes);
    const bytes = capacityBytes === undefined ? 0 : perStripe('capacityBytes', capacityBytes, stripes);
    if (!(maxAgeMs >= 0 && maxAgeMs < Infinity))
      throw badArgument('LruCache.create', `maxAgeMs is ${maxAgeMs}; it is a number of milliseconds`, { maxAgeMs });
    const types = bothOf('LruCache.create', heap, keyType, valueType);
    checkType(types[1]);
    const address = makeKeyed(heap, log2, LruStripeWord.WORDS, seed ?? newSeed(), ...types);
    const word = address / 4;
    const age = numbers.in(heap);
    age.encode(maxAgeMs);
    const { i32 } = heap;
    i32[word + MapWord.STRIPE_ENTRIES] = entries;
    i32[word + MapWord.STRIPE_BYTES] = bytes;
    i32[word + MapWord.AGE_LOW] = age.low;
    i32[word + MapWord.AGE_HIGH] = age.high;
    publishRecord(heap, address, Kind.LRU);
    return LruCache.open<K, V>(heap, address, true, keyType, valueType);
  }

  /** Opens the cache at an address. Throws ERR_HEAP_KIND if there is none, ERR_HEAP_DEFINITION if its keys or values are others. */
  static at<K extends string | number, V>(
    heap: Heap,
    address: number,
    keyType: ValueType<K>,
    valueType: ValueType<V>,
  ): LruCache<K, V> {
    checkKeyed(heap, address, Kind.LRU, LruStripeWord.WORDS, ...bothOf('LruCache.at', heap, keyType, valueType));
    return LruCache.open<K, V>(heap, address, false, keyType, valueType);
  }

  private static open<K extends string | number, V>(
    heap: Heap,
    address: number,
    isMaker: boolean,
    keyType: ValueType<K>,
    valueType: ValueType<V>,
  ): LruCache<K, V> {
    const cache = new LruCache<K, V>(heap, address, isMaker, keyType, valueType, LruStripeWord.WORDS, LruStripe);
    const word = address / 4;
    const { i32 } = heap;
    const age = numbers.in(heap).peek(i32[word + MapWord.AGE_LOW], i32[word + MapWord.AGE_HIGH]);
    for (const stripe of cache.stripes) {
      stripe.entriesMost = i32[word + MapWord.STRIPE_ENTRIES];
      stripe.bytesMost = i32[word + MapWord.STRIPE_BYTES] >>> 0;
      stripe.ageMostMs = age;
      stripe.hasBytes = cache.valueType.isBlock;
      stripe.hasKeyBytes = cache.keyType.text === 'texts';
    }
    return cache;
  }

  /** @internal */
  get kind(): Kind {
    return Kind.LRU;
  }

  protected override stripeOf(key: K): LruStripe {
    const stripe = super.stripeOf(key);
    stripe.nowMs = stripe.ageMostMs > 0 ? Date.now() : 0;
    return stripe;
  }

  /** The value under a key, which is the one used last from now on; undefined if there is none. Counts as a hit or a miss. */
  override get(key: K): V | undefined {
    const stripe = this.stripeOf(key);
    if (stripe.use(this.keyType, this.copier)) return this.valueIn(stripe);
    if (stripe.hasRemoved) this.freeRemoved(stripe);
    return undefined;
  }

  /** The value under a key, without a use of it and without a lock. */
  peek(key: K): V | undefined {
    const stripe = this.stripeOf(key);
    return this.find(stripe, true) && !stripe.isOld() ? this.valueIn(stripe) : undefined;
  }

  /** Whether there is a value under a key, without a use of it and without a lock. */
  has(key: K): boolean {
    const stripe = this.stripeOf(key);
    return this.find(stripe, false) && !stripe.isOld();
  }

  /**
   * Puts a value under a key, which is the one used last from now on. What was used longest ago is evicted as far as there is no room, one
   * entry at a time. A value that is larger than its stripe may be is not kept, and freed. Throws as `HashMap.set`.
   */
  set(key: K, value: V): this {
    const values = this.valueType;
    const stripe = this.stripeOf(key);
    values.encode(value);
    const { low, high } = values;
    let isRefused = true;
    try {
      let stored = Stored.AGAIN;
      while (stored === Stored.AGAIN) {
        stored = stripe.keepEntry(this.keyType, low, high);
        if (stripe.hasRemoved) this.freeRemoved(stripe);
      }
      isRefused = false;
      if (stored === Stored.TOO_LARGE) values.free(low, high);
      else if (stripe.isReplaced) values.free(stripe.low, stripe.high);
    } finally {
      if (isRefused && !stripe.isCommitted) values.undo(low, high);
    }
    return this;
  }

  /** Hits and misses of `get`, and entries that made room for others. A worker that is killed may not have counted its last. */
  get counts(): LruCacheCounts {
    const sum = { hits: 0, misses: 0, evictions: 0 };
    for (const stripe of this.stripes) {
      sum.hits += stripe.counted(LruStripeWord.X_HITS);
      sum.misses += stripe.counted(LruStripeWord.X_MISSES);
      sum.evictions += stripe.counted(LruStripeWord.X_EVICTIONS);
    }
    return sum;
  }

  /** Bytes of the texts and byte strings in it, keys and values. */
  get bytes(): number {
    let bytes = 0;
    for (const stripe of this.stripes) bytes += stripe.bytes;
    return bytes;
  }
}

function perStripe(name: string, given: number, stripes: number): number {
  if (Number.isInteger(given) && given >= stripes && given <= 2 ** 31 - 1) return Math.floor(given / stripes);
  throw badArgument('LruCache.create', `${name} is ${String(given)}; it is from 1 for each stripe to ${2 ** 31 - 1}`, {
    [name]: given,
    stripes,
  });
}

/** Structs are lent by their address, and a cache frees them at any time. */
function checkType(type: { readonly text: string }): void {
  if (['numbers', 'handles', 'texts', 'bytes'].includes(type.text)) return;
  throw new HeapError(
    'ERR_COLLECTION_TYPE',
    `${type.text} can't be cached: it would be freed while others read it; share() it, and cache handles`,
    { type: type.text },
  );
}
