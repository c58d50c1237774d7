import * as atomics from '#atomics';
import { type Heap } from '../index.js';
import { Barrier, checkParties } from './barrier.js';
import { Condition } from './condition.js';
import { checkCount, Latch } from './latch.js';
import {
  BarrierWord,
  ConditionWord,
  LatchWord,
  MutexWord,
  OnceWord,
  RwLockWord,
  SemaphoreWord,
  SpinWord,
} from './layout.js';
import { Mutex } from './mutex.js';
import { Once } from './once.js';
import { checkReaders, READERS_USUAL, RwLock, type RwLockOptions } from './rwlock.js';
import { checkPermits, Semaphore } from './semaphore.js';
import { SpinLock } from './spinlock.js';

/**
 * The type of a field of a struct that is a lock or the like, in the struct's own words: `struct('Account', { lock: mutex, balance: f64 })`. Of
 * the shape that `sabmalloc/structs` asks of the types of fields; this room knows nothing of structs.
 */
export interface SyncField<Value, Initial = never> {
  readonly text: string;
  readonly bytes: number;
  readonly alignment: 4;
  bind(binding: { readonly heap: Heap }): {
    readonly get: (at: number) => Value;
    readonly init?: (at: number, value: Initial) => void;
  };
}

function field<Value, Initial>(
  text: string,
  words: number,
  fieldAt: (heap: Heap, address: number) => Value,
  init?: (heap: Heap, address: number, value: Initial) => void,
): SyncField<Value, Initial> {
  return {
    text,
    bytes: words * 4,
    alignment: 4,
    bind: ({ heap }) => ({
      get: (at) => fieldAt(heap, at >>> 0),
      ...(init && { init: (at, value) => init(heap, at >>> 0, value) }),
    }),
  };
}

/** `account.lock.lock()`: a `Mutex`, free in a new struct. 16 bytes. */
export const mutex: SyncField<Mutex> = field('mutex', MutexWord.WORDS, (heap, at) => Mutex.within(heap, at));

/** A `SpinLock`, free in a new struct. 16 bytes. */
export const spinLock: SyncField<SpinLock> = field('spinLock', SpinWord.WORDS, (heap, at) => SpinLock.within(heap, at));

/** A `Condition`. 8 bytes. */
export const condition: SyncField<Condition> = field('condition', ConditionWord.WORDS, (heap, at) =>
  Condition.within(heap, at),
);

/** A `Once` whose function has not been run in a new struct. 16 bytes. */
export const once: SyncField<Once> = field('once', OnceWord.WORDS, (heap, at) => Once.within(heap, at));

/** A `Semaphore`; `create` may be given its permits, 0 if not. 8 bytes. */
export const semaphore: SyncField<Semaphore, number> = field(
  'semaphore',
  SemaphoreWord.WORDS,
  (heap, at) => Semaphore.within(heap, at),
  (heap, at, permits: number) => {
    checkPermits('semaphore', permits, 0);
    atomics.store(heap.i32, at / 4 + SemaphoreWord.X_STATE, permits);
  },
);

/** A `Latch`; `create` may be given its count, 0 if not: then it is open. 8 bytes. */
export const latch: SyncField<Latch, number> = field(
  'latch',
  LatchWord.WORDS,
  (heap, at) => Latch.within(heap, at),
  (heap, at, count: number) => {
    checkCount('latch', count, 0);
    atomics.store(heap.i32, at / 4 + LatchWord.X_COUNT, count);
  },
);

/** An `RwLock`, free in a new struct: 28 bytes, and 4 for each reader that there may be at a time. */
export function rwLock({ readers = READERS_USUAL }: RwLockOptions = {}): SyncField<RwLock> {
  checkReaders('rwLock', readers);
  return field(`rwLock(${readers})`, RwLockWord.X_CELLS + readers, (heap, at) => RwLock.within(heap, at, readers));
}

/** A `Barrier` of so many parties. 16 bytes. */
export function barrier(parties: number): SyncField<Barrier> {
  checkParties('barrier', parties);
  return field(`barrier(${parties})`, BarrierWord.WORDS, (heap, at) => Barrier.within(heap, at, parties));
}
