/**
 * The words of every record in this room, the one place that says what they mean; the first word of each is RecordWord of the
 * room `waiting`. Words named `X_` are touched by several workers, only through `#atomics`; the others are written before the
 * kind is, and only read from then on, unless said.
 */

export const enum MutexWord {
  /** HolderBits. Everything that a holder did is published to the next one by the release here and the take here. */
  X_STATE = 1,
  /** Who died inside last. Written by whoever took over, or found it. */
  X_LOST = 2,
  /** Address of the board on which waiting workers enter themselves; 0 for none. */
  BOARD = 3,
  WORDS = 4,
}

export const enum SpinWord {
  /** HolderBits, without WAITERS and OWED: nobody is woken. */
  X_STATE = 1,
  /** Who died inside last. */
  X_LOST = 2,
  WORDS = 4,
}

export const enum RwLockWord {
  /** HolderBits of the writer: from the moment it keeps new readers out, before those inside have left. */
  X_STATE = 1,
  /** Which writer died inside last. */
  X_LOST = 2,
  /** Number of cells. */
  CELLS = 3,
  /**
   * Bit 0: somebody waits for a reader to leave, a writer or a reader without a cell. Above it, how often such were told.
   * Written by those and by readers that leave.
   */
  X_LEFT = 4,
  /** Not 0: there may be cells marked WANTS. Written by readers after they have marked theirs, reset by the writer that looks. */
  X_WANTS = 5,
  /** Cells up to which there may be readers: raised by a reader before it takes a cell beyond, so writers look no further. */
  X_HIGH = 6,
  /** The first cell; CellBits. Each is taken by one reader at a time. */
  X_CELLS = 7,
}

export const enum CellBits {
  /** Worker id of the reader, 0 if the cell is free. */
  ID = 0x1fffffff,
  /** The reader waits for the writer; without it, it is inside. Taken off by the reader, or by a writer that leaves. */
  WANTS = 1 << 29,
  /** The reader is to look again. Set by a writer that has left. */
  NUDGED = 1 << 30,
}

export const enum ConditionWord {
  /** Notifications so far, modulo 2^32. Written by notifiers; who waits sleeps as long as it is what it was. */
  X_SEQUENCE = 1,
  WORDS = 2,
}

export const enum SemaphoreWord {
  /** SemaphoreBits. */
  X_STATE = 1,
  WORDS = 2,
}

export const enum SemaphoreBits {
  /** Permits that are there. */
  COUNT = 0x3fffffff,
  /** Somebody has been overtaken too often: permits are for those that have slept. */
  OWED = 1 << 30,
}

export const enum BarrierWord {
  /** BarrierBits. One word, so that the last arrival and the next phase are one instant. */
  X_STATE = 1,
  PARTIES = 2,
  WORDS = 4,
}

export const enum BarrierBits {
  /** Parties that have arrived in this phase. */
  ARRIVED = 0xfff,
  /** Above it, to bit 30: phases that are over, modulo 2^19. */
  PHASE_SHIFT = 12,
  PHASE_MASK = 0x7ffff,
  /** Somebody who had arrived gave up, or a party was said not to come. For ever. */
  BROKEN = 1 << 31,
}

export const enum OnceWord {
  /** OnceBits. */
  X_STATE = 1,
  /** What the function returned. Written by the worker that runs it, and published by DONE. */
  VALUE = 2,
  WORDS = 4,
}

export const enum OnceBits {
  /** Worker that runs the function; 0 if nobody does. */
  ID = 0x1fffffff,
  /** As in HolderBits. */
  WAITERS = 1 << 29,
  /** The function has returned. */
  DONE = 1 << 30,
}

export const enum LatchWord {
  /** Counts that are still to come. */
  X_COUNT = 1,
  WORDS = 2,
}

export const enum BoardWord {
  /** Entry of the worker with these low ten bits of its id: address of the mutex for which it is blocked, 0 if for none. */
  X_ENTRIES = 1,
  ENTRIES = 1024,
  WORDS = 1025,
}
