import { describe, expect, it } from 'vitest';
import {
  explore,
  exploreRandomly,
  replay,
  ScheduleError,
  STOPPED,
  type Scenario,
  type Thread,
} from '../../src/testing/explorer.js';

function scenario(threads: () => Thread[], finish: () => void = () => undefined, maxSteps?: number): Scenario {
  return { name: 'test', start: threads, finish, ...(maxSteps === undefined ? {} : { maxSteps }) };
}

/** Two threads that add 1 to a counter by a read, a point, and a write: the classic lost update. */
function lostUpdate(): Scenario {
  let counter = 0;
  function* add(): Thread & Generator {
    yield;
    const seen = counter;
    yield;
    counter = seen + 1;
  }
  return scenario(
    () => {
      counter = 0;
      return [add(), add()];
    },
    () => {
      if (counter !== 2) throw new Error(`the counter is ${counter}`);
    },
  );
}

function failureOf(run: () => unknown): ScheduleError {
  try {
    run();
  } catch (error) {
    if (error instanceof ScheduleError) return error;
    throw error;
  }
  throw new Error('nothing failed');
}

function* steps(count: number, act: () => void): Generator<undefined, void, undefined> {
  for (let i = 0; i < count; i++) {
    act();
    yield;
  }
}

describe('the schedule explorer', () => {
  it('runs every schedule of a bound, each once', () => {
    const seen = new Set<string>();
    let trace = '';
    const two = scenario(
      () => {
        trace = '';
        return ['a', 'b'].map((name) => steps(3, () => (trace += name)));
      },
      () => void seen.add(trace),
    );
    // Interleavings of 3 and 3: 20. A thread moves once more to end, so 8 choices bound what may be reached.
    const all = explore(two, { preemptions: 8 });
    expect(all.isComplete).toBe(true);
    expect(seen.size).toBe(20);
    seen.clear();
    expect(explore(two, { preemptions: 0 })).toMatchObject({ schedules: 2, isComplete: true });
    expect([...seen].toSorted()).toEqual(['aaabbb', 'bbbaaa']);
  });

  it('stays within its number of schedules and says that it did', () => {
    expect(
      explore(
        scenario(() => [steps(9, () => undefined), steps(9, () => undefined)]),
        { preemptions: 3, maxSchedules: 10 },
      ),
    ).toMatchObject({
      schedules: 10,
      isComplete: false,
    });
  });

  it('finds a lost update with one preemption, but not without', () => {
    expect(explore(lostUpdate(), { preemptions: 0 }).isComplete).toBe(true);
    const failure = failureOf(() => explore(lostUpdate(), { preemptions: 1 }));
    expect(failure.message).toContain('the counter is 1');
    expect(failure.message).toContain(`replay test/${failure.schedule}`);
  });

  it('finds it with random priorities as well, the same one for the same seed', () => {
    const find = (): string => failureOf(() => exploreRandomly(lostUpdate(), { schedules: 1000, seed: 7 })).schedule;
    expect(find()).toBe(find());
  });

  it('replays what it found, and only that fails', () => {
    const { schedule } = failureOf(() => explore(lostUpdate(), { preemptions: 1 }));
    expect(failureOf(() => replay(lostUpdate(), schedule)).schedule).toBe(schedule);
    expect(() => replay(lostUpdate(), 'a3b3')).not.toThrow();
    expect(() => replay(lostUpdate(), 'a3 b')).toThrow(/looks like a12b3/);
  });

  it('shrinks a failure to the switches that matter', () => {
    let isBroken = false;
    const noisy = scenario(
      () => {
        isBroken = false;
        let order = '';
        return [
          steps(30, () => (order += 'a')),
          steps(30, () => {
            order += 'b';
            isBroken ||= order.endsWith('aab') && order.includes('ba');
          }),
          steps(30, () => (order += 'c')),
        ];
      },
      () => {
        if (isBroken) throw new Error('broken');
      },
    );
    const { schedule } = failureOf(() => exploreRandomly(noisy, { schedules: 100_000, seed: 3, depth: 8 }));
    expect(schedule.match(/[a-z]/g)!.length).toBeLessThanOrEqual(5);
  });

  it('calls a thread that waits for another one for ever a failure', () => {
    function* wait(): Generator<undefined, void, undefined> {
      for (;;) yield;
    }
    expect(
      failureOf(() =>
        explore(
          scenario(() => [wait()], undefined, 50),
          { preemptions: 0 },
        ),
      ).message,
    ).toMatch(/no end after 50 steps/);
  });

  it('lets a thread wait for a condition, and finds those that wait for each other', () => {
    const locks = [false, false];
    function* take(first: number, second: number): Generator<unknown, void, undefined> {
      for (const lock of [first, second]) {
        yield () => !locks[lock];
        locks[lock] = true;
      }
      locks[first] = locks[second] = false;
    }
    const start = (orders: readonly [number, number][]) => () => {
      locks.fill(false);
      return orders.map(([first, second]) => take(first, second));
    };
    const failure = failureOf(() =>
      explore(
        scenario(
          start([
            [0, 1],
            [1, 0],
          ]),
        ),
        { preemptions: 2 },
      ),
    );
    expect(failure.message).toContain('threads a, b wait for each other');
    expect(
      explore(
        scenario(
          start([
            [0, 1],
            [0, 1],
          ]),
        ),
        { preemptions: 3 },
      ).isComplete,
    ).toBe(true);
  });

  it('never moves a thread again that was stopped', () => {
    let moves = 0;
    function* victim(): Generator<unknown, void, undefined> {
      moves = 1;
      yield STOPPED;
      moves = 2;
    }
    explore(
      scenario(() => [victim(), steps(3, () => undefined)]),
      { preemptions: 2 },
    );
    expect(moves).toBe(1);
  });
});
