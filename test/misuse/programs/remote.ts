import { attempt, type Misuse, SIZES } from '../scene.js';

/** What another worker does wrong, or what this one does wrong with what another worker freed. */
export const REMOTE: readonly Misuse[] = [
  {
    name: 'a block is freed by another worker, then by its owner',
    code: 'ERR_HEAP_DOUBLE_FREE',
    async *run(scene) {
      const other = await scene.agent();
      for (const bytes of SIZES) {
        const block = scene.heap.malloc(bytes);
        await other.heap('free', block);
        yield attempt(() => scene.heap.free(block), 'free', block);
      }
    },
  },
  {
    name: 'a block is freed by its owner, then by another worker',
    code: 'ERR_HEAP_DOUBLE_FREE',
    async *run(scene) {
      const other = await scene.agent();
      for (const bytes of SIZES) {
        const block = scene.heap.malloc(bytes);
        scene.heap.free(block);
        yield attempt(() => other.heap('free', block), 'free', block);
      }
    },
  },
  {
    name: 'a block is freed by two workers that do not own it',
    code: 'ERR_HEAP_DOUBLE_FREE',
    async *run(scene) {
      const [first, second] = await scene.workers.agents(scene.heap, 2);
      for (const bytes of SIZES) {
        const block = scene.heap.malloc(bytes);
        await first.heap('free', block);
        yield attempt(() => second.heap('free', block), 'free', block);
        yield attempt(() => first.heap('free', block), 'free', block);
      }
    },
  },
  {
    name: 'a block is freed again after collect() brought it home from another worker',
    code: 'ERR_HEAP_DOUBLE_FREE',
    async *run(scene) {
      const other = await scene.agent();
      for (const bytes of SIZES) {
        scene.heap.malloc(bytes);
        const block = scene.heap.malloc(bytes);
        await other.heap('free', block);
        scene.heap.collect();
        yield attempt(() => scene.heap.free(block), 'free', block);
        yield attempt(() => other.heap('free', block), 'free', block);
      }
    },
  },
  {
    name: 'a block is freed again in its second life, which another worker ended',
    code: 'ERR_HEAP_DOUBLE_FREE',
    async *run(scene) {
      const other = await scene.agent();
      const first = scene.heap.malloc(64);
      scene.heap.free(first);
      const second = scene.heap.malloc(64);
      await other.heap('free', second);
      yield attempt(() => other.heap('free', first), 'free', first);
      yield attempt(() => scene.heap.free(first), 'free', first);
    },
  },
  {
    name: 'a block is freed under its old address after another worker moved it',
    code: 'ERR_HEAP_DOUBLE_FREE',
    async *run(scene) {
      const other = await scene.agent();
      for (const bytes of SIZES.slice(0, 6)) {
        const old = scene.heap.malloc(bytes);
        await other.heap('realloc', old, bytes * 8 + 100);
        yield attempt(() => scene.heap.free(old), 'free', old);
      }
    },
  },
  {
    name: 'a block of a worker that left is freed twice',
    code: 'ERR_HEAP_DOUBLE_FREE',
    async *run(scene) {
      const other = await scene.agent();
      const blocks: number[] = [];
      for (const bytes of SIZES) blocks.push(await other.heap<number>('malloc', bytes));
      for (const bytes of SIZES) await other.heap<number>('malloc', bytes);
      await other.call('detach');
      for (const block of blocks) {
        scene.heap.free(block);
        yield attempt(() => scene.heap.free(block), 'free', block);
      }
    },
  },
  {
    name: 'another worker frees what is no block',
    code: 'ERR_HEAP_INVALID_FREE',
    async *run(scene) {
      const other = await scene.agent();
      for (const { address, usable } of scene.residents())
        for (const off of [1, 4, 8, 16, (usable >>> 1) & ~15])
          if (off > 0 && off < usable) yield attempt(() => other.heap('free', address + off), 'free', address + off);
      for (const value of [-8, 8, 4096, 1.5, NaN, '16', 16n, 2 ** 32, {}, scene.heap.buffer.byteLength])
        yield attempt(() => other.heap('free', value), 'free', value);
    },
  },
  {
    name: 'another worker resizes, or asks for the size of, what is no block',
    code: 'ERR_HEAP_INVALID_ADDRESS',
    async *run(scene) {
      const other = await scene.agent();
      const { address } = scene.resident(5);
      for (const wrong of [address + 8, address + 16, 8, 2 ** 31]) {
        yield attempt(() => other.heap('usableSize', wrong), 'usableSize', wrong);
        yield attempt(() => other.heap('realloc', wrong, 100), 'realloc', wrong);
      }
    },
  },
];
