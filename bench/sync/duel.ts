import { type Heap } from 'sabmalloc';
import { Barrier, Mutex, RwLock, Semaphore, SpinLock } from 'sabmalloc/sync';

/** What two threads do with each other, by name. */
export const DUELS = [
  'mutex',
  'spin lock',
  'reader',
  'writer',
  'handed over, asleep',
  'handed over, spinning',
] as const;
export type Duel = (typeof DUELS)[number];

/** Addresses of what the two threads share. */
export interface Ground {
  readonly start: number;
  readonly mutex: number;
  readonly spin: number;
  readonly lock: number;
  /** One that each side waits for, in the order of the sides. */
  readonly turns: readonly [number, number];
  readonly word: number;
}

export function makeGround(heap: Heap): Ground {
  return {
    start: Barrier.create(heap, 2).address,
    mutex: Mutex.create(heap).address,
    spin: SpinLock.create(heap).address,
    lock: RwLock.create(heap).address,
    turns: [Semaphore.create(heap, 1).address, Semaphore.create(heap, 0).address],
    word: heap.calloc(64) / 4,
  };
}

type Round = () => void;

/** One turn of a side: for a hand-over from it to the other one, else a lock taken and left. */
function roundOf(duel: Duel, heap: Heap, ground: Ground, side: 0 | 1): Round {
  const { i32 } = heap;
  const raise = (lock: () => { unlock(): void }): Round => {
    return () => {
      const guard = lock();
      i32[ground.word]++;
      guard.unlock();
    };
  };
  const [mutex, spin, lock] = [
    Mutex.at(heap, ground.mutex),
    SpinLock.at(heap, ground.spin),
    RwLock.at(heap, ground.lock),
  ];
  const [mine, theirs] = [ground.turns[side], ground.turns[1 - side]].map((at) => Semaphore.at(heap, at));
  switch (duel) {
    case 'mutex':
      return raise(() => mutex.lock());
    case 'spin lock':
      return raise(() => spin.lock());
    case 'writer':
      return raise(() => lock.write());
    case 'reader':
      return () => lock.read().unlock();
    case 'handed over, asleep':
      return () => {
        mine.acquire();
        theirs.release();
      };
    case 'handed over, spinning':
      return () => {
        while (mine.tryAcquire() === undefined);
        theirs.release();
      };
  }
}

/** Plays one side; both begin at once. Nanoseconds until this side was done. */
export function play(duel: Duel, heap: Heap, ground: Ground, side: 0 | 1, rounds: number): number {
  const round = roundOf(duel, heap, ground, side);
  for (let i = 0; i < rounds / 10; i++) round();
  Barrier.at(heap, ground.start).wait();
  const began = process.hrtime.bigint();
  for (let i = 0; i < rounds; i++) round();
  return Number(process.hrtime.bigint() - began);
}
