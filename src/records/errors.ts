import { HeapError } from '../index.js';
import { KIND_NAMES, type Kind } from './layout.js';

/**
 * ERR_SYNC_OWNER_DIED: whoever held the lock before died inside, so what it guards may be half changed. **The caller holds the
 * lock now**, by `guard`: bring what it guards in order, say so with `guard.repaired()`, and unlock. Unlocked without that, the
 * next locker gets the same error.
 */
export class OwnerDiedError<Held> extends HeapError {
  /** What the call would have returned. */
  declare readonly guard: Held;
  /** Worker id of the one that died. */
  declare readonly workerId: number;

  constructor(call: string, address: number, workerId: number, guard: Held) {
    super(
      'ERR_SYNC_OWNER_DIED',
      `${call}: worker ${workerId} died while it held the lock at ${address}, so what the lock guards may be half changed. It is held by this worker now, see error.guard: repair, call guard.repaired(), unlock`,
      { address, workerId },
    );
    // Not to be printed with every error.
    Object.defineProperty(this, 'guard', { value: guard });
  }
}

export function wrongArgument(call: string, what: string, details: Readonly<Record<string, unknown>>): HeapError {
  return new HeapError('ERR_SYNC_ARGUMENT', `${call}: ${what}`, details);
}

export function wrongKind(wanted: Kind, address: number, found: number): HeapError {
  const there = (KIND_NAMES as Readonly<Record<number, string | undefined>>)[found];
  const what = there === undefined ? 'nothing of the kind, or no longer' : `a ${there}`;
  return new HeapError(
    'ERR_HEAP_KIND',
    `${KIND_NAMES[wanted]}.at(${address}): at this address lies ${what}; pass the address of a ${KIND_NAMES[wanted]} that has not been disposed of`,
    { address },
  );
}

export function timedOut(call: string, address: number, timeoutMs: number | undefined): HeapError {
  return new HeapError('ERR_SYNC_TIMEOUT', `${call}: not within ${timeoutMs} ms, at ${address}`, {
    address,
    timeoutMs,
  });
}

export function deadlock(call: string, address: number, why: string, details = {}): HeapError {
  return new HeapError('ERR_SYNC_DEADLOCK', `${call} at ${address} would wait for ever: ${why}`, {
    address,
    ...details,
  });
}

/** For what is released by somebody that doesn't hold it (any more). */
export function notHolder(call: string, address: number): HeapError {
  return new HeapError(
    'ERR_SYNC_NOT_HOLDER',
    `${call}: the lock at ${address} is not held by this guard: it was unlocked before, or another worker took over because this one was declared dead`,
    { address },
  );
}
