import { type Heap } from 'sabmalloc';
import { describe, expect, it } from 'vitest';
import { BUDGET, longTest } from '../kit/budget.js';
import { empty } from '../kit/contracts.js';
import { ensure, refused } from '../kit/errors.js';
import { heapsOfTest, MIB } from '../kit/heaps.js';
import { type Random, seeded } from '../kit/random.js';
import { refusedThere, type TestWorker, until, workersOfTest } from '../kit/workers.js';

const create = heapsOfTest();
const workers = workersOfTest();
const STALE = 'ERR_HEAP_STALE_HANDLE';

/** What handles have to do with each other, one call at a time, in whatever worker. */
class Model {
  readonly #live = new Map<number, { holders: number; readonly length: number; stamp: number }>();
  readonly #gone: number[] = [];

  constructor(
    private readonly heap: Heap,
    private readonly others: readonly TestWorker[],
    private readonly random: Random,
  ) {}

  async step(): Promise<void> {
    const { random } = this;
    const handles = [...this.#live.keys()];
    const action = random.int(0, 9);
    if (handles.length === 0 || action < 2) return this.#share();
    const handle = random.pick(handles);
    if (action < 4) return this.#open(handle);
    if (action < 6) return this.#count('retain', handle, 1);
    if (action < 9) return this.#count('release', handle, -1);
    return this.#refuse();
  }

  async end(): Promise<void> {
    for (const [handle, { holders }] of [...this.#live])
      for (let i = 0; i < holders; i++) await this.#count('release', handle, -1);
    await Promise.all(this.others.map((other) => other.heap('collect')));
    this.heap.collect();
    empty(this.heap);
    this.heap.check();
  }

  async #share(): Promise<void> {
    const { heap, random } = this;
    const length = random.int(1, 3000);
    const view = heap.alloc(Float64Array, length);
    const stamp = (view[0] = random.next());
    // A worker that is sent the view may be the one that shares it.
    const other = random.oneIn(2) ? random.pick(this.others) : undefined;
    const handle = other === undefined ? heap.share(view) : await other.heap<number>('share', view);
    ensure(!this.#live.has(handle) && !this.#gone.includes(handle), () => `${handle} is given out twice`);
    this.#live.set(handle, { holders: 1, length, stamp });
  }

  async #open(handle: number): Promise<void> {
    const object = this.#live.get(handle)!;
    const other = this.random.pick([undefined, ...this.others]);
    const view =
      other === undefined ? this.heap.open<Float64Array>(handle) : await other.heap<Float64Array>('open', handle);
    expect([view.constructor, view.length, view[0]]).toEqual([Float64Array, object.length, object.stamp]);
    object.stamp = this.random.next();
    view[0] = object.stamp;
  }

  async #count(call: 'retain' | 'release', handle: number, by: number): Promise<void> {
    const object = this.#live.get(handle)!;
    const other = this.random.pick([undefined, ...this.others]);
    const holders = other === undefined ? this.heap[call](handle) : await other.heap(call, handle);
    object.holders += by;
    expect(holders).toBe(object.holders);
    if (object.holders > 0) return;
    this.#live.delete(handle);
    this.#gone.push(handle);
  }

  async #refuse(): Promise<void> {
    if (this.#gone.length === 0) return;
    const handle = this.random.pick(this.#gone);
    const call = this.random.pick(['open', 'retain', 'release'] as const);
    const other = this.random.pick([undefined, ...this.others]);
    if (other === undefined) refused(STALE, () => this.heap[call](handle));
    else await refusedThere(STALE, other.heap(call, handle));
  }
}

describe.each(['production', 'debug'] as const)('workers that share, in preset %s', (preset) => {
  const open = (): Heap => create({ preset, maxBytes: 16 * MIB, maxWorkers: 8, debugLevel: 0 });

  it(
    'agree with the model at every step',
    seeded(async (random) => {
      const heap = open();
      const model = new Model(heap, await workers.agents(heap, 2), random);
      for (let i = 0; i < BUDGET.crossRuns * BUDGET.crossCommands; i++) await model.step();
      await model.end();
    }),
    longTest(60_000),
  );

  it('see the same bytes', async () => {
    const heap = open();
    const [one, other] = await workers.agents(heap, 2);
    const view = heap.alloc(Int16Array, 7);
    const handle = heap.share(view);
    await one.call('write', handle, -5);
    expect(await other.call('read', handle)).toBe(-5);
    expect(view[0]).toBe(-5);
    expect(await one.heap('release', handle)).toBe(0);
    await refusedThere(STALE, other.call('read', handle));
    refused(STALE, () => heap.open(handle));
    heap.collect();
    empty(heap);
  });

  it(
    'and release at the same instant: one is the last',
    async () => {
      const heap = open();
      const racers = await workers.agents(heap, 2);
      const count = BUDGET.races;
      const handles = Array.from({ length: count }, (_, i) => heap.share(heap.alloc(Uint8Array, 1 + (i % 200))));
      for (const handle of handles) heap.retain(handle);
      const lasts = new SharedArrayBuffer(4 + 4 * count);
      await Promise.all(racers.map((racer) => racer.call('raceRelease', handles, lasts, 2)));
      expect(new Int32Array(lasts, 4).every((last) => last === 1)).toBe(true);
      for (const handle of handles) refused(STALE, () => heap.open(handle));
      for (const racer of racers) await racer.heap('collect');
      heap.collect();
      empty(heap);
      heap.check();
    },
    longTest(60_000),
  );

  it(
    'open what goes at that moment: it is theirs or stale, and never another one',
    async () => {
      const heap = open();
      const watcher = await workers.agent(heap);
      const handles = Array.from({ length: BUDGET.races }, (_, i) => heap.share(heap.alloc(Uint8Array, i + 1)));
      const at = new SharedArrayBuffer(4);
      const wrong = watcher.call<number>('watchHandles', handles, at);
      const again: number[] = [];
      for (const [i, handle] of handles.entries()) {
        // First the number, so that a handle that is stale may be.
        Atomics.store(new Int32Array(at), 0, i + 1);
        heap.release(handle);
        again.push(heap.share(heap.alloc(Uint8Array, handles.length + 1 + i)));
      }
      expect(await wrong).toBe(0);
      for (const handle of again) heap.release(handle);
      heap.collect();
      empty(heap);
    },
    longTest(60_000),
  );
});

describe('with full headers', () => {
  it('a handle is stale also when a worker that does not know it freed its object, and the memory is live again', async () => {
    const heap = create({ preset: 'debug', quarantineBytes: 0, maxBytes: 4 * MIB, debugLevel: 0 });
    const view = heap.alloc(Uint8Array, 50);
    const handle = heap.share(view);
    await (await workers.agent(heap)).heap('free', view.byteOffset);
    const others = Array.from({ length: 200 }, () => heap.alloc(Uint8Array, 50));
    expect(others.some(({ byteOffset }) => byteOffset === view.byteOffset)).toBe(true);
    refused(STALE, () => heap.open(handle));
    refused(STALE, () => heap.release(handle));
    heap.freeMany(others);
    heap.collect();
    empty(heap);
  });
});

describe('a worker that dies', () => {
  it('leaves what it shared, and the holds it had', async () => {
    const heap = create({ maxBytes: MIB });
    const other = await workers.agent(heap);
    heap.watch(other.worker);
    const handle = await other.heap<number>('share', heap.alloc(Uint8Array, 5));
    await other.heap('retain', handle);
    await other.kill();
    expect(heap.open(handle).length).toBe(5);
    expect([heap.release(handle), heap.release(handle)]).toEqual([1, 0]);
    heap.collect();
    empty(heap);
  });

  it(
    'as it shares and releases leaves a table that goes on',
    seeded(async (random) => {
      const heap = create({ maxBytes: 16 * MIB, maxWorkers: 4 });
      const kept = heap.share(heap.alloc(Uint8Array, 77));
      for (let i = 0; i < BUDGET.kills; i++) {
        const other = await workers.agent(heap);
        heap.watch(other.worker);
        const done = new SharedArrayBuffer(4);
        other.call('shareOn', done).catch(() => undefined);
        const enough = random.int(1, 2000);
        await until(() => Atomics.load(new Int32Array(done), 0) >= enough, 'the worker to share');
        await other.kill();
        heap.check();
        const own = Array.from({ length: 100 }, (_, j) => heap.share(heap.alloc(Uint8Array, j)));
        for (const [j, handle] of own.entries()) expect(heap.open(handle).length).toBe(j);
        for (const handle of own) expect(heap.release(handle)).toBe(0);
      }
      expect(heap.open(kept).length).toBe(77);
      // What the dead held is live, as all their blocks are, and can be freed.
      heap.release(kept);
      for (const { address } of [...heap.blocks()]) heap.free(address);
      heap.collect();
      empty(heap);
      heap.check();
    }),
    longTest(60_000),
  );
});
