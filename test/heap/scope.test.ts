import { type Heap, type Scope } from 'sabmalloc';
import { describe, expect, it } from 'vitest';
import { refused } from '../kit/errors.js';
import { heapsOfTest, MIB } from '../kit/heaps.js';
import { seeded } from '../kit/random.js';

const create = heapsOfTest();

const live = (heap: Heap): number => {
  heap.check();
  return heap.stats().liveBlocks;
};

/** One block by each call of a scope. */
function allocateAll(scope: Scope): void {
  scope.malloc(10);
  scope.malloc(10, 4096);
  scope.calloc(10);
  scope.realloc(scope.realloc(0, 10), 10_000);
  scope.alloc(Float64Array, 10);
  scope.allocUnsafe(Uint8Array, 100_000);
}

describe.each(['production', 'debug'] as const)('a scope, in preset %s', (preset) => {
  const open = (): Heap => create({ preset, maxBytes: 4 * MIB, debugLevel: 0 });

  it('frees everything at its end and returns what the function returns', () => {
    const heap = open();
    const during = heap.scope((scope) => {
      allocateAll(scope);
      expect(scope.size).toBe(6);
      return live(heap);
    });
    expect([during, live(heap)]).toEqual([6, 0]);
  });

  it('frees everything when the function throws, and throws what it threw', () => {
    const heap = open();
    const error = new Error('out of the scope');
    const run = (spoil: (scope: Scope) => void) => () =>
      heap.scope((scope) => {
        allocateAll(scope);
        spoil(scope);
        throw error;
      });
    expect(run(() => undefined)).toThrow(error);
    // Even if something in it can't be freed.
    expect(run((scope) => heap.free(scope.malloc(64)))).toThrow(error);
    expect(live(heap)).toBe(0);
  });

  it('frees when the promise is settled', async () => {
    const heap = open();
    const run = (fails: boolean): Promise<string> =>
      heap.scope(async (scope) => {
        allocateAll(scope);
        await Promise.resolve();
        scope.malloc(20);
        if (fails) throw new Error('rejected');
        return 'resolved';
      });
    const running = run(false);
    expect(live(heap)).toBe(6);
    expect(await running).toBe('resolved');
    await expect(run(true)).rejects.toThrow('rejected');
    expect(live(heap)).toBe(0);
  });

  it('leaves what is kept, by address and by view', () => {
    const heap = open();
    const [address, view] = heap.scope((scope) => {
      allocateAll(scope);
      return [scope.keep(scope.malloc(10)), scope.keep(scope.alloc(Uint8Array, 3))] as const;
    });
    expect(live(heap)).toBe(2);
    heap.freeMany([address, view]);
    expect(live(heap)).toBe(0);
  });

  it('may be reset again and again, and disposed of once', () => {
    const heap = open();
    {
      using frames = heap.scope();
      for (let i = 0; i < 20; i++) {
        allocateAll(frames);
        allocateAll(frames.scope());
        expect(live(heap)).toBe(12);
        frames.reset();
        expect([live(heap), frames.size]).toEqual([0, 0]);
      }
      allocateAll(frames);
      frames[Symbol.dispose]();
      frames[Symbol.dispose]();
    }
    expect(live(heap)).toBe(0);
  });

  it('ends with the one it is in', () => {
    const heap = open();
    const inner = heap.scope((scope) => {
      scope.scope((nested) => allocateAll(nested));
      expect(live(heap)).toBe(0);
      const left = scope.scope();
      allocateAll(left);
      return left;
    });
    expect(live(heap)).toBe(0);
    for (const call of [() => inner.malloc(1), () => inner.reset(), () => inner.scope(), () => inner.keep(16)])
      refused('ERR_HEAP_DETACHED', call);
  });

  it('frees and keeps its own blocks only', () => {
    const heap = open();
    const stranger = heap.malloc(16);
    heap.scope((scope) => {
      const own = scope.alloc(Uint8Array, 16);
      refused('ERR_HEAP_INVALID_FREE', () => scope.free(stranger));
      refused('ERR_HEAP_INVALID_ADDRESS', () => scope.keep(stranger));
      refused('ERR_HEAP_INVALID_ADDRESS', () => scope.realloc(stranger, 8));
      scope.free(own);
      refused('ERR_HEAP_INVALID_FREE', () => scope.free(own));
      for (const nothing of [0, null, undefined]) scope.free(nothing);
    });
    expect(live(heap)).toBe(1);
  });

  it('frees the others if one can not be freed, and says so', () => {
    const heap = open();
    refused('ERR_HEAP_DOUBLE_FREE', () =>
      heap.scope((scope) => {
        allocateAll(scope);
        heap.free(scope.malloc(64));
        allocateAll(scope);
      }),
    );
    expect(live(heap)).toBe(0);
  });

  it('is over in a heap that was left', () => {
    const heap = open();
    heap.detach();
    refused('ERR_HEAP_DETACHED', () => heap.scope());
  });

  it(
    'and scopes within it free what their blocks say, in any order of calls',
    seeded((random) => {
      const heap = open();
      const root = heap.scope();
      const scopes = [root];
      const kept: number[] = [];
      for (let i = 0; i < 500; i++) {
        const scope = random.pick(scopes);
        const action = random.int(0, 9);
        if (action < 6) scope.malloc(random.size(0, 5000));
        else if (action < 7) kept.push(scope.keep(scope.malloc(random.size(0, 5000))));
        else if (action < 9) scopes.push(scopes[0].scope());
        else if (scope !== root) {
          scope[Symbol.dispose]();
          scopes.splice(scopes.indexOf(scope), 1);
        }
        const sizes = scopes.reduce((sum, { size }) => sum + size, kept.length);
        if (heap.stats().liveBlocks !== sizes) throw new Error(`${heap.stats().liveBlocks} blocks, not ${sizes}`);
      }
      root[Symbol.dispose]();
      expect(live(heap)).toBe(kept.length);
      heap.freeMany(kept);
      expect(live(heap)).toBe(0);
    }),
  );
});
