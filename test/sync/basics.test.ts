import { type Heap } from 'sabmalloc';
import {
  Barrier,
  Condition,
  DeadlockBoard,
  Latch,
  Mutex,
  Once,
  OwnerDiedError,
  RwLock,
  Semaphore,
  SpinLock,
} from 'sabmalloc/sync';
import { describe, expect, it } from 'vitest';
import { refused } from '../kit/errors.js';
import { heapsOfTest } from '../kit/heaps.js';
import { workersOfTest } from '../kit/workers.js';

const create = heapsOfTest();
const workers = workersOfTest();

/** One of each. */
const ALL = {
  Barrier: (heap: Heap) => Barrier.create(heap, 2),
  Condition: (heap: Heap) => Condition.create(heap),
  DeadlockBoard: (heap: Heap) => DeadlockBoard.create(heap),
  Latch: (heap: Heap) => Latch.create(heap, 1),
  Mutex: (heap: Heap) => Mutex.create(heap),
  Once: (heap: Heap) => Once.create(heap),
  RwLock: (heap: Heap) => RwLock.create(heap),
  Semaphore: (heap: Heap) => Semaphore.create(heap, 1),
  SpinLock: (heap: Heap) => SpinLock.create(heap),
} as const;
const CLASSES = { Barrier, Condition, DeadlockBoard, Latch, Mutex, Once, RwLock, Semaphore, SpinLock } as const;
const NAMES = Object.keys(ALL) as (keyof typeof ALL)[];

async function rejected(code: string, promise: Promise<unknown>): Promise<void> {
  await expect(promise).rejects.toMatchObject({ code });
}

describe.each(NAMES)('a %s', (name) => {
  it('is opened where it lies, and nothing else is', () => {
    const heap = create();
    const made = ALL[name](heap);
    expect(CLASSES[name].at(heap, made.address).address).toBe(made.address);
    for (const other of NAMES) {
      if (other === name) continue;
      const { message } = refused('ERR_HEAP_KIND', () => CLASSES[other].at(heap, made.address));
      expect(message).toContain(`${other}.at(`);
      expect(message).toContain(`a ${name}`);
    }
    refused('ERR_HEAP_INVALID_ADDRESS', () => CLASSES[name].at(heap, made.address + 16));
    refused('ERR_HEAP_KIND', () => CLASSES[name].at(heap, heap.calloc(8192)));
    refused('ERR_HEAP_KIND', () => CLASSES[name].at(heap, heap.calloc(1)));
  });

  it('is freed by its maker, once, and by nobody else', () => {
    const heap = create();
    const before = heap.stats().liveBlocks;
    const made = ALL[name](heap);
    CLASSES[name].at(heap, made.address).dispose();
    expect(heap.stats().liveBlocks).toBe(before + 1);
    made.dispose();
    made.dispose();
    expect(heap.stats().liveBlocks).toBe(before);
  });

  it('refuses everything once its worker has left the heap', () => {
    const heap = create();
    const made = ALL[name](heap);
    heap.detach();
    refused('ERR_HEAP_DETACHED', () => CLASSES[name].at(heap, made.address));
    if (made instanceof Mutex || made instanceof SpinLock) refused('ERR_HEAP_DETACHED', () => made.lock());
    if (made instanceof RwLock) refused('ERR_HEAP_DETACHED', () => made.read());
  });
});

describe.each(['Mutex', 'SpinLock'] as const)('a %s in one thread', (name) => {
  it('is held by one guard at a time', () => {
    const lock = ALL[name](create());
    const guard = lock.lock();
    expect(lock.tryLock()).toBeUndefined();
    expect(refused('ERR_SYNC_DEADLOCK', () => lock.lock())).toMatchObject({ address: lock.address });
    refused('ERR_SYNC_BUSY', () => lock.dispose());
    guard.unlock();
    refused('ERR_SYNC_NOT_HOLDER', () => guard.unlock());
    guard[Symbol.dispose]();
    lock.tryLock()?.unlock();
    lock.dispose();
  });

  it('is waited for by other tasks of the thread that holds it', async () => {
    const lock = ALL[name](create());
    const order: number[] = [];
    const guard = lock.lock();
    const tasks = [1, 2, 3].map(async (task) => {
      const mine = await lock.lockAsync();
      order.push(task);
      mine.unlock();
    });
    await rejected('ERR_SYNC_TIMEOUT', lock.lockAsync({ timeoutMs: 5 }));
    expect(order).toEqual([]);
    guard.unlock();
    await Promise.all(tasks);
    expect(order.sort()).toEqual([1, 2, 3]);
    lock.dispose();
  });

  it('is given up at the end of a using', () => {
    const lock = ALL[name](create());
    {
      using guard = lock.lock();
      expect(guard).toBeDefined();
    }
    lock.dispose();
  });
});

describe('a RwLock in one thread', () => {
  it('has many readers or one writer', () => {
    const lock = RwLock.create(create(), { readers: 2 });
    const readers = [lock.read(), lock.read()];
    expect([lock.tryRead(), lock.tryWrite()]).toEqual([undefined, undefined]);
    refused('ERR_SYNC_DEADLOCK', () => lock.write());
    refused('ERR_SYNC_BUSY', () => lock.dispose());
    readers[0].unlock();
    lock.tryRead()?.unlock();
    readers[1].unlock();
    refused('ERR_SYNC_NOT_HOLDER', () => readers[1].unlock());
    const writer = lock.write();
    expect([lock.tryRead(), lock.tryWrite()]).toEqual([undefined, undefined]);
    refused('ERR_SYNC_DEADLOCK', () => lock.read());
    refused('ERR_SYNC_DEADLOCK', () => lock.write());
    writer.unlock();
    lock.dispose();
  });

  it('lets those that wait in by turns: readers, then a writer, then readers', async () => {
    const lock = RwLock.create(create());
    const order: string[] = [];
    const task = async (name: string, call: 'readAsync' | 'writeAsync'): Promise<void> => {
      const guard = await lock[call]();
      order.push(name);
      await Promise.resolve();
      guard.unlock();
    };
    const first = lock.read();
    const writers = [task('writer', 'writeAsync'), task('writer', 'writeAsync')];
    const late = [task('late reader', 'readAsync'), task('late reader', 'readAsync')];
    await rejected('ERR_SYNC_TIMEOUT', lock.readAsync({ timeoutMs: 3 }));
    first.unlock();
    await Promise.all([...writers, ...late]);
    expect(order[0]).toBe('writer');
    expect(order.toSorted()).toEqual(['late reader', 'late reader', 'writer', 'writer']);
    expect(order.lastIndexOf('late reader')).toBeLessThan(order.lastIndexOf('writer'));
    lock.dispose();
  });
});

describe('a Condition in one thread', () => {
  it('gives the mutex up while it waits, and has it again afterwards', async () => {
    const heap = create();
    const [mutex, condition] = [Mutex.create(heap), Condition.create(heap)];
    const guard = mutex.lock();
    const waiting = condition.waitAsync(guard);
    mutex.lock().unlock();
    condition.notifyOne();
    expect(await waiting).toBe(true);
    expect(mutex.tryLock()).toBeUndefined();
    expect(condition.wait(guard, { timeoutMs: 1 })).toBe(false);
    expect(mutex.tryLock()).toBeUndefined();
    guard.unlock();
    refused('ERR_SYNC_NOT_HOLDER', () => condition.wait(guard));
  });

  it('takes the mutex again before it says that it was aborted', async () => {
    const heap = create();
    const [mutex, condition] = [Mutex.create(heap), Condition.create(heap)];
    const guard = mutex.lock();
    const controller = new AbortController();
    const waiting = condition.waitAsync(guard, { signal: controller.signal });
    controller.abort(new Error('no longer wanted'));
    await expect(waiting).rejects.toThrow('no longer wanted');
    expect(mutex.tryLock()).toBeUndefined();
    guard.unlock();
  });
});

describe('time limits and signals', () => {
  it('end every wait, and leave what was waited for as it was', async () => {
    const heap = create();
    const [mutex, lock] = [Mutex.create(heap), RwLock.create(heap)];
    const [semaphore, latch] = [Semaphore.create(heap, 0), Latch.create(heap, 1)];
    const [spin, once] = [SpinLock.create(heap), Once.create(heap)];
    const held = [mutex.lock(), lock.read(), spin.lock()];
    const running = once.runAsync(() => new Promise<number>((resolve) => setTimeout(resolve, 60, 9)));
    const calls = (limit: { timeoutMs?: number; signal?: AbortSignal }): Promise<unknown>[] => [
      mutex.lockAsync(limit),
      lock.writeAsync(limit),
      spin.lockAsync(limit),
      semaphore.acquireAsync(limit),
      latch.waitAsync(limit),
      once.runAsync(() => 1, limit),
    ];
    const codesOf = async (limit: { timeoutMs: number }): Promise<unknown[]> =>
      (await Promise.allSettled(calls(limit))).map((result) => result.status === 'rejected' && result.reason.code);
    const all = Array.from({ length: 6 }, () => 'ERR_SYNC_TIMEOUT');
    for (const timeoutMs of [0, 4]) expect(await codesOf({ timeoutMs })).toEqual(all);
    const reason = new Error('enough');
    const controller = new AbortController();
    const aborted = Promise.allSettled(calls({ signal: controller.signal }));
    setTimeout(() => controller.abort(reason), 4);
    for (const result of await aborted) expect(result).toEqual({ status: 'rejected', reason });
    for (const result of await Promise.allSettled(calls({ signal: controller.signal })))
      expect(result).toEqual({ status: 'rejected', reason });
    refused('ERR_SYNC_TIMEOUT', () => semaphore.acquire({ timeoutMs: 2 }));
    refused('ERR_SYNC_TIMEOUT', () => latch.wait({ timeoutMs: 2 }));
    for (const guard of held) guard.unlock();
    for (const free of [mutex.tryLock(), spin.tryLock(), lock.tryWrite()]) free!.unlock();
    expect(await running).toBe(9);
  });

  it('must be numbers from 0 on', async () => {
    const mutex = Mutex.create(create());
    for (const timeoutMs of [-1, NaN, '5', null] as any[]) {
      refused('ERR_SYNC_ARGUMENT', () => mutex.lock({ timeoutMs }));
      await rejected('ERR_SYNC_ARGUMENT', mutex.lockAsync({ timeoutMs }));
    }
    mutex.lock({ timeoutMs: Infinity }).unlock();
  });
});

describe('numbers of permits, parties, counts and readers', () => {
  it('are refused where they make no sense', () => {
    const heap = create();
    const before = heap.stats().liveBlocks;
    for (const wrong of [-1, 1.5, NaN, 2 ** 31, '1', undefined] as any[]) {
      refused('ERR_SYNC_ARGUMENT', () => Semaphore.create(heap, wrong));
      refused('ERR_SYNC_ARGUMENT', () => Latch.create(heap, wrong));
      refused('ERR_SYNC_ARGUMENT', () => Barrier.create(heap, wrong));
      if (wrong !== undefined) refused('ERR_SYNC_ARGUMENT', () => RwLock.create(heap, { readers: wrong }));
    }
    expect(heap.stats().liveBlocks).toBe(before);
    const semaphore = Semaphore.create(heap, 2 ** 30 - 1);
    refused('ERR_SYNC_ARGUMENT', () => semaphore.release());
    refused('ERR_SYNC_ARGUMENT', () => semaphore.release(0));
    expect(semaphore.permits).toBe(2 ** 30 - 1);
    const latch = Latch.create(heap, 2);
    refused('ERR_SYNC_ARGUMENT', () => latch.countDown(3));
    refused('ERR_SYNC_ARGUMENT', () => latch.countDown(0));
    expect(latch.count).toBe(2);
  });
});

describe('a Barrier', () => {
  it('that is broken stays so, for those that wait and those that come', async () => {
    const barrier = Barrier.create(create(), 2);
    expect(await Promise.all([barrier.waitAsync(), barrier.waitAsync()])).toEqual([false, true]);
    const waiting = barrier.waitAsync();
    barrier.break();
    await rejected('ERR_SYNC_BROKEN', waiting);
    refused('ERR_SYNC_BROKEN', () => barrier.wait());
    expect(barrier.isBroken).toBe(true);
    barrier.dispose();
  });

  it('is broken by a party that gives up', async () => {
    const barrier = Barrier.create(create(), 3);
    const other = barrier.waitAsync();
    refused('ERR_SYNC_TIMEOUT', () => barrier.wait({ timeoutMs: 1 }));
    await rejected('ERR_SYNC_BROKEN', other);
  });
});

describe('a Once', () => {
  it('runs a function until it has returned, and no other after it', async () => {
    const once = Once.create(create());
    const thrown = new Error('not yet');
    expect(() =>
      once.run(() => {
        throw thrown;
      }),
    ).toThrow(thrown);
    await expect(once.runAsync(() => Promise.reject(thrown))).rejects.toBe(thrown);
    expect(once.isDone).toBe(false);
    refused('ERR_SYNC_DEADLOCK', () => once.run(() => once.run(() => 1)));
    expect(once.run(({ diedBefore }) => 2 ** 32 - 1 - diedBefore)).toBe(2 ** 32 - 1);
    expect(once.isDone).toBe(true);
    expect(once.run(() => 5)).toBe(2 ** 32 - 1);
    expect(await once.runAsync(() => 5)).toBe(2 ** 32 - 1);
    once.dispose();
  });

  it('returns 0 for a function that returns nothing', () => {
    expect(Once.create(create()).run(() => {})).toBe(0);
  });
});

describe('a deadlock board', () => {
  it('names the workers and the mutexes of a circle', async () => {
    const heap = create();
    const board = DeadlockBoard.create(heap);
    const [a, b] = [Mutex.create(heap, { board }), Mutex.create(heap, { board })];
    const worker = workers.start('sync', { token: heap.token });
    const id = await worker.call<number>('workerId');
    await worker.call('call', 'Mutex', b.address, 'lock');
    const guard = a.lock();
    // It enters itself while this thread runs on; then this one closes the circle.
    const blocked = worker.call('call', 'Mutex', a.address, 'lock');
    const entry = board.address / 4 + 1 + (id & 1023);
    while (heap.i32[entry] !== a.address) await new Promise((resolve) => setTimeout(resolve, 1));
    const error = refused('ERR_SYNC_DEADLOCK', () => b.lock());
    expect(error.circle).toEqual([
      { workerId: heap.workerId, mutex: b.address, holder: id },
      { workerId: id, mutex: a.address, holder: heap.workerId },
    ]);
    for (const name of [heap.workerId, id, a.address, b.address]) expect(error.message).toContain(String(name));
    guard.unlock();
    await blocked;
    refused('ERR_SYNC_TIMEOUT', () => b.lock({ timeoutMs: 5 }));
  });
});

it('the guard of an error is what the call would have returned, and is not printed', async () => {
  const heap = create();
  const mutex = Mutex.create(heap);
  const worker = workers.start('sync', { token: heap.token });
  const id = await worker.call<number>('workerId');
  await worker.call('call', 'Mutex', mutex.address, 'lock');
  await worker.call('detach');
  let error: unknown;
  try {
    mutex.lock();
  } catch (caught) {
    error = caught;
  }
  expect(error).toBeInstanceOf(OwnerDiedError);
  const died = error as OwnerDiedError<ReturnType<Mutex['lock']>>;
  expect(died).toMatchObject({ code: 'ERR_SYNC_OWNER_DIED', workerId: id, address: mutex.address });
  expect(Object.keys(died)).not.toContain('guard');
  died.guard.unlock();
  expect(() => mutex.lock()).toThrow(OwnerDiedError);
});
