import type { Steps, SyncModules } from '../machine/builds.js';
import type { Play } from '../machine/play.js';
import { now, stepsOf } from '../machine/stage.js';
import { onSyncStage, type SyncActor, type SyncPlot, type SyncStage } from '../machine/sync-stage.js';

type Made<Name extends keyof SyncModules> = SyncModules[Name] extends { create(...args: never[]): infer Instance }
  ? Instance
  : never;
type Named =
  'Barrier' | 'Condition' | 'DeadlockBoard' | 'Latch' | 'Mutex' | 'Once' | 'RwLock' | 'Semaphore' | 'SpinLock';

/** In setup: makes one and opens it for every thread. */
function shared<Name extends Named>(stage: SyncStage, name: Name, ...args: unknown[]): Made<Name>[] {
  const type = stage.modules[name] as unknown as {
    create(heap: unknown, ...args: unknown[]): Made<Name> & { address: number };
    at(heap: unknown, address: number): Made<Name>;
  };
  const [first] = stage.actors;
  const { address } = now(stepsOf(type.create(first.heap, ...args)));
  return stage.actors.map(({ heap }) => now(stepsOf(type.at(heap, address))));
}

type Mutex = Made<'Mutex'>;
type Guard = ReturnType<Mutex['lock']>;

/** The steps of a call that returns nothing. */
const stepping = (call: () => unknown): Steps<void> => call() as Steps<void>;

const times = <T>(count: number, one: T): T[] => Array.from({ length: count }, () => one);

function expectEqual(what: string, found: number, expected: number): void {
  if (found !== expected) throw new Error(`${what} is ${found}, not ${expected}`);
}

/** If nobody has died, all was done. */
function expectData(stage: SyncStage, expected: number, word = 0): void {
  if (stage.machine.crashed.size === 0) expectEqual(`word ${word} of the data`, stage.data(word), expected);
}

function* unlock(guard: { unlock(): void }): Steps<void> {
  yield* stepping(() => guard.unlock());
}

/** Under the lock; a holder's death is repaired. */
function* locked(actor: SyncActor, mutex: { lock(): Guard }): Steps<void> {
  const { guard, isTold } = yield* actor.taking(stepsOf(mutex.lock()));
  yield* actor.inside(isTold);
  if (isTold) yield* stepping(() => guard.repaired());
  yield* unlock(guard);
}

/** At rest a lock is free, whoever died before; who takes it without a limit would be refused otherwise. */
function expectFree(stage: SyncStage, mutexes: readonly { tryLock(): unknown }[]): void {
  const alive = stage.actors.find(({ thread }) => !stage.machine.crashed.has(thread));
  if (alive === undefined) return;
  stage.machine.current = alive.thread;
  try {
    if (now(stepsOf(mutexes[alive.thread].tryLock())) === undefined) throw new Error('the lock is not free at rest');
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_SYNC_OWNER_DIED') throw error;
  }
}

/** One mutex within another. */
function* nested(actor: SyncActor, first: Mutex, second: Mutex): Steps<void> {
  const outer = yield* actor.taking(stepsOf(first.lock()));
  const inner = yield* actor.taking(stepsOf(second.lock()));
  yield* unlock(inner.guard);
  yield* unlock(outer.guard);
}

const mutexes: readonly SyncPlot<any>[] = [
  {
    name: 'mutex-by-three',
    about: 'three workers take a mutex and leave it; one that was overtaken once is owed the next turn',
    setup: (stage) => shared(stage, 'Mutex'),
    scripts: times(3, locked),
    verdict(stage, all) {
      expectData(stage, 3);
      expectFree(stage, all);
    },
  },
  {
    name: 'mutex-again-and-again',
    about: 'one worker takes a mutex three times in a row, another waits for it',
    setup: (stage) => shared(stage, 'Mutex'),
    scripts: [
      function* (actor, mutex) {
        for (let i = 0; i < 3; i++) yield* locked(actor, mutex);
      },
      locked,
    ],
    verdict: (stage) => expectData(stage, 4),
  },
  {
    name: 'mutex-with-a-time-limit',
    about: 'a worker whose time may be over at any moment waits between two that have all the time',
    setup: (stage) => shared(stage, 'Mutex'),
    scripts: [
      locked,
      function* (actor, mutex) {
        const taken = yield* actor.unless(['ERR_SYNC_TIMEOUT'], actor.taking(stepsOf(mutex.lock({ timeoutMs: 5 }))));
        if (taken === undefined) return;
        yield* actor.inside(taken.isTold);
        if (taken.isTold) yield* stepping(() => taken.guard.repaired());
        yield* unlock(taken.guard);
      },
      locked,
    ],
    verdict(stage, all) {
      expectData(stage, 3 - stage.actors[1].notes.length);
      expectFree(stage, all);
    },
  },
  {
    name: 'mutex-woken-but-gone',
    about: 'a worker is woken for the mutex and leaves without looking, as one whose signal is aborted does',
    setup: (stage) => shared(stage, 'Mutex'),
    scripts: [
      locked,
      function* (actor, mutex) {
        const waiter = new actor.stage.modules.HolderWaiter(mutex.holder, undefined);
        if (yield* stepsOf(waiter.attempt())) {
          yield* stepping(() => mutex.holder.release('unlock'));
          return;
        }
        yield* actor.stage.modules.wait(actor.heap.i32, waiter.word, waiter.value, Infinity);
        yield* stepping(() => waiter.giveUp());
      },
      locked,
      locked,
    ],
    verdict: (stage) => expectData(stage, 3),
  },
  {
    name: 'mutex-tried',
    about: 'a worker that never waits tries a mutex while another one waits for it',
    setup: (stage) => shared(stage, 'Mutex'),
    scripts: [
      function* (actor, mutex) {
        for (let i = 0; i < 2; i++) {
          const { guard, isTold } = yield* actor.taking(stepsOf(mutex.tryLock()));
          if (guard === undefined) continue;
          yield* actor.inside(isTold);
          yield* unlock(guard);
        }
      },
      locked,
      locked,
    ],
    verdict: expectFree,
  },
  {
    name: 'mutex-not-repaired',
    about: 'whoever is told of a death and does not repair passes the error on to the next one, until one repairs',
    setup: (stage) => shared(stage, 'Mutex'),
    scripts: [
      locked,
      function* (actor, mutex) {
        const { guard, isTold } = yield* actor.taking(stepsOf(mutex.lock()));
        yield* actor.inside(isTold);
        yield* unlock(guard);
        const next = yield* actor.taking(stepsOf(mutex.lock()));
        if (isTold && !next.isTold) throw new Error('the error was told once and not again');
        yield* stepping(() => next.guard.repaired());
        yield* unlock(next.guard);
        const last = yield* actor.taking(stepsOf(mutex.lock()));
        if (last.isTold && actor.stage.machine.crashed.size < 2 && isTold)
          throw new Error('the error was told again after the repair');
        yield* unlock(last.guard);
      },
    ],
  },
  {
    name: 'two-mutexes-in-a-circle',
    about:
      'two workers take two mutexes in opposite order: with a board, one of them at least is told instead of waiting for ever',
    setup(stage) {
      const board = shared(stage, 'DeadlockBoard')[0];
      const [a, b] = [shared(stage, 'Mutex', { board }), shared(stage, 'Mutex', { board })];
      return stage.actors.map((_, i) => (i === 0 ? [a[i], b[i]] : [b[i], a[i]]));
    },
    scripts: times(2, function* (actor: SyncActor, [first, second]: [Mutex, Mutex]) {
      const outer = yield* actor.taking(stepsOf(first.lock()));
      const inner = yield* actor.unless(['ERR_SYNC_DEADLOCK'], actor.taking(stepsOf(second.lock())));
      if (inner !== undefined) {
        yield* actor.inside(inner.isTold || outer.isTold);
        yield* unlock(inner.guard);
      }
      yield* unlock(outer.guard);
    }),
    // Who closes the circle at the same instant as the other is told too.
    verdict: (stage) => expectData(stage, 2 - stage.actors.flatMap(({ notes }) => notes).length),
  },
  {
    name: 'three-mutexes-in-a-circle',
    about: 'three workers each hold one mutex and want the next one: somebody is told',
    setup(stage) {
      const board = shared(stage, 'DeadlockBoard')[0];
      const all = times(3, 0).map(() => shared(stage, 'Mutex', { board }));
      return stage.actors.map((_, i) => [all[i][i], all[(i + 1) % 3][i]]);
    },
    scripts: times(3, function* (actor: SyncActor, [first, second]: [Mutex, Mutex]) {
      const outer = yield* actor.taking(stepsOf(first.lock()));
      const inner = yield* actor.unless(['ERR_SYNC_DEADLOCK'], actor.taking(stepsOf(second.lock())));
      if (inner !== undefined) yield* unlock(inner.guard);
      yield* unlock(outer.guard);
    }),
  },
  {
    name: 'mutexes-on-a-board-without-a-circle',
    about: 'a worker leaves one mutex and waits for another: what others saw of it before and after is no circle',
    setup(stage) {
      const board = shared(stage, 'DeadlockBoard')[0];
      const all = times(3, 0).map(() => shared(stage, 'Mutex', { board }));
      return stage.actors.map((_, i) => all.map((one) => one[i]));
    },
    scripts: [
      (actor, [a, b]) => nested(actor, a, b),
      (actor, [, b, c]) => nested(actor, b, c),
      function* (actor, [a, , c]) {
        for (const mutex of [c, a]) {
          const { guard } = yield* actor.taking(stepsOf(mutex.lock()));
          yield* unlock(guard);
        }
      },
    ],
  },
  {
    name: 'spin-lock-by-three',
    about: 'three workers take a spin lock, which wakes nobody',
    setup: (stage) => shared(stage, 'SpinLock'),
    scripts: times(3, locked),
    verdict(stage, all) {
      expectData(stage, 3);
      expectFree(stage, all);
    },
  },
];

type RwLock = Made<'RwLock'>;

function* writing(actor: SyncActor, lock: RwLock): Steps<void> {
  const { guard, isTold } = yield* actor.taking(stepsOf(lock.write()));
  yield* actor.inside(isTold);
  if (isTold) yield* stepping(() => guard.repaired());
  yield* unlock(guard);
}

function* reading(actor: SyncActor, lock: RwLock): Steps<void> {
  const { guard, isTold } = yield* actor.taking(stepsOf(lock.read()));
  yield* actor.inside(isTold, 'readers');
  yield* unlock(guard);
}

function rwLocks(name: string, about: string, readers: number, scripts: SyncPlot<RwLock>['scripts']): SyncPlot<RwLock> {
  return {
    name,
    about,
    setup: (stage) => shared(stage, 'RwLock', { readers }),
    scripts,
    verdict(stage, all) {
      expectData(stage, scripts.filter((script) => script === writing).length);
      expectFree(
        stage,
        all.map((lock) => ({ tryLock: () => lock.tryWrite() })),
      );
    },
  };
}

const readWriteLocks: readonly SyncPlot<any>[] = [
  rwLocks('readers-against-a-writer', 'two readers and a writer', 2, [reading, writing, reading]),
  rwLocks('writers-against-a-reader', 'two writers and a reader, which waits for one of them at most', 2, [
    writing,
    reading,
    writing,
  ]),
  rwLocks('readers-without-cells', 'three readers where there is a cell for one: they enter one after the other', 1, [
    reading,
    reading,
    reading,
  ]),
  rwLocks('writer-against-readers-without-cells', 'two readers and a writer where there is a cell for one reader', 1, [
    reading,
    writing,
    reading,
  ]),
  rwLocks(
    'read-and-write-with-time-limits',
    'a reader and a writer whose time may be over at any moment, and a writer',
    2,
    [
      function* (actor, lock) {
        const taken = yield* actor.unless(['ERR_SYNC_TIMEOUT'], actor.taking(stepsOf(lock.read({ timeoutMs: 5 }))));
        if (taken === undefined) return;
        yield* actor.inside(taken.isTold, 'readers');
        yield* unlock(taken.guard);
      },
      writing,
      function* (actor, lock) {
        const taken = yield* actor.unless(['ERR_SYNC_TIMEOUT'], actor.taking(stepsOf(lock.write({ timeoutMs: 5 }))));
        if (taken !== undefined) yield* unlock(taken.guard);
      },
    ],
  ),
];

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
