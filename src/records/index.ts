/** For the rooms above: what things that live in blocks of the heap are made of. */
export { OwnerDiedError, deadlock, notHolder, timedOut, wrongArgument, wrongKind } from './errors.js';
export { Holder, HolderWaiter } from './holder.js';
export { later } from './later.js';
export { HolderBits, KIND_NAMES, Kind, RecordWord } from './layout.js';
export { SharedObject, checkRecord, makeRecord, publishRecord } from './record.js';
export {
  LOSSES_MOST,
  LOOK_EVERY_MS,
  SPINS,
  Waiter,
  block,
  checkMayBlock,
  checkTimeout,
  mayBlock,
  now,
  PATIENCE_MS,
} from './wait.js';
export type { AsyncLimit, TimeLimit } from './wait.js';
export { ShortLock } from './short-lock.js';
export { Views } from './views.js';
