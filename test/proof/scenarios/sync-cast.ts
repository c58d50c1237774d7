import type { Steps, SyncModules } from '../machine/builds.js';
import { now, stepsOf } from '../machine/stage.js';
import type { SyncActor, SyncStage } from '../machine/sync-stage.js';

export type Made<Name extends keyof SyncModules> = SyncModules[Name] extends {
  create(...args: never[]): infer Instance;
}
  ? Instance
  : never;
type Named =
  'Barrier' | 'Condition' | 'DeadlockBoard' | 'Latch' | 'Mutex' | 'Once' | 'RwLock' | 'Semaphore' | 'SpinLock';

/** In setup: makes one and opens it for every thread. */
export function shared<Name extends Named>(stage: SyncStage, name: Name, ...args: unknown[]): Made<Name>[] {
  const type = stage.modules[name] as unknown as {
    create(heap: unknown, ...args: unknown[]): Made<Name> & { address: number };
    at(heap: unknown, address: number): Made<Name>;
  };
  const [first] = stage.actors;
  const { address } = now(stepsOf(type.create(first.heap, ...args)));
  return stage.actors.map(({ heap }) => now(stepsOf(type.at(heap, address))));
}

export type Mutex = Made<'Mutex'>;
export type Guard = ReturnType<Mutex['lock']>;

/** The steps of a call that returns nothing. */
export const stepping = (call: () => unknown): Steps<void> => call() as Steps<void>;

export const times = <T>(count: number, one: T): T[] => Array.from({ length: count }, () => one);

export function expectEqual(what: string, found: number, expected: number): void {
  if (found !== expected) throw new Error(`${what} is ${found}, not ${expected}`);
}

/** If nobody has died, all was done. */
export function expectData(stage: SyncStage, expected: number, word = 0): void {
  if (stage.machine.crashed.size === 0) expectEqual(`word ${word} of the data`, stage.data(word), expected);
}

export function* unlock(guard: { unlock(): void }): Steps<void> {
  yield* stepping(() => guard.unlock());
}

/** Under the lock; a holder's death is repaired. */
export function* locked(actor: SyncActor, mutex: { lock(): Guard }): Steps<void> {
  const { guard, isTold } = yield* actor.taking(stepsOf(mutex.lock()));
  yield* actor.inside(isTold);
  if (isTold) yield* stepping(() => guard.repaired());
  yield* unlock(guard);
}

/** At rest a lock is free, whoever died before; who takes it without a limit would be refused otherwise. */
export function expectFree(stage: SyncStage, mutexes: readonly { tryLock(): unknown }[]): void {
  const alive = stage.actors.find(({ thread }) => !stage.machine.crashed.has(thread));
  if (alive === undefined) return;
  stage.machine.current = alive.thread;
  try {
    if (now(stepsOf(mutexes[alive.thread].tryLock())) === undefined) throw new Error('the lock is not free at rest');
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_SYNC_OWNER_DIED') throw error;
  }
}
