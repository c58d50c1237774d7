import { Heap } from 'sabmalloc';
import { MIB } from '../../kit/heaps.js';
import { attempt, type Attempt, harmless, type Misuse, type Scene } from '../scene.js';
import { unspeakable } from './arguments.js';

type Call = (heap: Heap, block: number, view: Uint8Array) => unknown;

/** Every call there is, with the name that the message gives it. */
const CALLS: readonly (readonly [says: string, call: Call])[] = [
  ['malloc', (heap) => heap.malloc(16)],
  ['malloc', (heap) => heap.malloc(100_000)],
  ['malloc', (heap) => heap.malloc(16, 4096)],
  ['tryMalloc', (heap) => heap.tryMalloc(16)],
  ['calloc', (heap) => heap.calloc(16)],
  ['calloc', (heap) => heap.calloc(16, 64)],
  ['realloc', (heap, block) => heap.realloc(block, 32)],
  ['realloc', (heap) => heap.realloc(0, 32)],
  ['free', (heap, block) => heap.free(block)],
  ['free', (heap, _, view) => heap.free(view)],
  ['free', (heap) => heap.free(0)],
  ['usableSize', (heap, block) => heap.usableSize(block)],
  ['mallocMany', (heap) => heap.mallocMany(16, 4)],
  ['free', (heap, block) => heap.freeMany([block])],
  ['alloc', (heap) => heap.alloc(Uint8Array, 16)],
  ['allocUnsafe', (heap) => heap.allocUnsafe(Float64Array, 16)],
  ['view', (heap, block) => heap.view(Uint8Array, block, 16)],
  ['addressOf', (heap, _, view) => heap.addressOf(view)],
  ['resize', (heap, _, view) => heap.resize(view, 100)],
  ['share', (heap, _, view) => heap.share(view)],
  ['open', (heap) => heap.open(1)],
  ['retain', (heap) => heap.retain(1)],
  ['release', (heap) => heap.release(1)],
  ['hold', (heap) => heap.hold(1)],
  ['scope', (heap) => heap.scope()],
  ['collect', (heap) => heap.collect()],
  ['stats', (heap) => heap.stats()],
  ['check', (heap) => heap.check()],
  ['blocks', (heap) => [...heap.blocks()]],
  ['reserve', (heap) => heap.reserve()],
  ['reclaim', (heap) => heap.reclaim(1)],
  ['watch', (heap) => heap.watch({ threadId: 99, once: () => undefined })],
  ...(['buffer', 'u8', 'i32', 'u32', 'f32', 'f64'] as const).map((name) => [name, (heap: Heap) => heap[name]] as const),
];

/** A heap that was left, its last blocks, and somebody who sees what becomes of them. */
function* leftBehind(scene: Scene, call: (heap: Heap, block: number, view: Uint8Array) => Iterable<Attempt>) {
  const heap = Heap.create({ ...scene.options, maxBytes: MIB });
  const [block, view] = [heap.malloc(100), heap.alloc(Uint8Array, 100)];
  heap.detach();
  scene.observe(Heap.attach(heap.token));
  yield* call(heap, block, view);
}

const NO_TOKENS: readonly unknown[] = [
  ...[undefined, null, 0, 1, -1, NaN, true, '', 'token', '{}', 5n, Symbol('token'), {}, [], new Map(), () => ({})],
  ...[new SharedArrayBuffer(MIB), new ArrayBuffer(8), new Uint8Array(8), Object.create(null), new Error('x')],
  { memory: new SharedArrayBuffer(MIB), version: 1 },
];

const fieldsOf = (heap: Heap): Record<string, unknown> => ({ ...heap.token });

export const DEPARTURES: readonly Misuse[] = [
  {
    name: 'any call is made after detach()',
    code: 'ERR_HEAP_DETACHED',
    *run(scene) {
      yield* leftBehind(scene, function* (heap, block, view) {
        for (const [says, call] of CALLS) yield attempt(() => call(heap, block, view), says, 'attach again');
      });
    },
  },
  {
    name: 'detach() is called twice',
    code: 'none',
    *run(scene) {
      yield* leftBehind(scene, function* (heap) {
        yield harmless(() => heap.detach());
        yield harmless(() => heap[Symbol.dispose]());
      });
    },
  },
  {
    name: 'a worker goes on after another one reclaimed it',
    code: 'ERR_HEAP_DETACHED',
    async *run(scene) {
      const other = await scene.agent();
      const block = await other.heap<number>('malloc', 100);
      scene.heap.reclaim(await other.call<number>('property', 'workerId'));
      const calls: readonly (readonly [string, ...unknown[]])[] = [
        ...([
          ['malloc', 100],
          ['malloc', 40_000],
          ['realloc', block, 200],
          ['free', block],
        ] as const),
        ...([['usableSize', block], ['collect'], ['check'], ['stats'], ['reserve'], ['reclaim', 1]] as const),
      ];
      for (const [name, ...args] of calls) yield attempt(() => other.heap(name, ...args), name, 'attach again');
    },
  },
  {
    name: 'reclaim is given what is no worker id, its own, or an old one',
    code: 'none',
    *run({ heap }) {
      const { workerId } = heap.reserve();
      heap.reclaim(workerId);
      const numbers = [0, -1, 1.5, NaN, Infinity, 2 ** 31, 2 ** 53, heap.workerId, heap.workerId + 1024, workerId];
      const others = ['1', 1n, null, undefined, {}, [1], true, Symbol('worker'), ...unspeakable()];
      for (const id of [...numbers, ...others]) yield harmless(() => heap.reclaim(id as never), false);
    },
  },
  {
    name: 'watch is given what has no exit event',
    code: 'ERR_HEAP_CONFIG',
    *run({ heap }) {
      for (const value of [null, undefined, 1, 'worker', {}, () => 1, { threadId: 1 }, { once: () => 1 }, []])
        yield attempt(() => heap.watch(value as never), 'watch', value, 'reclaim');
    },
  },
  {
    name: 'watch is given a worker id that is none',
    code: 'none',
    *run({ heap }) {
      for (const id of ['x', NaN, -1, {}, heap.workerId, 2 ** 53]) {
        const exits: (() => void)[] = [];
        const worker = { threadId: 12_345, once: (_: string, listener: () => void) => exits.push(listener) };
        yield harmless(() => {
          heap.watch(worker, id as never);
          for (const exit of exits) exit();
        });
      }
    },
  },
];

export const ATTACHING: readonly Misuse[] = [
  {
    name: 'attach is given what is no token',
    code: 'ERR_HEAP_TOKEN',
    *run() {
      for (const value of NO_TOKENS) yield attempt(() => Heap.attach(value as never), 'token');
    },
  },
  {
    name: 'attach is given a token without one of its fields',
    code: 'ERR_HEAP_TOKEN',
    async *run(scene) {
      const other = scene.workers.start('agent');
      for (const key of Object.keys(scene.heap.token)) {
        const { [key]: _, ...rest } = fieldsOf(scene.heap);
        yield attempt(() => Heap.attach(rest as never), 'token', key === 'kind' ? 'kind' : key);
        yield attempt(() => other.call('tryAttach', rest), 'token');
      }
    },
  },
  {
    name: 'attach is given the token of one heap with a field of another',
    code: 'ERR_HEAP_TOKEN',
    async *run(scene) {
      const other = scene.workers.start('agent');
      const mine = fieldsOf(scene.heap);
      for (const [key, value] of Object.entries(fieldsOf(scene.another()))) {
        if (Object.is(mine[key], value)) continue;
        yield attempt(() => Heap.attach({ ...mine, [key]: value } as never), 'token');
        yield attempt(() => other.call('tryAttach', { ...mine, [key]: value }), 'token');
      }
    },
  },
  {
    name: 'attach is given a token of another format version',
    code: 'ERR_HEAP_TOKEN',
    *run({ heap }) {
      const { version } = heap.token;
      for (const other of [version + 1, version - 1, version + 0.5, -version, String(version), BigInt(version)])
        yield attempt(() => Heap.attach({ ...heap.token, version: other } as never), 'version', other, version);
    },
  },
  {
    name: 'attach is given memory in which no heap is any more',
    code: 'ERR_HEAP_TOKEN',
    *run({ options }) {
      const memory = new SharedArrayBuffer(MIB);
      const heap = Heap.create({ ...options, memory });
      heap.detach();
      new Uint8Array(memory).fill(0);
      yield attempt(() => Heap.attach(heap.token), 'no heap');
      new Uint8Array(memory).fill(0xff);
      yield attempt(() => Heap.attach(heap.token), 'no heap');
    },
  },
  {
    name: 'a reservation is used twice',
    code: 'ERR_HEAP_TOKEN',
    async *run(scene) {
      const { token, workerId } = scene.heap.reserve();
      const [first, second] = [scene.workers.start('agent'), scene.workers.start('agent')];
      await first.call('attach', token);
      yield attempt(() => second.call('attach', token), 'reservation', workerId, 'reserve()');
    },
  },
  {
    name: 'a reservation is used after it was taken back',
    code: 'ERR_HEAP_TOKEN',
    async *run(scene) {
      const { token, workerId } = scene.heap.reserve();
      scene.heap.reclaim(workerId);
      const other = scene.workers.start('agent');
      yield attempt(() => other.call('attach', token), 'reservation', workerId, 'reserve()');
    },
  },
  {
    name: 'a reservation is forged',
    code: 'ERR_HEAP_TOKEN',
    async *run(scene) {
      const other = scene.workers.start('agent');
      const { token, workerId } = scene.heap.reserve();
      const forged = [scene.heap.workerId, workerId + 1, workerId + 1024, 1, 2 ** 31, 2 ** 53, 0, -1, 1.5, NaN, '7'];
      for (const id of forged) yield attempt(() => other.call('attach', { ...token, workerId: id }), String(id));
    },
  },
  {
    name: 'more workers attach, or are reserved, than maxWorkers says',
    code: 'ERR_HEAP_WORKERS',
    async *run(scene) {
      const heap = scene.another({ maxWorkers: 2 });
      heap.reserve();
      const other = scene.workers.start('agent');
      yield attempt(() => other.call('attach', heap.token), 'maxWorkers', '2');
      yield attempt(() => heap.reserve(), 'maxWorkers', '2');
    },
  },
  {
    name: 'a worker attaches to a heap that is full',
    code: 'ERR_HEAP_OUT_OF_MEMORY',
    async *run(scene) {
      const heap = scene.another();
      for (const bytes of [65_536, 4096, 2048]) while (heap.tryMalloc(bytes) !== 0);
      const other = scene.workers.start('agent');
      for (let i = 0; i < 3; i++) yield attempt(() => other.call('attach', heap.token), 'control block', 'maxBytes');
    },
  },
];
