import { type Heap } from 'sabmalloc';
import { attempt, type Attempt, type Misuse } from '../scene.js';

const CODE = 'ERR_HEAP_STALE_HANDLE';

/** Every call that takes a handle, with one that is none. */
function* onHandle(heap: Heap, handle: unknown): Generator<Attempt> {
  yield attempt(() => heap.open(handle as number), 'open', handle, 'retain');
  yield attempt(() => heap.retain(handle as number), 'retain', handle);
  yield attempt(() => heap.release(handle as number), 'release', handle);
  yield attempt(() => heap.hold(handle as number), 'retain', handle);
}

const NO_HANDLES: readonly unknown[] = [
  ...[0, -1, 1, 16, 1.5, NaN, Infinity, 2 ** 27, 2 ** 32, 2 ** 53 - 1, 2 ** 53, 1e300],
  ...['', '1', 1n, true, null, undefined, {}, [], Symbol('handle'), () => 1],
];

export const HANDLES: readonly Misuse[] = [
  {
    name: 'a value that is no handle is opened, retained or released',
    code: CODE,
    *run({ heap }) {
      for (const value of NO_HANDLES) yield* onHandle(heap, value);
    },
  },
  {
    name: 'a handle is used after its last release',
    code: CODE,
    *run({ heap }) {
      const handle = heap.share(heap.alloc(Uint8Array, 100));
      heap.release(handle);
      yield* onHandle(heap, handle);
    },
  },
  {
    name: 'a handle is used whose memory is that of another object',
    code: CODE,
    *run({ heap }) {
      const handle = heap.share(heap.alloc(Uint8Array, 100));
      heap.release(handle);
      const other = heap.share(heap.alloc(Uint8Array, 100));
      yield* onHandle(heap, handle);
      heap.release(other);
    },
  },
  {
    name: 'a number near a handle is used for one',
    code: CODE,
    *run({ heap }) {
      const handle = heap.share(heap.alloc(Uint8Array, 100));
      for (const near of [handle + 1, handle - 1, handle + 2 ** 27, 0 - handle, handle + 0.5]) yield* onHandle(heap, near);
      heap.release(handle);
    },
  },
  {
    name: 'a handle of another heap is used',
    code: CODE,
    *run(scene) {
      const other = scene.another();
      const own = scene.heap.share(scene.heap.alloc(Uint8Array, 100));
      yield* onHandle(scene.heap, other.share(other.alloc(Uint8Array, 100)));
      scene.heap.release(own);
    },
  },
  {
    name: 'what lies in no live block is shared',
    code: 'ERR_HEAP_INVALID_ADDRESS',
    *run(scene) {
      const { heap } = scene;
      const freed = heap.alloc(Uint8Array, 100);
      heap.free(freed);
      const strangers = [freed, new Uint8Array(8), scene.another().alloc(Uint8Array, 8)];
      for (const view of strangers) yield attempt(() => heap.share(view), 'share');
      for (const value of NO_HANDLES) yield attempt(() => heap.share(value as never), 'share', value);
    },
  },
];
