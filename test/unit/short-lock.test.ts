import { describe, expect, it } from 'vitest';
import { Heap } from '../../src/index.js';
import { HolderBits, ShortLock } from '../../src/records/index.js';
import { Mutex, SpinLock } from '../../src/sync/index.js';

const STATE = 1;
const LOST = 2;

/** A lock, the word of it, and the ids of a worker that is gone and of one that is there. */
function scene() {
  const heap = Heap.create();
  const address = heap.calloc(64);
  const word = address / 4 + STATE;
  const dead = heap.reserve().workerId;
  heap.reclaim(dead);
  const hold = (by: number): number => Atomics.store(heap.i32, word, by);
  return { heap, lock: new ShortLock(heap, address, STATE, LOST), hold, word, dead, alive: heap.workerId };
}

describe('a short lock', () => {
  it('is taken from a dead holder, which the taker is told, and from no other', () => {
    const { lock, hold, dead, alive } = scene();
    expect([lock.isFree(), lock.isHeld()]).toEqual([true, false]);
    hold(alive);
    expect([lock.isFree(), lock.isHeld(), lock.tryTake()]).toEqual([false, true, undefined]);
    hold(dead);
    expect([lock.isFree(), lock.isHeld()]).toEqual([false, false]);
    expect(lock.take('test')).toBe(true);
    expect(lock.isHeld()).toBe(true);
    lock.leave(true);
    expect(lock.isFree()).toBe(true);
  });

  it('that is left with its work half done says so to the next, until one has put it right', () => {
    const { heap, lock, word } = scene();
    expect(lock.take('test')).toBe(false);
    lock.leave(false);
    expect([lock.isFree(), lock.isHeld()]).toEqual([false, false]);
    expect(lock.take('test')).toBe(true);
    lock.leave(false);
    expect(lock.take('test')).toBe(true);
    lock.leave(true);
    expect(Atomics.load(heap.i32, word) & HolderBits.BROKEN).toBe(0);
    expect(lock.take('test')).toBe(false);
  });
});

it.each([Mutex, SpinLock])('%o that a dead worker held can be disposed of', (type) => {
  const { heap, dead } = scene();
  const lock = type.create(heap);
  const before = heap.stats().liveBlocks;
  Atomics.store(heap.i32, lock.address / 4 + 1, dead);
  lock.dispose();
  expect(heap.stats().liveBlocks).toBe(before - 1);
});
