import { Heap, type HeapError } from 'sabmalloc';
import { describe, expect, it } from 'vitest';
import { BUDGET, longTest } from '../kit/budget.js';
import { empty } from '../kit/contracts.js';
import { fillWith, freeAll, heapsOfTest, KIB, MIB } from '../kit/heaps.js';
import { Phase } from '../kit/ledger.js';
import { type Random, SEED, seeded } from '../kit/random.js';
import { afterExit, type TestWorker, until, workersOfTest } from '../kit/workers.js';
import { type Fate, type Notice } from '../soak/fate.js';
import { isAsFresh, measure } from '../soak/fresh.js';
import { Storm, type Weather } from '../soak/storm.js';

const create = heapsOfTest();
const workers = workersOfTest();

function stormIn(heap: Heap, random: Random, weather: Pick<Weather, 'survivors' | 'victims'>): Storm {
  const rest = { seed: random.next(), largest: 60 * KIB, hugeBytes: 0, overflows: false };
  return new Storm(heap, { start: workers.start, ...rest, ...weather });
}

const killedAtWork = (notice: Notice, random: Random): Fate => ({
  notice,
  ending: 'killed',
  scene: undefined,
  isParent: false,
  delayMs: random.int(0, 15),
  isEarly: false,
  isInherited: true,
});

/** A call in a worker that stops at its `at`-th atomic operation; 0 is none. See test/workers/stumble.mjs. */
class Stumbler {
  readonly worker: TestWorker;
  readonly #gate = new Int32Array(new SharedArrayBuffer(12));

  constructor(data: { token: unknown; call: string; at: number; args?: readonly unknown[]; waits?: boolean }) {
    this.worker = workers.start('stumble', { ...data, gate: this.#gate.buffer });
  }

  /** Atomic operations so far. */
  get steps(): number {
    return this.#gate[2];
  }

  /** Until the thread has ended, and everyone who watches knows. False if it did not get through the call. */
  async end(): Promise<boolean> {
    const code = await this.worker.gone;
    await afterExit();
    expect(this.worker.failure).toBeUndefined();
    return code === 0;
  }

  /** Until it stands at the operation. */
  arrival(): Promise<void> {
    return until(() => Atomics.load(this.#gate, 0) === 1 || this.worker.failure !== undefined, 'the worker to stop');
  }

  goOn(): void {
    Atomics.store(this.#gate, 1, 1);
    Atomics.notify(this.#gate, 1);
  }
}

/** One worker after the other attaches, the first of which dies at its first atomic operation, the last not at all. */
async function dieAtEachStepOfAttach(heap: Heap, check: () => void): Promise<void> {
  for (let at = 1, isDone = false; !isDone; at++) {
    const stumbler = new Stumbler({ token: heap.token, call: 'attach', at });
    heap.watch(stumbler.worker.worker);
    isDone = await stumbler.end();
    check();
  }
}

/** How many slots can be reserved at once. */
function freeSlots(heap: Heap): number {
  const ids: number[] = [];
  try {
    for (;;) ids.push(heap.reserve().workerId);
  } catch (error) {
    if ((error as HeapError).code !== 'ERR_HEAP_WORKERS') throw error;
  }
  for (const id of ids) heap.reclaim(id);
  return ids.length;
}

// Storms of every other kind are in test/soak.test.ts.
describe('a storm of killed workers', () => {
  it(
    'that nobody told the heap of is survived until somebody does',
    seeded(async (random) => {
      const heap = create({ maxBytes: 16 * MIB, maxWorkers: 8 });
      const fresh = measure(heap, SEED);
      const storm = stormIn(heap, random, { survivors: 1, victims: 5 });
      for (let i = 0; i < 5; i++) await storm.live(killedAtWork('reclaimed at the end', random));
      // Nobody waits for the dead: their part is out of reach, that is all.
      for (let i = 0; i < 1000; i++) heap.free(heap.malloc(random.size(0, 100_000)));
      const { live } = await storm.rest();
      freeAll(heap, live);
      await storm.leave();
      await isAsFresh(heap, fresh, { seed: SEED, maxWorkers: 8, start: workers.start });
    }),
    longTest(60_000),
  );

  it(
    'may be noticed by several workers at once',
    seeded(async (random) => {
      const heap = create({ maxBytes: 16 * MIB, maxWorkers: 8 });
      const others = await workers.agents(heap, 2);
      const storm = stormIn(heap, random, { survivors: 0, victims: BUDGET.kills });
      for (let i = 0; i < BUDGET.kills; i++) {
        const { token, workerId } = heap.reserve();
        const page = storm.ledger.pages[i];
        const victim = workers.start('churn', { ...storm.dataFor(i), token });
        await until(() => page.phase >= Phase.working, `worker ${i} to work`);
        heap.watch(victim.worker);
        await victim.kill();
        const notices = others.map((other) => other.heap('reclaim', workerId));
        heap.reclaim(workerId);
        await Promise.all(notices);
      }
      const live = [...(await storm.rest()).live];
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
  it.each(['watched', 'reserved and watched', 'reclaimed by hand'] as const)(
    'and %s cost no slot and no memory',
    (notice) =>
      seeded(async (random) => {
        const heap = create({ maxBytes: 2 * MIB, maxWorkers: 3 });
        const fresh = measure(heap, SEED);
        const storm = stormIn(heap, random, { survivors: 0, victims: BUDGET.attachKills });
        const atTheDoor = { ...killedAtWork(notice, random), scene: 'attach' } as const;
        for (let i = 0; i < BUDGET.attachKills; i++)
          await storm.live({ ...atTheDoor, delayMs: 2 ** random.int(0, 11) / 1000 });
        const { live } = await storm.rest();
        freeAll(heap, live);
        await isAsFresh(heap, fresh, { seed: SEED, maxWorkers: 3, start: workers.start });
      })(),
    longTest(60_000),
  );

  it(
    'at any atomic operation of it leave nothing behind',
    async () => {
      const heap = create({ maxBytes: MIB, maxWorkers: 2 });
      const { committedBytes } = heap.stats();
      await dieAtEachStepOfAttach(heap, () => {
        empty(heap);
        expect(heap.stats()).toMatchObject({ committedBytes, workers: [{ workerId: heap.workerId }] });
      });
    },
    longTest(60_000),
  );

  it(
    'are not counted from memory that they had no time to initialise',
    async () => {
      const heap = create({ maxBytes: MIB, maxWorkers: 2 });
      const { addresses } = fillWith(heap, 60 * KIB);
      for (const address of addresses) heap.u8.fill(0x55, address, address + 60 * KIB);
      freeAll(heap, addresses);
      await dieAtEachStepOfAttach(heap, () => expect(heap.stats().counters.remoteFrees).toBe(0));
    },
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

describe('a worker slot', () => {
  /** The end of a call is where a slot changes hands. */
  async function dieNearTheEndOf(call: 'detach' | 'reclaim'): Promise<void> {
    const heap = create({ maxBytes: 524_288, preset: 'minimal', maxWorkers: 3 });
    const stumble = async (at: number): Promise<{ isDone: boolean; steps: number }> => {
      const { token, workerId } = heap.reserve();
      const other = heap.reserve().workerId;
      const stumbler = new Stumbler({ token, call, args: call === 'reclaim' ? [other] : [], at });
      const isDone = await stumbler.end();
      for (const id of [other, workerId, other]) heap.reclaim(id);
      expect(freeSlots(heap)).toBe(2);
      heap.check();
      return { isDone, steps: stumbler.steps };
    };
    const { steps } = await stumble(0);
    for (let at = Math.max(1, steps - 20); !(await stumble(at)).isDone; at++);
  }

  it(
    'is not lost when a worker dies at the end of reclaim() and is reclaimed by hand',
    () => dieNearTheEndOf('reclaim'),
    longTest(60_000),
  );

  it(
    'is not lost when a worker dies at the end of detach() and is reclaimed by hand',
    () => dieNearTheEndOf('detach'),
    longTest(60_000),
  );

  it(
    'is not taken from a worker that is just detaching, by one that collects',
    async () => {
      const heap = create({ maxBytes: 524_288, preset: 'minimal', maxWorkers: 3 });
      for (let at = 1; ; at += 12) {
        // Reclaiming leaves a hint that some slot may wait to be reclaimed.
        heap.reclaim(heap.reserve().workerId);
        const stumbler = new Stumbler({ token: heap.token, call: 'detach', at, waits: true });
        await Promise.race([stumbler.arrival(), stumbler.worker.gone]);
        heap.collect();
        stumbler.goOn();
        expect(await stumbler.end()).toBe(true);
        expect(freeSlots(heap)).toBe(2);
        heap.check();
        if (stumbler.steps < at) return;
      }
    },
    longTest(60_000),
  );
});
