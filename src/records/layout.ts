/** What all records have in common: things that live in a block of the heap and are opened elsewhere by its address. */

/** First word of every record: what it is, as four letters. Stored last when the record is made; 0 once it is disposed of. */
export const enum Kind {
  MUTEX = 0x5854554d,
  RWLOCK = 0x4b4c5752,
  CONDITION = 0x444e4f43,
  SEMAPHORE = 0x414d4553,
  BARRIER = 0x52524142,
  ONCE = 0x45434e4f,
  SPINLOCK = 0x4e495053,
  LATCH = 0x4354414c,
  BOARD = 0x44524f42,
  CHANNEL = 0x4e414843,
  RING = 0x474e4952,
  VECTOR = 0x54434556,
  BYTE_STRING = 0x52545342,
  TEXTS = 0x54584554,
  HASH_MAP = 0x4850414d,
  LRU = 0x4355524c,
  PRIORITY_QUEUE = 0x55515250,
}

export const KIND_NAMES: Readonly<Record<Kind, string>> = {
  [Kind.MUTEX]: 'Mutex',
  [Kind.RWLOCK]: 'RwLock',
  [Kind.CONDITION]: 'Condition',
  [Kind.SEMAPHORE]: 'Semaphore',
  [Kind.BARRIER]: 'Barrier',
  [Kind.ONCE]: 'Once',
  [Kind.SPINLOCK]: 'SpinLock',
  [Kind.LATCH]: 'Latch',
  [Kind.BOARD]: 'DeadlockBoard',
  [Kind.CHANNEL]: 'Channel',
  [Kind.RING]: 'Ring',
  [Kind.VECTOR]: 'Vector',
  [Kind.BYTE_STRING]: 'ByteString',
  [Kind.TEXTS]: 'Texts',
  [Kind.HASH_MAP]: 'HashMap',
  [Kind.LRU]: 'LruCache',
  [Kind.PRIORITY_QUEUE]: 'PriorityQueue',
};

export const enum RecordWord {
  X_KIND = 0,
}

/**
 * A word that names its holder. One word and not two: a worker that is killed leaves a lock that is free or bears its name,
 * and nothing between.
 */
export const enum HolderBits {
  /** Worker id of the holder, 0 if free. */
  ID = 0x1fffffff,
  /** Somebody may be asleep: whoever releases the lock wakes one. Written by those about to sleep and those that slept. */
  WAITERS = 1 << 29,
  /**
   * Held: somebody has been overtaken too often, so the release is to leave the lock to those that have slept. Free: it is
   * left to them.
   */
  OWED = 1 << 30,
  /** A holder died inside, and nobody has said since that what the lock guards is in order. */
  BROKEN = 1 << 31,
}
