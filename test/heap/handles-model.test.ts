import fc from 'fast-check';
import { type Heap } from 'sabmalloc';
import { describe, expect, it } from 'vitest';
import { BUDGET, longTest } from '../kit/budget.js';
import { heapsOfTest, MIB } from '../kit/heaps.js';
import { runs } from '../kit/random.js';
import { refusedThere, type TestWorker, workersOfTest } from '../kit/workers.js';

const create = heapsOfTest();
const workers = workersOfTest();
const WORKERS = 3;

type Kind = 'array' | 'chain' | 'sub-heap';

/** What a handle is, as simply as it can be said. */
interface Shared {
  readonly kind: Kind;
  readonly length: number;
  holders: number;
  /** How many blocks go with it. */
  blocks: number;
  /** Workers that have a hold on it, once for each. */
  readonly holds: number[];
}

const OPS = [
  'shareArray',
  'shareChain',
  'makeSubHeap',
  'look',
  'allocateIn',
  'retain',
  'release',
  'hold',
  'letGo',
] as const;
const command = fc.record({
  op: fc.constantFrom(...OPS, 'release', 'allocateIn', 'drop', 'stale', 'allocateInScope', 'resetScope'),
  worker: fc.nat(WORKERS - 1),
  /** Which of what there is: modulo how many there are. */
  pick: fc.nat(1000),
  length: fc.integer({ min: 1, max: 40 }),
});
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

/** Handles, holds, scopes and sub-heaps in several workers, one call at a time. */
class Model {
  private readonly live = new Map<number, Shared>();
  private readonly gone: number[] = [];
  private readonly inScopes = Array.from({ length: WORKERS }, () => 0);

  constructor(
    private readonly heap: Heap,
    private readonly others: readonly TestWorker[],
  ) {}

  async run({ op, worker, pick, length }: Command): Promise<void> {
    const other = this.others[worker];
    const handles = [...this.live.keys()];
    const handle = handles[pick % Math.max(1, handles.length)] as number | undefined;
    if (op === 'shareArray') await this.enter(other, op, 'array', length, 1);
    else if (op === 'shareChain') await this.enter(other, op, 'chain', length, length);
    else if (op === 'makeSubHeap') await this.enter(other, op, 'sub-heap', 0, 0);
    else if (op === 'allocateInScope') {
      expect(await other.call(op, length)).toBe(true);
      this.inScopes[worker]++;
    } else if (op === 'resetScope') {
      await other.call(op);
      this.inScopes[worker] = 0;
    } else if (op === 'stale') await this.refuse(other, pick);
    else if (handle !== undefined) await this.use(op, worker, handle, length);
    const blocks = [...this.live.values()].reduce((sum, shared) => sum + shared.blocks, 0);
    expect(this.heap.stats().liveBlocks).toBe(this.inScopes.reduce((sum, count) => sum + count, blocks));
  }

  private async enter(other: TestWorker, op: string, kind: Kind, length: number, blocks: number): Promise<void> {
    const handle = await other.call<number>(op, length);
    expect(this.live.has(handle) || this.gone.includes(handle)).toBe(false);
    this.live.set(handle, { kind, length, holders: 1, blocks, holds: [] });
  }

  private async use(op: Command['op'], worker: number, handle: number, length: number): Promise<void> {
    const shared = this.live.get(handle)!;
    const other = this.others[worker];
    if (op === 'look') expect(await other.call(op, handle)).toEqual([shared.kind, shared.length]);
    if (op === 'retain') expect(await other.call('heap', op, handle)).toBe(++shared.holders);
    if (op === 'hold') {
      await other.call(op, handle);
      shared.holders++;
      shared.holds.push(worker);
    }
    if (op === 'letGo' && shared.holds.includes(worker)) {
      await other.call(op, handle);
      shared.holds.splice(shared.holds.indexOf(worker), 1);
      this.less(handle, shared);
    }
    // What holds have taken is theirs.
    if (op === 'release' && shared.holders > shared.holds.length) {
      expect(await other.call('heap', op, handle)).toBe(shared.holders - 1);
      this.less(handle, shared);
    }
    if (shared.kind !== 'sub-heap') return;
    if (op === 'allocateIn') {
      await other.call(op, handle, length);
      shared.blocks++;
    }
    if (op === 'drop' && shared.holds.length === 0) {
      await other.call(op, handle);
      this.end(handle);
    }
  }

  private less(handle: number, shared: Shared): void {
    shared.holders--;
    if (shared.holders === 0) this.end(handle);
  }

  private end(handle: number): void {
    this.live.delete(handle);
    this.gone.push(handle);
  }

  private async refuse(other: TestWorker, pick: number): Promise<void> {
    if (this.gone.length === 0) return;
    const handle = this.gone[pick % this.gone.length];
    for (const op of ['look', 'hold', 'drop']) await refusedThere('ERR_HEAP_STALE_HANDLE', other.call(op, handle));
    for (const op of ['retain', 'release']) await refusedThere('ERR_HEAP_STALE_HANDLE', other.call('heap', op, handle));
  }

  /** Everything goes; the heap is as empty as it was. */
  async close(): Promise<void> {
    for (const [handle, shared] of [...this.live]) {
      for (const worker of shared.holds) await this.others[worker].call('letGo', handle);
      for (let left = shared.holders - shared.holds.length; left > 0; left--)
        await this.others[0].call('heap', 'release', handle);
    }
    for (const other of this.others) await other.call('resetScope');
    expect(this.heap.stats().liveBlocks).toBe(0);
    this.heap.check();
  }
}

describe.each(['production', 'debug'] as const)('handles, holds, scopes and sub-heaps, in preset %s', (preset) => {
  it(
    'are as the model says after every call of several workers',
    async () => {
      const heap = create({ preset, maxBytes: 32 * MIB, maxWorkers: 8, debugLevel: 0 });
      const others = Array.from({ length: WORKERS }, () => workers.start('structs', { token: heap.token }));
      const agrees = fc.asyncProperty(fc.array(command, { maxLength: 2 * BUDGET.crossCommands }), async (commands) => {
        const model = new Model(heap, others);
        try {
          for (const one of commands) await model.run(one);
        } catch (error) {
          // For the next run of these workers, as far as that can be.
          await model.close().catch(() => undefined);
          throw error;
        }
        await model.close();
      });
      await fc.assert(agrees, runs(BUDGET.crossRuns));
    },
    longTest(120_000),
  );
});
