import { type Heap } from 'sabmalloc';
import { bytes, Channel, numbers, texts, type ValueType } from 'sabmalloc/collections';
import { describe, expect, it } from 'vitest';
import { BUDGET, longTest } from '../kit/budget.js';
import { heapsOfTest } from '../kit/heaps.js';
import { type Random, seeded } from '../kit/random.js';
import { pause, refusedThere, type TestWorker, until, workersOfTest } from '../kit/workers.js';

const create = heapsOfTest();
const workers = workersOfTest();

function start(heap: Heap, without?: 'wait' | 'waitAsync'): TestWorker {
  const worker = workers.start('channel', { token: heap.token, without });
  heap.watch(worker.worker);
  return worker;
}

const COUNT = BUDGET.channelValues;

/** Each receiver got the values of each sender in rising order, and together they got all, once. */
function expectAll(lists: readonly number[][], senders: number): void {
  for (const list of lists) {
    const last = new Map<number, number>();
    for (const value of list) {
      const sender = Math.floor(value / 1e6);
      if (value <= (last.get(sender) ?? -1)) throw new Error(`${value} came after ${last.get(sender)}`);
      last.set(sender, value);
    }
  }
  const all = lists.flat().toSorted((a, b) => a - b);
  const wanted = Array.from({ length: senders * COUNT }, (_, i) => Math.floor(i / COUNT) * 1e6 + (i % COUNT));
  expect(all).toEqual(wanted);
}

describe.each([1, 6, Infinity])('a channel of capacity %d between workers', (capacity) => {
  it.each([
    ['numbers', ['send', 'sendAsync'], ['receive', 'receiveAsync']],
    ['texts', ['sendMany', 'sendManyAsync'], ['receiveMany', 'receiveManyAsync']],
    ['bytes', ['send', 'sendMany'], ['receiveMany', 'receive']],
  ] as const)('brings every one of %s from any to one, in order', async (type, sends, receives) => {
    const heap = create();
    const types: Record<typeof type, ValueType<unknown>> = { numbers, texts, bytes };
    const channel = Channel.create(heap, types[type], { capacity });
    const got = receives.map((call, i) =>
      start(heap, i === 1 ? 'waitAsync' : undefined).call<number[]>('receive', channel.address, type, call),
    );
    await Promise.all(sends.map((call, self) => start(heap).call('send', channel.address, type, call, COUNT, self)));
    channel.close();
    expectAll(await Promise.all(got), 2);
    channel.dispose();
    expect(heap.stats().liveBlocks).toBe(0);
  });
});

describe('channels between workers', () => {
  it('end the loops of all that iterate over them', async () => {
    const heap = create();
    const channel = Channel.create(heap, texts);
    const got = ['iterate', 'iterateLater'].map((op) => start(heap).call<number[]>(op, channel.address, 'texts'));
    for (let n = 0; n < COUNT; n++) await channel.sendAsync(`value ${n}`);
    channel.close();
    expectAll(await Promise.all(got), 1);
  });

  it('bring their values to those that select among them, and to those that receive from one', async () => {
    const heap = create();
    const channels = [0, 1, 2].map(() => Channel.create(heap, numbers, { capacity: 3 }));
    const addresses = channels.map(({ address }) => address);
    const selected = [
      start(heap).call<[number, number][]>('select', addresses, 'numbers', false),
      start(heap).call<[number, number][]>('select', addresses, 'numbers', true),
    ];
    const received = start(heap).call<number[]>('receive', addresses[0], 'numbers', 'receive');
    await Promise.all(
      addresses.map((address, self) => start(heap).call('send', address, 'numbers', 'send', COUNT, self)),
    );
    for (const channel of channels) channel.close();
    const lists = (await Promise.all(selected)).map((list) => {
      for (const [at, value] of list) if (at !== Math.floor(value / 1e6)) throw new Error(`${value} came from ${at}`);
      return list.map(([, value]) => value);
    });
    expectAll([...lists, await received], 3);
    for (const channel of channels) channel.dispose();
    expect(heap.stats().liveBlocks).toBe(0);
  });

  it('tell a thread that may not block which call to make', async () => {
    const heap = create();
    const channel = Channel.create(heap, numbers);
    const browser = start(heap, 'wait');
    for (const [call, instead] of [
      ['send', 'sendAsync'],
      ['receive', 'receiveAsync'],
      ['sendMany', 'sendManyAsync'],
      ['receiveMany', 'receiveManyAsync'],
    ]) {
      const error = await refusedThere(
        'ERR_SYNC_MAY_NOT_BLOCK',
        browser.call('call', channel.address, 'numbers', call, 1),
      );
      expect(error.message).toContain(instead);
    }
    await browser.call('send', channel.address, 'numbers', 'sendAsync', 3, 0);
    expect(await browser.call('call', channel.address, 'numbers', 'tryReceive')).toBe(0);
    expect(channel.length).toBe(2);
  });
});

describe('workers that are killed', () => {
  /** Rounds whose values are told apart: a worker may note what it got a while after it has taken it. */
  const ROUNDS = 8;
  const VALUES = 1e6;

  /** Senders and receivers are killed in the middle of it; who survives receives the rest. */
  async function storm(heap: Heap, capacity: number, random: Random): Promise<void> {
    const channels = [0, 1].map(() => Channel.create(heap, numbers, { capacity }));
    const addresses = channels.map(({ address }) => address);
    const notes = heap.calloc(ROUNDS * VALUES);
    const progress = heap.calloc(64) / 4;
    const receive = async (count: number): Promise<TestWorker> => {
      const worker = start(heap);
      await worker.call('receiveForever', addresses.slice(0, count), 'numbers', notes, ROUNDS * VALUES);
      return worker;
    };
    const send = async (round: number): Promise<TestWorker> => {
      const worker = start(heap);
      const isBatch = random.int(0, 1) === 1;
      await worker.call('sendForever', addresses[round % 2], 'numbers', progress, round % ROUNDS, isBatch);
      return worker;
    };
    const survivor = await receive(2);
    let most = 0;
    for (let round = 0; round < BUDGET.channelKills; round++) {
      const begin = notes + (round % ROUNDS) * VALUES;
      heap.u8.fill(0, begin, begin + VALUES);
      heap.i32[progress] = 0;
      for (const victim of random.shuffle([await receive(1 + (round % 2)), await send(round)])) {
        await pause(random.int(0, 12));
        await victim.kill();
      }
      const sent = heap.i32[progress];
      most = Math.max(most, sent);
      const isThere = (n: number): boolean => heap.u8[begin + n] > 0;
      // Of each receiver that died one value may have died with it.
      const isAllThere = (): boolean => {
        let missing = 0;
        for (let n = 1; n <= sent; n++) if (!isThere(n)) missing++;
        return missing <= 1 && channels.every(({ length }) => length === 0);
      };
      await until(isAllThere, 'everything that was sent to be received');
      for (let n = 0; n < VALUES; n++) if (heap.u8[begin + n] > 1) throw new Error(`value ${n} came twice`);
      // What a sender that was killed had committed and not yet noted.
      for (let n = sent + 2; n < VALUES; n++) if (isThere(n)) throw new Error(`value ${n} was not sent`);
    }
    // Else nothing was tried.
    expect(most).toBeGreaterThan(100);
    await survivor.kill();
    for (const address of [notes, progress * 4]) heap.free(address);
    for (const channel of channels) channel.dispose();
    // Each may leave a block: what it waited by, or a ring that it was about to replace.
    expect(heap.stats().liveBlocks).toBeLessThanOrEqual(2 * BUDGET.channelKills + 1);
    heap.check();
  }

  it.each([1, 100, Infinity])(
    'lose and double nothing in a channel of capacity %d',
    { timeout: longTest(90_000) },
    (capacity) => seeded(async (random) => storm(create(), capacity, random))(),
  );

  it('while they wait take no wake-up with them', { timeout: longTest(60_000) }, async () => {
    const heap = create();
    const channel = Channel.create(heap, numbers, { spin: 0 });
    for (let round = 0; round < BUDGET.channelKills; round++) {
      const [victim, other] = [start(heap), start(heap)];
      const dying = victim.call('call', channel.address, 'numbers', 'receive').catch(() => undefined);
      await pause(20);
      const got = other.call('call', channel.address, 'numbers', 'receive');
      await pause(round % 10);
      // The first wake-up is for the one that dies, if it is in time.
      channel.send(round);
      const killed = victim.kill();
      channel.send(round);
      await killed;
      expect(await got).toBe(round);
      await dying;
      while (channel.tryReceive() !== undefined);
      await other.kill();
    }
  });
});
