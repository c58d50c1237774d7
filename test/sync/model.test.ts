import fc from 'fast-check';
import { Latch, Mutex, RwLock, Semaphore } from 'sabmalloc/sync';
import { expect, it } from 'vitest';
import { BUDGET } from '../kit/budget.js';
import { heapsOfTest } from '../kit/heaps.js';
import { runs } from '../kit/random.js';

const create = heapsOfTest();

interface Held {
  unlock(): void;
}

/** What one thread has taken, beside what it may take next: everything here is said by counting. */
class Model {
  mutex: Held[] = [];
  readers: Held[] = [];
  writers: Held[] = [];
  permits: Held[] = [];
  extra = 0;
  count = 5;
}

const LISTS = ['mutex', 'readers', 'writers', 'permits'] as const;
const READERS = 3;
const PERMITS = 2;

const step = fc.oneof(
  fc.record({ take: fc.constantFrom(...LISTS), isAsync: fc.boolean() }),
  fc.record({ leave: fc.constantFrom(...LISTS), which: fc.nat(5) }),
  fc.record({ release: fc.integer({ min: 1, max: 2 }) }),
  fc.record({ countDown: fc.integer({ min: 1, max: 2 }) }),
);

it('what is taken and left in one thread, in any order, is what a count of it says', async () => {
  const heap = create();
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const model = new Model();
      const [mutex, lock] = [Mutex.create(heap), RwLock.create(heap, { readers: READERS })];
      const [semaphore, latch] = [Semaphore.create(heap, PERMITS), Latch.create(heap, model.count)];
      const isFree = {
        mutex: () => model.mutex.length === 0,
        readers: () => model.writers.length === 0 && model.readers.length < READERS,
        writers: () => model.writers.length + model.readers.length === 0,
        permits: () => model.permits.length < PERMITS + model.extra,
      };
      const tries = {
        mutex: () => mutex.tryLock(),
        readers: () => lock.tryRead(),
        writers: () => lock.tryWrite(),
        permits: () => semaphore.tryAcquire(),
      };
      const limit = { timeoutMs: 0 };
      const waits = {
        mutex: () => mutex.lockAsync(limit),
        readers: () => lock.readAsync(limit),
        writers: () => lock.writeAsync(limit),
        permits: () => semaphore.acquireAsync(limit),
      };
      for (const one of steps) {
        if ('take' in one) {
          const { take, isAsync } = one;
          const taken: Held | undefined = isAsync ? await waits[take]().catch(() => undefined) : tries[take]();
          expect(taken !== undefined).toBe(isFree[take]());
          if (taken !== undefined) model[take].push(taken);
        } else if ('leave' in one) {
          const list = model[one.leave];
          list.splice(one.which % Math.max(1, list.length), 1)[0]?.unlock();
        } else if ('release' in one) {
          semaphore.release(one.release);
          model.extra += one.release;
        } else if (one.countDown <= model.count) {
          latch.countDown(one.countDown);
          model.count -= one.countDown;
        }
        expect([semaphore.permits, latch.count]).toEqual([PERMITS + model.extra - model.permits.length, model.count]);
      }
      for (const list of LISTS) for (const held of model[list]) held.unlock();
      for (const object of [mutex, lock, semaphore, latch]) object.dispose();
      expect(heap.stats().liveBlocks).toBe(0);
    }),
    runs(BUDGET.modelRuns),
  );
});
