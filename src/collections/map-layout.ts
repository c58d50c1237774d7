import { CollectionWord } from './record.js';

/** Record of a map or a cache. Its stripes follow at the next multiple of 64 bytes. */
export const enum MapWord {
  /** Number of stripes, as the exponent of a power of two. */
  STRIPES_LOG2 = CollectionWord.FIRST_OF_ITS_OWN,
  /** Key of the hash. */
  SEED_0 = 5,
  SEED_1 = 6,
  /** Of a cache: entries and bytes that each stripe may hold, milliseconds that they live as a double; 0 for no limit. */
  STRIPE_ENTRIES = 7,
  STRIPE_BYTES = 8,
  AGE_LOW = 9,
  AGE_HIGH = 10,
  WORDS = 11,
}

/** A stripe: a lock, and the table of those entries whose hash begins with the number of the stripe. */
export const enum StripeWord {
  /** HolderBits of the lock of those that change the stripe. */
  X_LOCK = 0,
  X_LOST = 1,
  /** Raised before anything is overwritten or freed that a reader may still look at. */
  X_VERSION = 2,
  /** TableBits; 0 before the first entry. Its store is what commits a new table. */
  X_TABLE = 3,
  /** Raised after another table has been committed. */
  X_REBUILDS = 4,
  /** Entries. Derived, as is all that follows. */
  X_COUNT = 5,
  /** Slots of the table that are not EMPTY. */
  USED = 6,
  /** While a table is rebuilt: address of the new and of the old one. Who repairs frees the one that is not in X_TABLE. */
  NEW = 7,
  OLD = 8,
  WORDS = 16,
}

/** What the stripe of a cache has in addition. */
export const enum LruStripeWord {
  /** The slots used last and longest ago, as places in the table from 1 on; 0 where there is none. */
  FIRST = 9,
  LAST = 10,
  /** The stamp given last. */
  CLOCK = 11,
  /** Bytes of the texts and byte strings of all entries, keys included. */
  X_BYTES = 12,
  /** Counts of 64 bits, the lower word first. */
  X_HITS = 16,
  X_MISSES = 18,
  X_EVICTIONS = 20,
  WORDS = 32,
}

/** Where a table lies and how long it is, in one word: tables lie at multiples of 64 bytes. */
export const enum TableBits {
  /** Number of slots, as the exponent of a power of two. */
  LOG2 = 63,
  ADDRESS = ~63,
}

/** First word of a slot. Its store is what commits a change of an entry. */
export const enum MetaBits {
  /** Never used since the table was made: here every search ends. */
  EMPTY = 0,
  /** Lower bits of the hash. A rebuild needs no more of it. */
  HASH = (1 << 29) - 1,
  /** The value is in the second of the two places for it. */
  SECOND = 1 << 29,
  FULL = 1 << 30,
  /** The entry was removed: searches go on. */
  GONE = 1 << 31,
}

/** Words of a slot. */
export const enum SlotWord {
  X_META = 0,
  X_KEY_LOW = 1,
  X_KEY_HIGH = 2,
}

/** Of a map: the two places of the value, of two words each. 32 bytes. */
export const enum MapSlot {
  LOG2 = 3,
  PLACES = 3,
  PLACE_LOG2 = 1,
}

/** Of a cache: a place of the value also holds when it was put in, a double of milliseconds. 64 bytes. */
export const enum LruSlot {
  LOG2 = 4,
  /** When it was used last, in turns of the stripe; ascending from LAST to FIRST. The order of all entries is derived from it. */
  STAMP = 3,
  /** The slots used next before and after it. */
  NEWER = 4,
  OLDER = 5,
  PLACES = 6,
  PLACE_LOG2 = 2,
  BORN = 2,
}
