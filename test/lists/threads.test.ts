import { type Heap } from 'sabmalloc';
import { ByteString, PriorityQueue, Texts, Vector, texts } from 'sabmalloc/collections';
import { expect, it } from 'vitest';
import { BUDGET, longTest } from '../kit/budget.js';
import { heapsOfTest } from '../kit/heaps.js';
import { type Random, seeded } from '../kit/random.js';
import { pause, workersOfTest } from '../kit/workers.js';

const create = heapsOfTest();
const workers = workersOfTest();

/** Words of the ledger before those of the values: see test/workers/lists.mjs. */
const STOP = 0;
const FIRST = 2;
const IDS = 50_000;

const textOf = (id: number): string => `${id}:${'x'.repeat(id % 40)}`;
const idOf = (text: string): number => {
  const id = Number.parseInt(text, 10);
  if (text !== textOf(id)) throw new Error(`damaged: ${JSON.stringify(text)}`);
  return id;
};

interface Made {
  readonly address: number;
  dispose(): void;
}

/** What is left is looked at, and all is disposed of. */
interface Storm<T extends Made> {
  make(heap: Heap): T;
  /** Throws if something is wrong; `kills` workers have died. */
  look(object: T, ledger: Int32Array, kills: number): void;
  /** Opens it once more, so that nothing is remembered; as it is if not given. */
  reopen?(heap: Heap, address: number): T;
  readonly ids?: number;
}

/** What was put in is there or was taken out, once; but what the dead had in hand. */
function expectKept(left: readonly number[], ledger: Int32Array, kills: number): void {
  const there = new Set(left);
  expect(there.size).toBe(left.length);
  let lost = 0;
  for (let id = 0; id < ledger.length - FIRST; id++) {
    const noted = ledger[FIRST + id];
    const times = (noted >> 4) + (there.has(id) ? 1 : 0);
    if (times > 1 || (times === 1 && noted === 0)) throw new Error(`${id} is there ${times} times, noted ${noted}`);
    if (times === 0 && (noted & 2) !== 0) lost++;
  }
  expect(lost).toBeLessThanOrEqual(kills);
}

const STORMS: Readonly<Record<string, Storm<any>>> = {
  vector: {
    make: (heap) => Vector.create(heap, texts),
    look(vector: Vector<string>, ledger, kills) {
      const left: number[] = [];
      for (let text = vector.pop(); text !== undefined; text = vector.pop()) left.push(idOf(text));
      expectKept(left, ledger, kills);
    },
  },
  set: {
    make(heap) {
      const vector = Vector.create(heap, texts);
      vector.pushMany([1, 2, 3, 4].map(textOf));
      return vector;
    },
    look(vector: Vector<string>) {
      expect([...vector].map(idOf)).toHaveLength(4);
    },
  },
  queue: {
    make: (heap) => PriorityQueue.create(heap, texts),
    look(queue: PriorityQueue<string>, ledger, kills) {
      const left: number[] = [];
      let least = -1;
      for (let text = queue.pop(); text !== undefined; text = queue.pop()) {
        const id = idOf(text);
        expect(id % 7).toBeGreaterThanOrEqual(least);
        least = id % 7;
        left.push(id);
      }
      expectKept(left, ledger, kills);
    },
  },
  bytes: {
    make: (heap) => ByteString.create(heap),
    look(string: ByteString, ledger) {
      const all = string.toText();
      const found = [...all.matchAll(/<(\d+:x*)>/g)].map(([, text]) => text);
      expect(found.map((text) => `<${text}>`).join('')).toBe(all);
      // Nothing is taken out, so nothing is lost.
      expectKept(found.map(idOf), ledger, 0);
    },
  },
  texts: {
    ids: 3000,
    make: (heap) => Texts.create(heap, { capacity: 4 }),
    reopen: (heap, address) => Texts.at(heap, address),
    look(table: Texts, ledger) {
      const all = [...table];
      expect(new Set(all).size).toBe(all.length);
      for (let id = 0; id < ledger.length - FIRST; id++) {
        const noted = ledger[FIRST + id];
        if (noted !== 0) expect([all[noted - 1], table.lookUp(textOf(id))]).toEqual([textOf(id), noted - 1]);
      }
    },
  },
};

async function storm(random: Random, name: string): Promise<void> {
  const { make, look, reopen, ids = IDS } = STORMS[name];
  const heap = create();
  const before = heap.stats().liveBlocks;
  const object = make(heap) as Made;
  const ledger = new Int32Array(new SharedArrayBuffer(4 * (FIRST + ids)));
  const start = (): ReturnType<typeof workers.start> => {
    const worker = workers.start('lists', { token: heap.token, ledger, seed: random.next() });
    heap.watch(worker.worker);
    return worker;
  };
  const survivor = start();
  const work = survivor.call<number>('hammer', name, object.address);
  for (let i = 0; i < BUDGET.listKills; i++) {
    const victim = start();
    await victim.call('forever', name, object.address);
    await pause(random.int(0, 12));
    await victim.kill();
    expect(victim.failure).toBeUndefined();
  }
  Atomics.store(ledger, STOP, 1);
  expect(await work).toBeGreaterThan(0);
  look(reopen?.(heap, object.address) ?? object, ledger, BUDGET.listKills);
  object.dispose();
  expect(heap.stats().liveBlocks - before).toBeLessThanOrEqual(BUDGET.listKills);
  heap.check();
}

it.each(Object.keys(STORMS))('a storm of kills: %s', { timeout: longTest(60_000) }, (name) =>
  seeded((random) => storm(random, name))(),
);

it('two workers that nobody kills leave no block behind', { timeout: longTest(60_000) }, async () => {
  await seeded(async (random) => {
    for (const [name, { make, look, ids = IDS }] of Object.entries(STORMS)) {
      const heap = create();
      const object = make(heap) as Made;
      const ledger = new Int32Array(new SharedArrayBuffer(4 * (FIRST + ids)));
      const both = [1, 2].map(() =>
        workers.start('lists', { token: heap.token, ledger, seed: random.next() }).call('hammer', name, object.address),
      );
      await pause(100);
      Atomics.store(ledger, STOP, 1);
      await Promise.all(both);
      look(object, ledger, 0);
      object.dispose();
      expect(heap.stats().liveBlocks).toBe(0);
    }
  })();
});
