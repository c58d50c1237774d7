import { type Heap } from 'sabmalloc';
import { MIB } from '../../kit/heaps.js';
import { attempt, type Attempt, harmless, type Misuse } from '../scene.js';

/** None of these is a number of bytes or of elements, whatever it could be coerced to. */
const NO_SIZES: readonly unknown[] = [
  ...['16', '', 'x', -1, -16, 1.5, 0.1, NaN, Infinity, -Infinity, -(2 ** 32), 16n, 0n, null, undefined, true, false],
  ...[{}, [], [16], { valueOf: () => 16 }, () => 16, Symbol('16'), new Date(16)],
];

const NO_ALIGNMENTS: readonly unknown[] = [
  ...[0, 3, 12, 24, 48, 100, 131_072, 2 ** 20, 2 ** 31, 2 ** 32, 2 ** 40, -8, -16, -(2 ** 31), 1.5, 0.5],
  ...[NaN, Infinity, -Infinity, '16', '', 16n, null, true, false, {}, [16], { valueOf: () => 16 }, Symbol('16')],
];

/** None of these is a number, though some could be coerced to the address of a live block. */
const noNumbers = (block: number): readonly unknown[] => [
  ...[true, false, '', '0', String(block), BigInt(block), 0n, Symbol('block'), {}, [], [block]],
  ...[{ valueOf: () => block }, () => block, new Date(block), /x/, new Map()],
];

/** The name of the call that the message gives, and the call. */
type SizedCall = readonly [says: string, call: (heap: Heap, size: never, block: number) => unknown];

const SIZED_CALLS: Readonly<Record<string, SizedCall>> = {
  malloc: ['malloc', (heap, size) => heap.malloc(size)],
  'malloc with an alignment': ['malloc', (heap, size) => heap.malloc(size, 64)],
  tryMalloc: ['tryMalloc', (heap, size) => heap.tryMalloc(size)],
  calloc: ['calloc', (heap, size) => heap.calloc(size)],
  'calloc with an alignment': ['calloc', (heap, size) => heap.calloc(size, 64)],
  realloc: ['realloc', (heap, size, block) => heap.realloc(block, size)],
  'realloc of nothing': ['realloc', (heap, size) => heap.realloc(0, size)],
  'mallocMany, as size': ['mallocMany', (heap, size) => heap.mallocMany(size, 2)],
  'mallocMany, as count': ['mallocMany', (heap, size) => heap.mallocMany(16, size)],
  alloc: ['alloc', (heap, size) => heap.alloc(Uint8Array, size)],
  allocUnsafe: ['alloc', (heap, size) => heap.allocUnsafe(Float64Array, size)],
  view: ['view', (heap, size, block) => heap.view(Uint8Array, block, size)],
  resize: ['resize', (heap, size, block) => heap.resize(heap.view(Uint8Array, block, 1), size)],
};

const WRONG_SIZES = Object.entries(SIZED_CALLS).map(([name, [says, call]]): Misuse => ({
  name: `a size that is no size, or none, is given to ${name}`,
  code: 'ERR_HEAP_INVALID_SIZE',
  *run(scene) {
    const { address } = scene.resident();
    for (const size of NO_SIZES) yield attempt(() => call(scene.heap, size as never, address), says, size);
  },
}));

const HUGE = [8 * MIB, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 16, 2 ** 53, 2 ** 60];

const NO_TYPES: readonly unknown[] = [undefined, null, 'Uint8Array', {}, [], 8, DataView, Array, Object, Map, () => 8];

/** Calls that take an address which must be a live block's. */
function* onAddress(heap: Heap, value: unknown): Generator<Attempt> {
  yield attempt(() => heap.realloc(value as never, 100), 'realloc', value);
  yield attempt(() => heap.usableSize(value as never), 'usableSize', value);
}

export const ARGUMENTS: readonly Misuse[] = [
  ...WRONG_SIZES,
  {
    name: 'a size larger than any region is asked for',
    code: 'ERR_HEAP_OUT_OF_MEMORY',
    *run(scene) {
      const { heap } = scene;
      const { address } = scene.resident();
      for (const size of HUGE) {
        yield attempt(() => heap.malloc(size), 'malloc', size);
        yield attempt(() => heap.calloc(size), 'calloc', size);
        yield attempt(() => heap.calloc(size, 4096), 'calloc', size);
        yield attempt(() => heap.realloc(address, size), 'realloc', size);
        yield attempt(() => heap.mallocMany(size, 2), 'mallocMany', size);
        yield attempt(() => heap.alloc(Uint8Array, size), 'alloc', size);
        yield attempt(() => heap.allocUnsafe(Float64Array, size), 'allocUnsafe', 8 * size);
        yield attempt(() => heap.resize(heap.view(Uint8Array, address, 1), size), 'resize', size);
      }
    },
  },
  {
    name: 'a size larger than any region is asked for by tryMalloc',
    code: 'none',
    *run({ heap }) {
      for (const size of HUGE) yield harmless(() => heap.tryMalloc(size), 0);
    },
  },
  {
    name: 'mallocMany is asked for more blocks than fit',
    code: 'ERR_HEAP_OUT_OF_MEMORY',
    *run(scene) {
      const heap = scene.another();
      for (const [bytes, count] of [
        [0, 2 ** 53],
        [16, 2 ** 40],
        [5000, 2 ** 32],
        [100_000, 1000],
      ])
        yield attempt(() => heap.mallocMany(bytes, count), 'mallocMany', bytes);
    },
  },
  {
    name: 'mallocMany is given an array that is too short',
    code: 'ERR_HEAP_INVALID_SIZE',
    *run({ heap }) {
      for (const out of [new Uint32Array(0), new Uint32Array(3), new Float64Array(3)])
        yield attempt(() => heap.mallocMany(64, 4, out), 'mallocMany', out.length, 4);
    },
  },
  {
    name: 'mallocMany is given what holds no addresses',
    code: 'ERR_HEAP_INVALID_SIZE',
    *run({ heap }) {
      const frozen = [Object.freeze([]), Object.freeze([0, 0, 0]), Object.seal([])];
      const narrow = [new Uint8Array(4), new Int16Array(4), new Float32Array(4), new BigUint64Array(4)];
      for (const out of [...frozen, ...narrow, {}, 'abcd', 5, new Map(), new DataView(new ArrayBuffer(8))])
        yield attempt(() => heap.mallocMany(64, 3, out as never), 'mallocMany', out);
    },
  },
  {
    name: 'an alignment that is no alignment is given to malloc, tryMalloc or calloc',
    code: 'ERR_HEAP_INVALID_ALIGNMENT',
    *run({ heap }) {
      for (const alignment of NO_ALIGNMENTS as never[]) {
        yield attempt(() => heap.malloc(64, alignment), 'malloc', alignment);
        yield attempt(() => heap.tryMalloc(64, alignment), 'tryMalloc', alignment);
        yield attempt(() => heap.calloc(64, alignment), 'calloc', alignment);
      }
      for (const size of [0, 1, 1000, 40_000, 200_000]) yield attempt(() => heap.malloc(size, 3), 'malloc', 3);
    },
  },
  {
    name: 'what is no constructor of a typed array is given as a type',
    code: 'ERR_HEAP_INVALID_SIZE',
    *run(scene) {
      for (const type of NO_TYPES as never[]) {
        yield attempt(() => scene.heap.alloc(type, 8), 'alloc', type);
        yield attempt(() => scene.heap.allocUnsafe(type, 8), 'alloc', type);
        yield attempt(() => scene.heap.view(type, scene.resident().address, 8), 'view', type);
      }
    },
  },
  {
    name: 'a function that only looks like a typed array is given as a type',
    code: 'ERR_HEAP_INVALID_SIZE',
    *run({ heap }) {
      for (const size of [1, 0, -1, 0.5, NaN]) {
        const arrow = Object.assign(() => 8, { BYTES_PER_ELEMENT: size }) as never;
        const fake = Object.assign(function fake() {}, { BYTES_PER_ELEMENT: size }) as never;
        for (const type of [arrow, fake]) yield attempt(() => heap.alloc(type, 8), 'alloc', type);
      }
    },
  },
  {
    name: 'what is no number is freed',
    code: 'ERR_HEAP_INVALID_FREE',
    *run(scene) {
      for (const value of noNumbers(scene.resident().address) as never[])
        yield attempt(() => scene.heap.free(value), 'free', value);
    },
  },
  {
    name: 'freeMany is given a list with something wrong in it',
    code: 'ERR_HEAP_INVALID_FREE',
    *run({ heap }) {
      for (const wrong of ['x', NaN, -8, {}, 12]) {
        const [first, last] = [heap.malloc(100), heap.malloc(100)];
        yield { ...attempt(() => heap.freeMany([first, wrong as never, last]), 'free', wrong), frees: [first] };
      }
    },
  },
  {
    name: 'freeMany is given what is no list',
    code: 'ERR_HEAP_INVALID_FREE',
    *run(scene) {
      for (const value of [null, undefined, true, 5, 5n, {}, scene.resident().address, () => 5])
        yield attempt(() => scene.heap.freeMany(value as never), 'freeMany', value);
    },
  },
  {
    name: 'a freed block is given to realloc or usableSize',
    code: 'ERR_HEAP_INVALID_ADDRESS',
    *run({ heap }) {
      for (const bytes of [1, 100, 5000, 40_000]) {
        const block = heap.malloc(bytes);
        heap.free(block);
        yield* onAddress(heap, block);
      }
    },
  },
  {
    name: 'the inside of a block is given to realloc or usableSize',
    code: 'ERR_HEAP_INVALID_ADDRESS',
    *run(scene) {
      for (const { address, usable } of scene.residents())
        for (const off of [1, 8, 16, 4096]) if (off < usable) yield* onAddress(scene.heap, address + off);
    },
  },
  {
    name: 'memory that is no block is given to realloc or usableSize',
    code: 'ERR_HEAP_INVALID_ADDRESS',
    *run({ heap }) {
      const { byteLength } = heap.buffer;
      for (const address of [8, 64, 4096, byteLength - 4096, byteLength, 2 ** 31, 2 ** 32])
        yield* onAddress(heap, address);
    },
  },
  {
    name: 'what is no address is given to realloc or usableSize',
    code: 'ERR_HEAP_INVALID_ADDRESS',
    *run(scene) {
      const { address } = scene.resident();
      const numbers = [-address, address + 0.5, address + 2 ** 32, NaN, Infinity, -1];
      for (const value of [...numbers, ...noNumbers(address), null, undefined]) yield* onAddress(scene.heap, value);
      yield attempt(() => scene.heap.usableSize(0), 'usableSize', 0);
    },
  },
  {
    name: 'a value that cannot be shown is given as an address or a size',
    code: 'ERR_HEAP_INVALID_FREE',
    *run({ heap }) {
      for (const value of unspeakable() as never[]) yield attempt(() => heap.free(value), 'free');
    },
  },
  {
    name: 'nothing is freed',
    code: 'none',
    *run({ heap }) {
      for (const nothing of [0, -0, null, undefined]) yield harmless(() => heap.free(nothing));
      yield harmless(() => heap.freeMany([]));
      yield harmless(() => heap.freeMany([0, null, undefined]));
    },
  },
];

/** Values that throw when they are turned into text. */
export function unspeakable(): unknown[] {
  const { proxy, revoke } = Proxy.revocable({}, {});
  const revocable = Proxy.revocable(() => 0, {});
  revoke();
  revocable.revoke();
  const angry = {
    get [Symbol.toStringTag](): string {
      throw new Error('nobody reads my tag');
    },
  };
  return [proxy, revocable.proxy, angry, Object.defineProperty(() => 0, 'name', { value: Symbol('no text') })];
}
