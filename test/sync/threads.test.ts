import { type Heap } from 'sabmalloc';
import { Barrier, Condition, Latch, Mutex, Once, OwnerDiedError, RwLock, Semaphore, SpinLock } from 'sabmalloc/sync';
import { describe, expect, it } from 'vitest';
import { BUDGET, longTest } from '../kit/budget.js';
import { heapsOfTest } from '../kit/heaps.js';
import { seeded } from '../kit/random.js';
import { pause, refusedThere, type TestWorker, until, workersOfTest } from '../kit/workers.js';

const create = heapsOfTest();
const workers = workersOfTest();

type Without = 'wait' | 'waitAsync';

function start(heap: Heap, without?: Without): TestWorker {
  const worker = workers.start('sync', { token: heap.token, without });
  heap.watch(worker.worker);
  return worker;
}

/** Index of four words: two that a lock guards, how often they were repaired, and one to look at. */
const dataOf = (heap: Heap): number => heap.calloc(64) / 4;

const LOCKS = { Mutex, SpinLock } as const;
const CALLS: Record<keyof typeof LOCKS | 'RwLock', readonly [string, string]> = {
  Mutex: ['lock', 'lockAsync'],
  SpinLock: ['lock', 'lockAsync'],
  RwLock: ['write', 'writeAsync'],
};
const KINDS = ['Mutex', 'SpinLock', 'RwLock'] as const;
const make = (heap: Heap, kind: (typeof KINDS)[number]): { address: number } =>
  kind === 'RwLock' ? RwLock.create(heap) : LOCKS[kind].create(heap);

describe.each(KINDS)('a %s', (kind) => {
  const [blocking, later] = CALLS[kind];

  it('lets one worker in at a time, whether they block or not, with and without waitAsync', async () => {
    const heap = create();
    const { address } = make(heap, kind);
    const data = dataOf(heap);
    const rounds = BUDGET.syncRounds;
    await Promise.all([
      start(heap).call('rounds', kind, address, blocking, rounds, data),
      start(heap).call('rounds', kind, address, later, rounds / 20, data),
      start(heap, 'waitAsync').call('rounds', kind, address, later, rounds / 20, data),
      start(heap, 'wait').call('rounds', kind, address, later, rounds / 20, data),
    ]);
    expect([...heap.i32.subarray(data, data + 3)]).toEqual([rounds * 1.15, rounds * 1.15, 0]);
  });

  it('is handed on with an error when its holder is killed, to one that waits and to one that comes', async () => {
    const heap = create();
    const { address } = make(heap, kind);
    const holder = start(heap);
    const id = await holder.call<number>('workerId');
    await holder.call('call', kind, address, blocking);
    const waiting = refusedThere('ERR_SYNC_OWNER_DIED', start(heap).call('call', kind, address, blocking));
    await pause(20);
    await holder.kill();
    expect((await waiting).message).toContain(`worker ${id} died`);
  });

  it('outlives workers that are killed while they hold it', { timeout: longTest(60_000) }, async () => {
    await seeded(async (random) => {
      const heap = create();
      const { address } = make(heap, kind);
      const data = dataOf(heap);
      const survivor = start(heap);
      const work = survivor.call('rounds', kind, address, blocking, BUDGET.syncRounds, data);
      for (let i = 0; i < BUDGET.syncKills; i++) {
        const victim = start(heap);
        await victim.call('forever', kind, address, blocking, data);
        await pause(random.int(0, 12));
        await victim.kill();
      }
      await work;
      // Nobody is left but this thread: it is refused nothing, and finds the words equal or is told.
      const last = start(heap);
      await last.call('rounds', kind, address, later, 1, data);
      expect(heap.i32[data]).toBe(heap.i32[data + 1]);
    })();
  });
});

describe('a Mutex', () => {
  it('is not lost when a waiter is aborted, whatever it was just woken for', async () => {
    const heap = create();
    const mutex = Mutex.create(heap);
    const two = [start(heap), start(heap, 'waitAsync')];
    for (let round = 0; round < BUDGET.syncAborts; round++) {
      const guard = await mutex.lockAsync({ timeoutMs: 20_000 });
      const both = Promise.all(two.map((worker) => worker.call<string>('abort', mutex.address, 1 + (round % 3))));
      await pause(round % 4);
      guard.unlock();
      for (const outcome of await both) expect(outcome).toMatch(/^(locked|TimeoutError)$/);
    }
    mutex.lock({ timeoutMs: 0 }).unlock();
  });

  it('keeps a thread alive that waits for it and does nothing else', async () => {
    const heap = create();
    const mutex = Mutex.create(heap);
    const guard = mutex.lock();
    const worker = start(heap);
    const locked = worker.call('call', 'Mutex', mutex.address, 'lockAsync');
    await worker.call('listenNoMore');
    await pause(120);
    guard.unlock();
    expect(await locked).toBe(0);
  });

  it('that a worker left the heap with is told like a death', async () => {
    const heap = create();
    const mutex = Mutex.create(heap);
    const worker = start(heap);
    await worker.call('call', 'Mutex', mutex.address, 'lock');
    expect(mutex.tryLock()).toBeUndefined();
    await worker.call('detach');
    expect(() => mutex.tryLock()).toThrow(OwnerDiedError);
  });

  it('whose holder died unnoticed is held until somebody says so', async () => {
    const heap = create();
    const mutex = Mutex.create(heap);
    const worker = workers.start('sync', { token: heap.token });
    const id = await worker.call<number>('workerId');
    await worker.call('call', 'Mutex', mutex.address, 'lock');
    await worker.kill();
    expect(heap.isAttached(id)).toBe(true);
    expect(mutex.tryLock()).toBeUndefined();
    heap.reclaim(id);
    expect(heap.isAttached(id)).toBe(false);
    expect(() => mutex.tryLock()).toThrow(OwnerDiedError);
  });
});

it('a thread that may not block is told which call to make, and only by calls that block', async () => {
  const heap = create();
  const browser = start(heap, 'wait');
  const blocked = (kind: string, object: { address: number }, call: string): Promise<Error> =>
    refusedThere('ERR_SYNC_MAY_NOT_BLOCK', browser.call('call', kind, object.address, call));
  const [mutex, lock, latch] = [Mutex.create(heap), RwLock.create(heap), Latch.create(heap, 0)];
  expect((await blocked('Mutex', mutex, 'lock')).message).toContain('lockAsync');
  expect((await blocked('RwLock', lock, 'read')).message).toContain('readAsync');
  expect((await blocked('RwLock', lock, 'write')).message).toContain('writeAsync');
  expect((await blocked('SpinLock', SpinLock.create(heap), 'lock')).message).toContain('lockAsync');
  expect((await blocked('Semaphore', Semaphore.create(heap, 1), 'acquire')).message).toContain('acquireAsync');
  expect((await blocked('Latch', latch, 'wait')).message).toContain('waitAsync');
  expect((await blocked('Barrier', Barrier.create(heap, 1), 'wait')).message).toContain('waitAsync');
  expect((await blocked('Once', Once.create(heap), 'run')).message).toContain('runAsync');
  await browser.call('call', 'Mutex', mutex.address, 'tryLock');
  await browser.call('call', 'Latch', latch.address, 'waitAsync');
});

it('readers of a RwLock never see a writer at work', async () => {
  const heap = create();
  const { address } = RwLock.create(heap, { readers: 2 });
  const data = dataOf(heap);
  const rounds = BUDGET.syncRounds;
  await Promise.all([
    start(heap).call('rounds', 'RwLock', address, 'write', rounds, data),
    ...[1, 2, 3].map(() => start(heap).call('readRounds', address, rounds, data)),
  ]);
  expect(heap.i32[data]).toBe(rounds);
});

it('a reader that is killed keeps nobody out', async () => {
  const heap = create();
  const lock = RwLock.create(heap, { readers: 1 });
  const reader = start(heap);
  await reader.call('call', 'RwLock', lock.address, 'read');
  expect(lock.tryWrite()).toBeUndefined();
  await reader.kill();
  (await lock.readAsync({ timeoutMs: 20_000 })).unlock();
  lock.write({ timeoutMs: 0 }).unlock();
});

it('what a Condition announces is taken out once, by whoever waits', async () => {
  const heap = create();
  const [mutex, condition, data] = [Mutex.create(heap), Condition.create(heap), heap.calloc(4096) / 4];
  const consumers = [0, 1, 2].map(() => start(heap).call<number>('consume', mutex.address, condition.address, data));
  let sum = 0;
  const put = async (value: number): Promise<void> => {
    for (;;) {
      const guard = await mutex.lockAsync();
      const isRoom = heap.i32[data] < 100;
      if (isRoom) heap.i32[data + ++heap.i32[data]] = value;
      guard.unlock();
      condition.notifyOne();
      if (isRoom) return;
    }
  };
  for (let value = 1; value <= BUDGET.syncRounds / 4; value++) {
    sum += value;
    await put(value);
  }
  await until(() => heap.i32[data] === 0, 'the stack to be empty');
  for (const _ of consumers) await put(0);
  expect((await Promise.all(consumers)).reduce((a, b) => a + b)).toBe(sum);
});

it('nobody passes a Barrier before all have come', async () => {
  const heap = create();
  const { address } = Barrier.create(heap, 3);
  const data = dataOf(heap);
  const meet = (self: number): Promise<number> =>
    start(heap).call<number>('meet', address, BUDGET.syncRounds / 10, data, 3, self);
  expect(await Promise.all([0, 1, 2].map(meet))).toEqual([0, 0, 0]);
});

it('the function of a Once is run once, or by the next one when its worker is killed in it', async () => {
  const heap = create();
  const once = Once.create(heap);
  const data = dataOf(heap);
  const victim = start(heap);
  const id = await victim.call<number>('workerId');
  const running = victim.call('onceAndDie', once.address).catch(String);
  await until(() => heap.i32[once.address / 4 + 1] !== 0, 'the function to run');
  const others = [start(heap), start(heap)];
  const values = Promise.all(others.map((worker, i) => worker.call('once', once.address, 40 + i, data)));
  await pause(10);
  await victim.kill();
  expect(await running).toMatch(/gone/);
  const [first, second] = (await values) as [number, number];
  expect([first, heap.i32[data]]).toEqual([second, 1]);
  expect(id).toBeGreaterThan(0);
  expect(once.run(() => 1)).toBe(first);
});

it('a Semaphore lets no more in than it has permits, and forgets none', async () => {
  const heap = create();
  const semaphore = Semaphore.create(heap, 2);
  const inside = dataOf(heap);
  const crowd = [0, 1, 2, 3].map(() =>
    start(heap).call<number>('crowd', semaphore.address, BUDGET.syncRounds / 4, inside),
  );
  expect(Math.max(...(await Promise.all(crowd)))).toBeLessThanOrEqual(2);
  expect([semaphore.permits, heap.i32[inside]]).toEqual([2, 0]);
});
