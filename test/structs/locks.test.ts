import { inspect } from 'node:util';
import { array, f64, i32, struct, type StructOf } from 'sabmalloc/structs';
import {
  barrier,
  condition,
  latch,
  mutex,
  type Mutex,
  once,
  rwLock,
  semaphore,
  type Semaphore,
  spinLock,
} from 'sabmalloc/sync';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { empty } from '../kit/contracts.js';
import { refused } from '../kit/errors.js';
import { heapsOfTest, MIB } from '../kit/heaps.js';
import { workersOfTest } from '../kit/workers.js';

const create = heapsOfTest();
const workers = workersOfTest();

const Account = struct('Account', { lock: mutex, balance: f64, audits: i32 });
const All = struct('All', {
  pad: i32,
  mutex,
  spinLock,
  condition,
  once,
  semaphore,
  latch,
  rwLock: rwLock({ readers: 3 }),
  barrier: barrier(2),
  many: array(mutex, 3),
});

describe('locks as fields of structs', () => {
  it('are those of sabmalloc/sync, by their types too', () => {
    type Fields = StructOf<typeof All>;
    expectTypeOf<Fields['mutex']>().toEqualTypeOf<Mutex>();
    expectTypeOf<Fields['semaphore']>().toEqualTypeOf<Semaphore>();
    expectTypeOf(All.in).returns.toHaveProperty('create').parameter(0).not.toEqualTypeOf<{ mutex: number }>();
  });

  it('are free and as they are made, in a struct, in rows and in columns', () => {
    const heap = create();
    const A = All.in(heap);
    const whole = A.create({ semaphore: 2, latch: 1 });
    const [rows, columns] = [A.array(5), A.columns(5)];
    const column = columns.cursor();
    column.to(3);
    for (const one of [whole, rows.at(3), column.item]) {
      for (const lock of [one.mutex, one.spinLock, ...one.many]) {
        const guard = lock.lock();
        expect(lock.tryLock()).toBeUndefined();
        guard.unlock();
      }
      const reading = [one.rwLock.tryRead(), one.rwLock.tryRead(), one.rwLock.tryRead()];
      expect(reading.every((guard) => guard !== undefined)).toBe(true);
      expect([one.rwLock.tryRead(), one.rwLock.tryWrite()]).toEqual([undefined, undefined]);
      for (const guard of reading) guard?.unlock();
      one.rwLock.tryWrite()!.unlock();
      expect([one.once.run(() => 7), one.once.run(() => 8)]).toEqual([7, 7]);
      expect(one.barrier.parties).toBe(2);
      one.condition.notifyAll();
    }
    expect(whole.semaphore.tryAcquire() === undefined).toBe(false);
    expect(rows.at(3).semaphore.tryAcquire()).toBeUndefined();
    whole.latch.countDown();
    whole.latch.wait({ timeoutMs: 0 });
    // Of no object within a struct anybody is the maker.
    whole.mutex.dispose();
    for (const one of [whole, rows, columns]) one.free();
    empty(heap);
    heap.check();
  });

  it('are apart from each other and from the fields beside them', () => {
    const heap = create();
    const one = All.in(heap).create();
    const held = [one.mutex.lock(), one.many.at(1).lock(), one.spinLock.lock(), one.rwLock.write()];
    expect([one.pad, one.many.at(0).tryLock() === undefined, one.many.at(2).tryLock() === undefined]).toEqual([
      0,
      false,
      false,
    ]);
    for (const guard of held) guard.unlock();
  });

  it('refuse what they can not be', () => {
    const A = All.in(create());
    refused('ERR_SYNC_ARGUMENT', () => A.create({ semaphore: -1 }));
    refused('ERR_SYNC_ARGUMENT', () => A.create({ latch: 0.5 }));
    refused('ERR_SYNC_ARGUMENT', () => rwLock({ readers: 0 }));
    refused('ERR_SYNC_ARGUMENT', () => barrier(0));
    expect(A.heap.stats().liveBlocks).toBe(0);
  });

  it('keep workers apart, and tell of a holder that died', async () => {
    const heap = create({ maxBytes: 4 * MIB });
    const handle = heap.share(Account.in(heap).create({ balance: 1 }));
    const pair = [0, 1].map(() => workers.start('structs', { token: heap.token }));
    await Promise.all(pair.map((worker) => worker.call('deposit', handle, 3000)));
    const account = Account.in(heap).open(handle);
    expect([account.balance, account.audits]).toEqual([6001, 6000]);
    heap.watch(pair[0].worker);
    await pair[0].call('lockAccount', handle);
    await pair[0].kill();
    refused('ERR_SYNC_OWNER_DIED', () => account.lock.lock());
    expect(heap.release(handle)).toBe(0);
    await pair[1].call('detach');
    heap.collect();
    empty(heap);
  });

  it('show whether somebody holds them', () => {
    const account = Account.in(create()).create({ balance: 2.5 });
    const guard = account.lock.lock();
    expect(inspect(account)).toContain('balance: 2.5');
    expect(inspect(account)).toMatch(/lock: Mutex @0x[0-9a-f]+ \(held\)/);
    guard.unlock();
    expect(inspect(account)).toMatch(/lock: Mutex @0x[0-9a-f]+,/);
    expect(inspect(account.lock)).toMatch(/^Mutex @0x[0-9a-f]+$/);
  });
});
