import { attempt, type Misuse, type Scene } from '../scene.js';

/** Typed arrays that are no block of the scene's heap, by what they show instead. */
const STRANGERS: Readonly<Record<string, (scene: Scene) => Uint8Array>> = {
  'memory that is not shared': () => new Uint8Array(16),
  'another SharedArrayBuffer': ({ heap }) => new Uint8Array(new SharedArrayBuffer(heap.buffer.byteLength), 4096, 8),
  'a copy of the heap': (scene) => new Uint8Array(scene.heap.buffer.slice(0), scene.resident().address, 8),
  'a block of another heap': (scene) => scene.another().alloc(Uint8Array, 100),
  'memory that was transferred away': () => {
    const view = new Uint8Array(16);
    structuredClone(view.buffer, { transfer: [view.buffer] });
    return view;
  },
  'no bytes at all': () => new Uint8Array(0),
};

/** Typed arrays over the heap that do not begin where a block does. */
function offViews(scene: Scene): Uint8Array[] {
  const { heap } = scene;
  const inside = scene.residents().filter(({ bytes }) => bytes >= 100);
  return inside.flatMap(({ address, bytes }) => [
    heap.view(Uint8Array, address, bytes).subarray(16),
    heap.view(Uint8Array, address, bytes).subarray(3, 5),
    heap.view(Uint8Array, address + 32, 0),
  ]);
}

const NO_VIEWS: readonly unknown[] = [
  8,
  '8',
  null,
  undefined,
  {},
  [],
  true,
  8n,
  () => 8,
  new ArrayBuffer(8),
  Symbol('view'),
];

const FREED_STRANGERS = Object.entries(STRANGERS).map(([what, viewOf]): Misuse => ({
  name: `a view of ${what} is freed`,
  code: 'ERR_HEAP_INVALID_FREE',
  *run(scene) {
    const view = viewOf(scene);
    yield attempt(() => scene.heap.free(view), 'free', 'other memory');
    yield attempt(() => scene.heap.freeMany([view]), 'free', 'other memory');
  },
}));

export const VIEWS: readonly Misuse[] = [
  ...FREED_STRANGERS,
  {
    name: 'a view of other memory is resized or asked for its address',
    code: 'ERR_HEAP_INVALID_ADDRESS',
    *run(scene) {
      for (const viewOf of Object.values(STRANGERS)) {
        const view = viewOf(scene);
        yield attempt(() => scene.heap.resize(view, 10), 'resize', view);
        yield attempt(() => scene.heap.addressOf(view), 'addressOf', view);
      }
    },
  },
  {
    name: 'a view that begins inside a block is freed',
    code: 'ERR_HEAP_INVALID_FREE',
    *run(scene) {
      for (const view of offViews(scene)) yield attempt(() => scene.heap.free(view), 'free', view.byteOffset);
    },
  },
  {
    name: 'a view that begins inside a block is resized',
    code: 'ERR_HEAP_INVALID_ADDRESS',
    *run(scene) {
      for (const view of offViews(scene)) yield attempt(() => scene.heap.resize(view, 10), view.byteOffset);
    },
  },
  {
    name: 'the view of the whole heap is freed',
    code: 'ERR_HEAP_INVALID_FREE',
    *run({ heap }) {
      for (const view of [heap.u8, heap.i32, heap.u32, heap.f32, heap.f64, heap.u8.subarray(0, 0)])
        yield attempt(() => heap.free(view), 'free', 0);
    },
  },
  {
    name: 'a DataView over a block is freed',
    code: 'ERR_HEAP_INVALID_FREE',
    *run(scene) {
      const view = new DataView(scene.heap.buffer, scene.resident().address, 8);
      yield attempt(() => scene.heap.free(view as never), 'free', view);
    },
  },
  {
    name: 'a DataView over a block is resized or asked for its address',
    code: 'ERR_HEAP_INVALID_ADDRESS',
    *run(scene) {
      const view = new DataView(scene.heap.buffer, scene.resident().address, 8);
      yield attempt(() => scene.heap.resize(view as never, 10), 'resize', view);
      yield attempt(() => scene.heap.addressOf(view as never), 'addressOf', view);
    },
  },
  {
    name: 'the buffer itself is freed',
    code: 'ERR_HEAP_INVALID_FREE',
    *run({ heap }) {
      yield attempt(() => heap.free(heap.buffer as never), 'free', heap.buffer);
      yield attempt(() => heap.free(new ArrayBuffer(8) as never), 'free');
    },
  },
  {
    name: 'what is no view is resized or asked for its address',
    code: 'ERR_HEAP_INVALID_ADDRESS',
    *run({ heap }) {
      for (const value of NO_VIEWS) {
        yield attempt(() => heap.resize(value as never, 10), 'resize', value);
        yield attempt(() => heap.addressOf(value as never), 'addressOf', value);
      }
    },
  },
  {
    name: 'a freed view is resized',
    code: 'ERR_HEAP_INVALID_ADDRESS',
    *run({ heap }) {
      for (const length of [1, 100, 10_000]) {
        const view = heap.alloc(Float64Array, length);
        heap.free(view);
        yield attempt(() => heap.resize(view, length), 'resize', view.byteOffset);
        yield attempt(() => heap.resize(view, 3 * length), 'resize', view.byteOffset);
      }
    },
  },
  {
    name: 'a view is asked for outside the region',
    code: 'ERR_HEAP_INVALID_ADDRESS',
    *run(scene) {
      const { heap } = scene;
      const { byteLength } = heap.buffer;
      const { address } = scene.resident();
      for (const at of [0, 8, 4096, -8, byteLength, byteLength + 8, address + 2 ** 32, 2 ** 53])
        yield attempt(() => heap.view(Uint8Array, at, 8), 'view', at);
      yield attempt(() => heap.view(Uint8Array, address, byteLength), 'view', address);
      yield attempt(() => heap.view(Float64Array, address, 2 ** 50), 'view', address);
    },
  },
  {
    name: 'a view is asked for across the borders of its elements',
    code: 'ERR_HEAP_INVALID_ADDRESS',
    *run(scene) {
      const { address } = scene.resident(3);
      for (const type of [Int16Array, Int32Array, Float64Array, BigInt64Array])
        yield attempt(() => scene.heap.view(type as typeof Int16Array, address + 1, 1), 'view', address + 1);
    },
  },
  {
    name: 'a view is asked for at what is no address',
    code: 'ERR_HEAP_INVALID_ADDRESS',
    *run({ heap }) {
      for (const value of ['8', 8n, null, undefined, {}, [8], true, NaN, Infinity, 0.5, Symbol('8')])
        yield attempt(() => heap.view(Uint8Array, value as never, 8), 'view', value);
    },
  },
];
