import * as atomics from '#atomics';
import { type Heap } from '../index.js';
import { now, type AsyncLimit, type Waiter } from './wait.js';

/** Where the engine can't wake a promise the word is looked at again and again: after 1 ms at first, then less often. */
const POLL_FIRST_MS = 1;
const POLL_LAST_MS = 16;

/**
 * Sleeps without blocking the thread, until the word changes, the time is over or the signal is aborted. The timer is
 * needed even where the engine has `waitAsync`: without it a thread of Node or Deno that only waits would end.
 */
function sleep(heap: Heap, waiter: Waiter, milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const waiting = atomics.waitAsync(heap.i32, waiter.word, waiter.value, milliseconds);
    const pollMs = Math.min(POLL_FIRST_MS << Math.min(waiter.wakes, 8), POLL_LAST_MS);
    let isOver = false;
    const end = (): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, waiting === undefined ? Math.min(milliseconds, pollMs) : milliseconds);
    signal?.addEventListener('abort', end, { once: true });
    if (typeof waiting === 'string') end();
    // A sleep can't be taken back: it may be woken when nobody waits for it any more. Who has left the heap can't pass on.
    else waiting?.then((outcome) => (isOver && outcome === 'ok' ? waiter.passOn() : end())).catch(() => {});
  });
}

/** Waits without blocking the thread; false if the time is over. Rejects with the signal's reason when that is aborted. */
export async function later(
  heap: Heap,
  waiter: Waiter,
  { timeoutMs = Infinity, signal }: AsyncLimit,
): Promise<boolean> {
  signal?.throwIfAborted();
  const deadline = now() + timeoutMs;
  for (;;) {
    if (waiter.attempt()) return true;
    const leftMs = deadline - now();
    if (leftMs <= 0) return waiter.giveUp();
    await sleep(heap, waiter, Math.min(leftMs, waiter.napMs), signal);
    waiter.wakes++;
    if (signal?.aborted !== true) continue;
    if (waiter.giveUp()) return true;
    throw signal.reason;
  }
}
