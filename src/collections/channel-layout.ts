/** Words of a channel. Those of senders and those of receivers are apart, so that neither writes into the cache lines of the other. */
export const enum ChannelWord {
  /* CollectionWord; its lock is that of the senders. */
  /** 1 once it is closed. Stored by a sender's lock's holder, so what is sent by then is all there will be. */
  X_CLOSED = 4,
  /** Most values in it at a time. */
  LIMIT = 5,
  /** Address of the cells: RingWord. Stored under both locks, so whoever has either may read it. */
  RING = 6,
  /** First node of those that wait for several channels. Senders' lock. */
  SELECTORS = 7,
  /** How many values were put in, ever, modulo 2^32: the store that commits them. */
  X_TAIL = 8,
  /** What the senders know of X_HEAD. Senders' lock. */
  HEAD_SEEN = 9,
  /** 1 if receivers may be asleep on this word. */
  X_RECEIVERS = 10,
  /** HolderBits of the receivers' lock, and who died inside last. */
  X_RECEIVE_LOCK = 16,
  X_RECEIVE_LOST = 17,
  /** How many values were taken out, ever, modulo 2^32: the store that commits it. */
  X_HEAD = 18,
  /** What the receivers know of X_TAIL. Receivers' lock. */
  TAIL_SEEN = 19,
  /** 1 if senders may be asleep on this word. */
  X_SENDERS = 20,
  WORDS = 32,
}

/** The block that holds the values: value number n lies in cell n modulo their number, a power of two. */
export const enum RingWord {
  CELLS = 0,
  /** Two words each. */
  FIRST_CELL = 2,
}

/** The block of a wait for several channels. Whoever is killed leaves it to be rung for ever, so nobody else frees it. */
export const enum SelectWord {
  /** Where to sleep: 0, and 1 once a channel has something. */
  X_BELL = 0,
  /** Who sleeps there. */
  WORKER = 1,
  /** A node for each channel. */
  FIRST_NODE = 2,
}

/** Links such a block into the list of one channel. Under the senders' lock of that channel. */
export const enum NodeWord {
  NEXT = 0,
  /** Address of the block. */
  BLOCK = 1,
  WORDS = 2,
}
