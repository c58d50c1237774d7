import type { Steps } from '../machine/builds.js';
import { stepsOf } from '../machine/stage.js';
import { type SyncActor, type SyncPlot } from '../machine/sync-stage.js';
import { type Made, shared, type Mutex, stepping, times, expectData, unlock, locked, expectFree } from './sync-cast.js';

/** One mutex within another. */
function* nested(actor: SyncActor, first: Mutex, second: Mutex): Steps<void> {
  const outer = yield* actor.taking(stepsOf(first.lock()));
  const inner = yield* actor.taking(stepsOf(second.lock()));
  yield* unlock(inner.guard);
  yield* unlock(outer.guard);
}

export const mutexes: readonly SyncPlot<any>[] = [
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

export const readWriteLocks: readonly SyncPlot<any>[] = [
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
