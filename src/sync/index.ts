/**
 * `sabmalloc/sync`: what workers wait for each other with. Everything here lives in blocks of the heap, is opened in other
 * workers by its address, and has a form that blocks the thread and one that doesn't.
 */
export { Barrier } from './barrier.js';
export { DeadlockBoard } from './board.js';
export { Condition } from './condition.js';
export { barrier, condition, latch, mutex, once, rwLock, semaphore, spinLock, type SyncField } from './fields.js';
export { OwnerDiedError } from '../records/index.js';
export type { Guard } from './guard.js';
export { Latch } from './latch.js';
export { Mutex } from './mutex.js';
export type { MutexGuard, MutexOptions } from './mutex.js';
export { Once } from './once.js';
export type { FirstRun } from './once.js';
export { RwLock } from './rwlock.js';
export type { ReadGuard, RwLockOptions, WriteGuard } from './rwlock.js';
export { Semaphore } from './semaphore.js';
export type { Permit } from './semaphore.js';
export { SpinLock } from './spinlock.js';
export type { SpinGuard } from './spinlock.js';
export type { SharedObject } from '../records/index.js';
export type { AsyncLimit, TimeLimit } from '../records/index.js';
