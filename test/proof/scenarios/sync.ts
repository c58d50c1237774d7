import type { Steps } from '../machine/builds.js';
import type { Play } from '../machine/play.js';
import { stepsOf } from '../machine/stage.js';
import { onSyncStage, type SyncActor, type SyncPlot, type SyncStage } from '../machine/sync-stage.js';
import { type Made, shared, type Mutex, stepping, times, expectEqual, expectData, unlock } from './sync-cast.js';
import { mutexes, readWriteLocks } from './sync-locks.js';

interface Queue {
  readonly mutex: Mutex;
  readonly condition: Made<'Condition'>;
}

const queues = (stage: SyncStage): Queue[] => {
  const [mutexesOf, conditions] = [shared(stage, 'Mutex'), shared(stage, 'Condition')];
  return stage.actors.map((_, i) => ({ mutex: mutexesOf[i], condition: conditions[i] }));
};

/** Puts one thing into a queue of two words: how many are in it, and how many were taken out. */
function* produce(actor: SyncActor, { mutex, condition }: Queue, tell: 'notifyOne' | 'notifyAll'): Steps<void> {
  const { guard } = yield* actor.taking(stepsOf(mutex.lock()));
  yield* actor.raise(0);
  yield* unlock(guard);
  yield* stepping(() => condition[tell]());
}

/** Takes one thing out; waits until there is one. */
function* consume(actor: SyncActor, { mutex, condition }: Queue): Steps<void> {
  const { guard } = yield* actor.taking(stepsOf(mutex.lock()));
  for (;;) {
    const left = yield* actor.read(0);
    if (left > 0) {
      yield* actor.write(0, left - 1);
      break;
    }
    // A death while it waits leaves the guard with it: what it looks at is two words, each right by itself.
    yield* actor.unless(['ERR_SYNC_OWNER_DIED'], stepsOf(condition.wait(guard)));
  }
  yield* actor.raise(1);
  yield* unlock(guard);
}

const conditions: readonly SyncPlot<any>[] = [
  {
    name: 'condition-with-two-consumers',
    about: 'two workers wait for something of which a third makes two, telling one waiter each time',
    setup: queues,
    mortals: [0, 1],
    scripts: [
      consume,
      consume,
      function* (actor, queue) {
        yield* produce(actor, queue, 'notifyOne');
        yield* produce(actor, queue, 'notifyOne');
      },
    ],
    verdict: (stage) => expectData(stage, 2, 1),
  },
  {
    name: 'condition-with-two-producers',
    about: 'one worker waits for two things that two others make and announce to all',
    setup: queues,
    mortals: [0],
    scripts: [
      function* (actor, queue) {
        yield* consume(actor, queue);
        yield* consume(actor, queue);
      },
      (actor, queue) => produce(actor, queue, 'notifyAll'),
      (actor, queue) => produce(actor, queue, 'notifyAll'),
    ],
    verdict: (stage) => expectData(stage, 2, 1),
  },
  {
    name: 'condition-with-a-time-limit',
    about: 'of two that wait one may give up at any moment: the notification reaches the other',
    setup: queues,
    mortals: [0],
    scripts: [
      function* (actor, { mutex, condition }) {
        const { guard } = yield* actor.taking(stepsOf(mutex.lock()));
        yield* actor.unless(['ERR_SYNC_OWNER_DIED'], stepsOf(condition.wait(guard, { timeoutMs: 5 })));
        const left = yield* actor.read(0);
        if (left > 0) {
          yield* actor.write(0, left - 1);
          yield* actor.raise(1);
        }
        // Whoever leaves with a notification that it did not use tells another.
        else yield* stepping(() => condition.notifyOne());
        yield* unlock(guard);
      },
      consume,
      function* (actor, queue) {
        yield* produce(actor, queue, 'notifyOne');
        yield* produce(actor, queue, 'notifyOne');
      },
    ],
  },
];

type Semaphore = Made<'Semaphore'>;

function* permitted(actor: SyncActor, semaphore: Semaphore): Steps<void> {
  const permit = yield* stepsOf(semaphore.acquire());
  yield* actor.inside(true);
  yield* unlock(permit);
}

/** Acquires and keeps. */
function* permitless(_: SyncActor, semaphore: Semaphore): Steps<void> {
  yield* stepsOf(semaphore.acquire());
}

const others: readonly SyncPlot<any>[] = [
  {
    name: 'semaphore-with-one-permit',
    about: 'three workers share one permit',
    setup: (stage) => shared(stage, 'Semaphore', 1),
    mortals: [],
    scripts: times(3, permitted),
    verdict(stage, all) {
      expectData(stage, 3);
      if (stage.machine.crashed.size === 0) expectEqual('permits', all[0].permits, 1);
    },
  },
  {
    name: 'semaphore-released-by-another',
    about: 'two workers wait for permits that a third one releases, two at once and then one, and takes one back',
    setup: (stage) => shared(stage, 'Semaphore', 0),
    mortals: [0, 1],
    scripts: [
      (_, semaphore) => stepsOf(semaphore.acquire()),
      (_, semaphore) => stepsOf(semaphore.acquire()),
      function* (_, semaphore) {
        yield* stepping(() => semaphore.release(2));
        yield* stepsOf(semaphore.tryAcquire());
        yield* stepping(() => semaphore.release());
      },
    ],
  },
  {
    name: 'semaphore-owed-with-more-permits',
    about:
      'permits come two at once while three wait, of whom one was overtaken and is owed the next: none stays behind',
    setup: (stage) => shared(stage, 'Semaphore', 1),
    mortals: [],
    scripts: [
      permitless,
      permitless,
      function* (_, semaphore) {
        const permit = yield* stepsOf(semaphore.tryAcquire());
        if (permit !== undefined) yield* stepping(() => semaphore.release());
        yield* stepping(() => semaphore.release(2));
      },
      permitless,
    ],
  },
  {
    name: 'semaphore-woken-but-gone',
    about: 'a worker is woken for a permit and leaves without looking',
    setup: (stage) => shared(stage, 'Semaphore', 1),
    mortals: [],
    scripts: [
      permitted,
      function* (actor, semaphore) {
        const waiter = new actor.stage.modules.PermitWaiter(semaphore);
        if (yield* stepsOf(waiter.attempt())) {
          yield* stepping(() => semaphore.release());
          return;
        }
        yield* actor.stage.modules.wait(actor.heap.i32, waiter.word, waiter.value, Infinity);
        yield* stepping(() => waiter.giveUp());
      },
      permitted,
    ],
    verdict: (stage) => expectData(stage, 2),
  },
  {
    name: 'barrier-twice',
    about: 'three workers meet twice: what each did before is seen by the others after',
    setup: (stage) => shared(stage, 'Barrier', 3),
    mortals: [],
    scripts: [0, 1, 2].map(
      (word) =>
        function* (actor: SyncActor, barrier: Made<'Barrier'>) {
          for (let round = 1; round <= 2; round++) {
            yield* actor.raise(word);
            if (yield* stepsOf(barrier.wait())) actor.notes.push('last');
            for (const other of [0, 1, 2]) expectEqual(`word ${other}`, yield* actor.read(other), round);
            if (round === 1) yield* stepsOf(barrier.wait());
          }
        },
    ),
    verdict: (stage) => {
      if (stage.machine.crashed.size === 0)
        expectEqual('those that were last', stage.actors.flatMap(({ notes }) => notes).length, 2);
    },
  },
  {
    name: 'barrier-with-a-time-limit',
    about: 'a party may give up at any moment: either all pass, or the others are told that the barrier is broken',
    setup: (stage) => shared(stage, 'Barrier', 2),
    mortals: [],
    scripts: [{ timeoutMs: 5 }, {}].map(
      (limit) =>
        function* (actor: SyncActor, barrier: Made<'Barrier'>) {
          const codes = ['ERR_SYNC_TIMEOUT', 'ERR_SYNC_BROKEN'];
          if ((yield* actor.unless(codes, stepsOf(barrier.wait(limit)))) !== undefined) actor.notes.push('passed');
        },
    ),
    verdict: (stage) => {
      const passed = stage.actors.filter(({ notes }) => notes.includes('passed')).length;
      if (passed === 1 && stage.machine.crashed.size === 0) throw new Error('one passed without the other');
    },
  },
  {
    name: 'once-by-three',
    about: 'three workers run a function: one does, also if one dies that did, and all see what it did',
    setup: (stage) => shared(stage, 'Once'),
    scripts: times(3, function* (actor: SyncActor, once: Made<'Once'>) {
      // What it is given to run doesn't step: it is done in one instant, somewhere between the claim and the end.
      const first = ({ diedBefore }: { readonly diedBefore: number }): number => {
        actor.notes.push(diedBefore === 0 ? 'first' : 'after a death');
        actor.raiseNow();
        return 77;
      };
      expectEqual('the value', yield* stepsOf(once.run(first)), 77);
      if ((yield* actor.read()) < 1) throw new Error('what the function did is not seen');
    }),
    verdict: (stage) => {
      const runs = stage.actors.flatMap(({ notes }) => notes);
      const firsts = runs.filter((note) => note === 'first').length;
      if (firsts > 1 || (stage.machine.crashed.size === 0 && runs.length !== 1))
        throw new Error(`the function was run ${runs.length} times, ${firsts} times as the first`);
      expectData(stage, 1);
    },
  },
  {
    name: 'latch-by-two',
    about: 'two workers count down and a third waits: it sees what both did',
    setup: (stage) => shared(stage, 'Latch', 2),
    mortals: [2],
    scripts: [
      function* (actor, latch) {
        yield* actor.raise(0);
        yield* stepping(() => latch.countDown());
      },
      function* (actor, latch) {
        yield* actor.raise(1);
        yield* stepping(() => latch.countDown());
      },
      function* (actor, latch) {
        yield* stepping(() => latch.wait());
        expectEqual('what was done before', (yield* actor.read(0)) + (yield* actor.read(1)), 2);
      },
    ],
  },
];

/** Everything in the room `sync`. */
export const syncScenarios: readonly Play[] = [...mutexes, ...readWriteLocks, ...conditions, ...others].map(
  onSyncStage,
);
