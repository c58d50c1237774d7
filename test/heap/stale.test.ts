import { type Heap } from 'sabmalloc';
import { describe, expect, it } from 'vitest';
import { refused } from '../kit/errors.js';
import { heapsOfTest, MIB } from '../kit/heaps.js';
import { type TestWorker, workersOfTest } from '../kit/workers.js';

const create = heapsOfTest();
const workers = workersOfTest();

/** What another worker made in memory that did not exist when this worker last looked. */
interface There {
  readonly heap: Heap;
  readonly agents: readonly TestWorker[];
  readonly small: number;
  readonly large: number;
  readonly workerId: number;
}

const LARGE = 6 * MIB;

/** Four workers grow the region far past the views of the first, which makes no call meanwhile. */
async function outgrown(backing: 'growable' | 'wasm'): Promise<There> {
  const heap = create({ backing, maxBytes: 256 * MIB });
  const agents: TestWorker[] = [];
  let last = { small: 0, large: 0, workerId: 0 };
  for (let i = 0; i < 4; i++) {
    const agent = await workers.agent(heap);
    agents.push(agent);
    const large = await agent.heap<number>('malloc', LARGE);
    const [[small]] = await agent.call<[number, number][]>('allocate', 1, 1000, 1000, 1, 1);
    last = { small, large, workerId: await agent.call<number>('property', 'workerId') };
  }
  return { heap, agents, ...last };
}

const CALLS: Record<string, (there: There) => unknown> = {
  check: ({ heap }) => {
    heap.check();
  },
  stats: ({ heap }) => {
    const stats = heap.stats();
    expect(stats.liveBlocks).toBe(8);
    expect(JSON.parse(JSON.stringify(stats))).toStrictEqual(stats);
  },
  blocks: ({ heap }) => expect([...heap.blocks()]).toHaveLength(8),
  collect: ({ heap }) => heap.collect(),
  reserve: ({ heap }) => heap.reserve(),
  malloc: ({ heap }) => heap.malloc(100),
  'malloc of a large block': ({ heap }) => heap.malloc(LARGE),
  free: ({ heap, small }) => {
    heap.free(small);
    refused('ERR_HEAP_DOUBLE_FREE', () => heap.free(small));
  },
  'free of a large block': ({ heap, large }) => heap.free(large),
  'free of no block': ({ heap, large }) => refused('ERR_HEAP_INVALID_FREE', () => heap.free(large + LARGE - 16)),
  'usableSize of no block': ({ heap, large }) =>
    refused('ERR_HEAP_INVALID_ADDRESS', () => heap.usableSize(large + LARGE - 16)),
  realloc: ({ heap, small }) => {
    const moved = heap.realloc(small, 5000);
    expect(heap.usableSize(moved)).toBeGreaterThanOrEqual(5000);
  },
  'realloc of a large block': ({ heap, large }) => heap.realloc(large, LARGE + MIB),
  usableSize: ({ heap, small }) => expect(heap.usableSize(small)).toBeGreaterThanOrEqual(1000),
  view: ({ heap, large }) => expect(heap.view(Uint8Array, large + LARGE - 8, 8)).toHaveLength(8),
  u8: ({ heap, large }) => expect(heap.u8.length).toBeGreaterThanOrEqual(large + LARGE),
  reclaim: async ({ heap, agents, workerId }) => {
    await agents[3].kill();
    heap.reclaim(workerId);
    expect(heap.stats().liveBlocks).toBe(8);
  },
  'reclaim of all': async ({ heap, agents }) => {
    const ids = await Promise.all(agents.map((agent) => agent.call<number>('property', 'workerId')));
    for (const agent of agents) await agent.kill();
    for (const id of ids) heap.reclaim(id);
    expect(heap.stats().liveBlocks).toBe(8);
  },
  watch: async ({ heap, agents }) => {
    for (const agent of agents) heap.watch(agent.worker);
    for (const agent of agents) await agent.kill();
    expect(heap.stats().liveBlocks).toBe(8);
  },
};

describe.each(['growable', 'wasm'] as const)('a worker whose views are behind, backing %s, may call', (backing) => {
  it.each(Object.entries(CALLS))('%s', async (_, call) => {
    const there = await outgrown(backing);
    await call(there);
    expect(there.heap.u8.length).toBe(there.heap.buffer.byteLength);
    there.heap.check();
  });
});
