import * as atomics from '#atomics';
import { HeapError, type Heap } from '../index.js';
import { wrongArgument } from './errors.js';

/**
 * Whoever sleeps looks again after so long, whether it was woken or not. A wake-up comes at once; this is for the deaths,
 * which wake nobody: of a holder, and of a worker that was woken and died before it could take what it was woken for.
 */
export const LOOK_EVERY_MS = 50;

/**
 * Calls that change a collection wait so long for its lock, which others hold for microseconds: who holds it longer is stopped,
 * or died and this thread has to go back to its event loop in order to learn of it.
 */
export const PATIENCE_MS = 5000;

/** Times that somebody is woken and finds that another one was faster, before what it waits for is left to it. */
export const LOSSES_MOST = 4;

/** Looks at a lock that is held before its would-be holder sleeps: about as long as a short critical section takes. */
export const SPINS = 60;

/** How long to wait. */
export interface TimeLimit {
  /** Milliseconds until ERR_SYNC_TIMEOUT; 0 looks once. For ever if not given. */
  readonly timeoutMs?: number;
}

/** How long to wait without blocking the thread, and what ends it before. */
export interface AsyncLimit extends TimeLimit {
  /** When it is aborted the call rejects with its reason. */
  readonly signal?: AbortSignal;
}

/**
 * One wait for one thing. `attempt` is made again and again, with sleep in between, until it succeeds; the blocking and the
 * async calls differ only in how they sleep.
 */
export abstract class Waiter {
  /** Where to sleep, and the value that the word had: set by an attempt that failed. */
  declare word: number;
  declare value: number;
  /** How often it has slept. */
  declare wakes: number;
  /** How long it may sleep at a time. */
  declare napMs: number;

  constructor() {
    this.word = 0;
    this.value = 0;
    this.wakes = 0;
    this.napMs = LOOK_EVERY_MS;
  }

  abstract attempt(): boolean;

  /**
   * Ends the wait; nothing may remain of it. A wake-up that was meant for this waiter goes to another. Returns true if it
   * got what it waited for at the last moment.
   */
  abstract giveUp(): boolean;

  /** A wake-up came for a sleep that had been broken off: somebody else needs it. */
  abstract passOn(): void;
}

export const now = (): number => performance.now();

let isBlockingAllowed: boolean | undefined;

/** The main thread of a browser may not block: a wait that ends at once says whether this thread may. */
function tryToBlock(): boolean {
  try {
    atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0);
    return true;
  } catch {
    return false;
  }
}

/** Whether this thread may block. */
export function mayBlock(): boolean {
  return (isBlockingAllowed ??= tryToBlock());
}

/** Throws ERR_SYNC_MAY_NOT_BLOCK where the thread may not, even if this call would not have to: better always than now and then. */
export function checkMayBlock(call: string, instead: string): void {
  if (mayBlock()) return;
  throw new HeapError('ERR_SYNC_MAY_NOT_BLOCK', `${call}: this thread may not block; use ${instead} here`, { instead });
}

/** Throws ERR_SYNC_ARGUMENT for what is no time. */
export function checkTimeout(call: string, timeoutMs: unknown): void {
  if (timeoutMs === undefined || (typeof timeoutMs === 'number' && timeoutMs >= 0)) return;
  const given = typeof timeoutMs === 'number' ? timeoutMs : `a ${typeof timeoutMs}`;
  throw wrongArgument(call, `timeoutMs is ${given}; it must be a number of milliseconds from 0 on`, { timeoutMs });
}

/** Blocks the thread until the waiter succeeds; false if the time is over. */
export function block(heap: Heap, waiter: Waiter, timeoutMs = Infinity): boolean {
  const deadline = now() + timeoutMs;
  for (;;) {
    if (waiter.attempt()) return true;
    const leftMs = deadline - now();
    if (leftMs <= 0) return waiter.giveUp();
    atomics.wait(heap.i32, waiter.word, waiter.value, Math.min(leftMs, waiter.napMs));
    waiter.wakes++;
  }
}
