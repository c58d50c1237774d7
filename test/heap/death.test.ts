import { Heap } from 'sabmalloc';
import { describe, expect, it } from 'vitest';
import { BUDGET, longTest } from '../kit/budget.js';
import { empty } from '../kit/contracts.js';
import { fillMixed, fillWith, freeAll, heapsOfTest, KIB, MIB } from '../kit/heaps.js';
import { audit, Ledger, Progress } from '../kit/ledger.js';
import { type Random, SEED, seeded } from '../kit/random.js';
import { pause, type TestWorker, until, useEverySlot, workersOfTest } from '../kit/workers.js';

const create = heapsOfTest();
const workers = workersOfTest();

const ENTRIES = 64;
const LARGEST = 60 * KIB;

/** How the heap learns of a death. */
const NOTICES = ['watched', 'reserved and watched', 'reclaimed by hand'] as const;
type Notice = (typeof NOTICES)[number];

class Storm {
  readonly ledger: Ledger;
  readonly #seen = new Map<number, number>();

  constructor(
    readonly heap: Heap,
    readonly survivors: number,
    readonly kills: number,
    readonly random: Random,
    /** One dead in so many leaves its blocks lying until the end. */
    readonly unburied: number,
  ) {
    this.ledger = new Ledger(survivors + kills, ENTRIES);
  }

  start(page: number, token: unknown): TestWorker {
    const rest = { token, seed: this.random.next(), largest: LARGEST };
    return workers.start('churn', { ...this.ledger.dataFor(page), ...rest });
  }

  /** Starts a worker, kills it at an instant that differs each time, tells the heap, and frees what the dead one held. */
  async killOne(page: number, notice: Notice, isDue: (progress: number) => boolean): Promise<void> {
    const { heap, ledger } = this;
    const { token, workerId } = notice === 'watched' ? { token: heap.token, workerId: 0 } : heap.reserve();
    const victim = this.start(page, token);
    if (notice === 'watched') heap.watch(victim.worker);
    if (notice === 'reserved and watched') heap.watch(victim.worker, workerId);
    await until(() => isDue(ledger.progress(page)) || victim.failure !== undefined, `worker ${page} to get going`);
    await victim.kill();
    expect(victim.failure).toBeUndefined();
    if (notice === 'reclaimed by hand') heap.reclaim(workerId);
    const seen = ledger.progress(page);
    this.#seen.set(seen, (this.#seen.get(seen) ?? 0) + 1);
    if (page % this.unburied !== 0) ledger.inherit(heap, page);
  }

  /** How many died when they had got so far. */
  diedAt(progress: number): number {
    return this.#seen.get(progress) ?? 0;
  }
}

/** Some right after the start, some while they attach, most at work. */
function dueTimes(random: Random): (progress: number) => boolean {
  const kind = random.int(0, 9);
  if (kind === 0) {
    const at = Date.now() + random.int(0, 60);
    return () => Date.now() >= at;
  }
  if (kind < 3) return (progress) => progress >= Progress.attaching;
  let workingSince = 0;
  const wait = random.int(0, 12);
  return (progress) => {
    if (progress < Progress.working) return false;
    workingSince ||= Date.now();
    return Date.now() >= workingSince + wait;
  };
}

interface Mark {
  readonly bytes: number;
  /** What an empty heap keeps for itself. */
  readonly committedBytes: number;
}

/** Everything is freed, and as much as in the fresh heap can be allocated: all that the dead had is taken over. */
async function isAsFresh(heap: Heap, live: readonly number[], fresh: Mark, maxWorkers: number): Promise<void> {
  freeAll(heap, live);
  await useEverySlot(workers, heap, maxWorkers);
  heap.collect();
  empty(heap);
  expect(heap.stats().committedBytes).toBeLessThanOrEqual(fresh.committedBytes);
  const { addresses, bytes } = fillMixed(heap, SEED, 256 * KIB);
  expect(bytes).toBeGreaterThanOrEqual(0.998 * fresh.bytes);
  freeAll(heap, addresses);
  heap.collect();
  empty(heap);
}

function freshMark(heap: Heap): Mark {
  const { addresses, bytes } = fillMixed(heap, SEED, 256 * KIB);
  freeAll(heap, addresses);
  heap.collect();
  return { bytes, committedBytes: heap.stats().committedBytes };
}

describe('a storm of killed workers', () => {
  it(
    'costs the survivors nothing, and the heap at most a block each',
    seeded(async (random) => {
      const heap = create({ maxBytes: 64 * MIB, maxWorkers: 8 });
      const fresh = freshMark(heap);
      const storm = new Storm(heap, 2, BUDGET.kills, random, 4);
      const survivors = [0, 1].map((page) => storm.start(page, heap.token));
      let next = 2;
      const assassin = async (): Promise<void> => {
        while (next < 2 + BUDGET.kills) {
          const page = next++;
          await storm.killOne(page, NOTICES[page % 3], dueTimes(random));
        }
      };
      await Promise.all(Array.from({ length: BUDGET.killsAtOnce }, assassin));
      expect(storm.diedAt(Progress.working)).toBeGreaterThan(BUDGET.kills / 4);

      storm.ledger.stop();
      for (const survivor of survivors) await survivor.call('collect');
      expect(survivors.map((survivor) => survivor.failure)).toEqual([undefined, undefined]);
      const live = audit(heap, storm.ledger, BUDGET.kills);
      for (const survivor of survivors) await survivor.call('detach');
      await isAsFresh(heap, live, fresh, 8);
    }),
    longTest(180_000),
  );

  it(
    'in a small region leaves all of it usable',
    seeded(async (random) => {
      const heap = create({ maxBytes: 4 * MIB, maxWorkers: 5 });
      const fresh = freshMark(heap);
      const kills = Math.ceil(BUDGET.kills / 5);
      const storm = new Storm(heap, 1, kills, random, 20);
      const survivor = storm.start(0, heap.token);
      for (let page = 1; page <= kills; page++) await storm.killOne(page, NOTICES[page % 3], dueTimes(random));
      storm.ledger.stop();
      await survivor.call('collect');
      const live = audit(heap, storm.ledger, kills);
      await survivor.call('detach');
      await isAsFresh(heap, live, fresh, 5);
    }),
    longTest(120_000),
  );

  it(
    'that nobody told the heap of is survived until somebody does',
    seeded(async (random) => {
      const heap = create({ maxBytes: 16 * MIB, maxWorkers: 8 });
      const fresh = freshMark(heap);
      const storm = new Storm(heap, 1, 5, random, 1);
      const survivor = storm.start(0, heap.token);
      const ids: number[] = [];
      for (let page = 1; page <= 5; page++) {
        const { token, workerId } = heap.reserve();
        const victim = storm.start(page, token);
        await until(() => storm.ledger.progress(page) >= Progress.working, `worker ${page} to work`);
        await pause(random.int(0, 10));
        await victim.kill();
        ids.push(workerId);
      }
      // Nobody waits for the dead: their part is out of reach, that is all.
      for (let i = 0; i < 1000; i++) heap.free(heap.malloc(random.size(0, 100_000)));
      for (const id of ids) heap.reclaim(id);
      storm.ledger.stop();
      await survivor.call('collect');
      const live = audit(heap, storm.ledger, 5);
      await survivor.call('detach');
      await isAsFresh(heap, live, fresh, 8);
    }),
    longTest(60_000),
  );

  it(
    'may be noticed by several workers at once',
    seeded(async (random) => {
      const heap = create({ maxBytes: 16 * MIB, maxWorkers: 8 });
      const others = await workers.agents(heap, 2);
      const storm = new Storm(heap, 0, 20, random, 1);
      for (let page = 0; page < 20; page++) {
        const { token, workerId } = heap.reserve();
        const victim = storm.start(page, token);
        await until(() => storm.ledger.progress(page) >= Progress.working, `worker ${page} to work`);
        heap.watch(victim.worker);
        const killed = victim.kill();
        await killed;
        const notices = others.map((other) => other.heap('reclaim', workerId));
        heap.reclaim(workerId);
        await Promise.all(notices);
      }
      const live = audit(heap, storm.ledger, 20);
      const middle = live.length >>> 1;
      await Promise.all([
        others[0].call('freeAll', live.slice(0, middle)),
        others[1].call('freeAll', live.slice(middle)),
      ]);
      for (const other of others) await other.heap('collect');
      heap.collect();
      empty(heap);
    }),
    longTest(60_000),
  );
});

describe('workers killed as they attach', () => {
  it.each(NOTICES)(
    'and %s cost no slot and no memory',
    (notice) =>
      seeded(async (random) => {
        const heap = create({ maxBytes: 2 * MIB, maxWorkers: 3 });
        const fresh = freshMark(heap);
        const storm = new Storm(heap, 0, BUDGET.attachKills, random, 4);
        for (let page = 0; page < BUDGET.attachKills; page++) {
          await storm.killOne(page, notice, (progress) => progress >= Progress.attaching);
        }
        const live = audit(heap, storm.ledger, BUDGET.attachKills);
        await isAsFresh(heap, live, fresh, 3);
      })(),
    longTest(60_000),
  );

  it('are never let in by a reservation that was reclaimed first', async () => {
    const heap = create({ maxBytes: MIB, maxWorkers: 2 });
    for (let i = 0; i < 5; i++) {
      const { token, workerId } = heap.reserve();
      heap.reclaim(workerId);
      const late = workers.start('agent');
      await expect(late.call('attach', token)).rejects.toThrow();
    }
    expect(Heap.attach(heap.token)).toBe(heap);
    const agent = await workers.agent(heap);
    heap.free(await agent.heap<number>('malloc', 100));
    await agent.heap('collect');
    empty(heap);
  });
});

describe('a worker that dies holding what others need', () => {
  it('does not keep the blocks that others freed for it', async () => {
    const heap = create({ maxBytes: 8 * MIB, maxWorkers: 3 });
    const [victim, other] = await workers.agents(heap, 2);
    heap.watch(victim.worker);
    const blocks = await victim.call<[number, number][]>('allocate', 6000, 1000, 1000, 1, 1);
    // These wait for an owner that will never come.
    await other.call(
      'freeAll',
      blocks.map(([address]) => address),
    );
    await victim.kill();
    const { addresses, bytes } = fillWith(heap, 64 * KIB);
    expect(bytes).toBeGreaterThan(7 * MIB);
    freeAll(heap, addresses);
    empty(heap);
  });

  it('does not keep what it had in its cache', async () => {
    const heap = create({ maxBytes: 8 * MIB, maxWorkers: 3 });
    const victim = await workers.agent(heap);
    heap.watch(victim.worker);
    for (let bytes = 16; bytes <= 32_768; bytes *= 2) {
      const blocks = await victim.call<[number, number][]>('allocate', 20, bytes, bytes, 1, 1);
      await victim.call(
        'freeAll',
        blocks.map(([address]) => address),
      );
    }
    await victim.kill();
    heap.collect();
    heap.free(heap.malloc(7 * MIB));
    empty(heap);
  });

  it('loses no block that a sharp eye could still find: all of them are in the walk', async () => {
    const heap = create({ maxBytes: 8 * MIB, maxWorkers: 3 });
    const victim = await workers.agent(heap);
    heap.watch(victim.worker);
    const blocks = await victim.call<[number, number][]>('allocate', 500, 0, 10_000, 1, 1);
    await victim.kill();
    expect([...heap.blocks()].map(({ address }) => address).sort((a, b) => a - b)).toEqual(
      blocks.map(([address]) => address).sort((a, b) => a - b),
    );
    freeAll(
      heap,
      blocks.map(([address]) => address),
    );
    heap.collect();
    empty(heap);
  });
});
