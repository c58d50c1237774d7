// Tasks for test/piscina: what ends well, and every other way in which a task may end.
import { threadId } from 'node:worker_threads';
import { HeapError } from 'sabmalloc';
import { task } from 'sabmalloc/piscina';

const forever = () => new Promise(() => setInterval(() => {}, 1000));

/** Takes blocks of many kinds, more than one chunk of the journal has room for, frees some and keeps the rest in hand. */
function fill(scope) {
  const blocks = Array.from({ length: 200 }, (_, i) => scope.malloc(16 + 40 * i));
  for (const address of blocks.splice(50, 70)) scope.free(address);
  blocks[0] = scope.realloc(blocks[0], 50_000);
  const inner = scope.scope();
  inner.alloc(Float64Array, 1000);
  inner[Symbol.dispose]();
  scope.scope().allocUnsafe(Uint8Array, 77);
}

export const sum = task(({ open, workerData }, { handle, factor }) => {
  const view = open(handle);
  view[0] += 1;
  return { sum: factor * view.reduce((a, b) => a + b, 0), workerData };
});

export const squares = task(({ scope, give }, { length }) => {
  const view = scope.alloc(Float64Array, length);
  scope.alloc(Int32Array, 100);
  view.forEach((_, i) => (view[i] = i * i));
  return { handle: give(view), part: give(scope.alloc(Uint8Array, 64).fill(5).subarray(16, 20)) };
});

/** `how` the task ends once it holds blocks, handles and a chunk or two of the journal; `started` is a flag of the caller's. */
export const end = task(async ({ heap, scope, open, give }, { how, handle, started }) => {
  fill(scope);
  give(scope.alloc(Float32Array, 10));
  if (handle !== undefined) open(handle).fill(9);
  if (started !== undefined) Atomics.store(heap.i32, started >>> 2, 1);
  switch (how) {
    case 'throws':
      throw new RangeError('as told');
    case 'throws of the heap':
      throw new HeapError('ERR_HEAP_VALUE', 'as told', { value: 7 });
    case 'out of memory':
      heap.malloc(2 ** 31);
      break;
    case 'exits':
      process.exit(3);
      break;
    case 'crashes':
      setImmediate(() => {
        throw new Error('crash');
      });
      await forever();
      break;
    case 'answers what cannot be sent':
      return () => {};
    case 'writes on':
      for (;;) open(handle).fill(9);
    default:
      await forever();
  }
  return undefined;
});

let late;

/** Returns before what it has begun has ended; what `give` and the scope say then, the next call returns. */
export const early = task(({ scope, give }) => {
  const said = late;
  late = [];
  const view = scope.alloc(Uint8Array, 8);
  setImmediate(() => {
    for (const call of [() => give(view), () => scope.malloc(8)])
      try {
        call();
      } catch (error) {
        late.push(error.code);
      }
  });
  return said;
});

const SIZES = [100, 3000, 20, 200_000, 60, 40, 9000, 4];

/**
 * A block and a view that move again and again; `started` is a flag of the caller's. Whether they always held what they should is in the answer, with
 * a handle of the view as it was last, and what the heap said of a view that was not resized for want of room.
 */
export const move = task(({ heap, scope, give }, { rounds = Infinity, started }) => {
  let address = scope.realloc(0, 16);
  heap.u32[address >>> 2] = 1234;
  let view = scope.alloc(Float64Array, 4).fill(7);
  let isRight = true;
  for (let round = 0; round < rounds; round++) {
    if (round === 1 && started !== undefined) Atomics.store(heap.i32, started >>> 2, 1);
    const length = SIZES[round % SIZES.length];
    const before = view.length;
    view = scope.resize(view, length);
    address = scope.realloc(address, length);
    const isKept = heap.u32[address >>> 2] === 1234 && view.subarray(0, before).every((value) => value === 7);
    isRight &&= isKept && view.length === length && view.subarray(before).every((value) => value === 0);
    view.fill(7);
  }
  let refusal;
  try {
    scope.resize(view, 2 ** 27);
  } catch ({ code }) {
    refusal = code;
  }
  scope.free(address);
  return { isRight, refusal, handle: give(view) };
});

export const keep = task(({ scope }) => scope.keep(scope.malloc(100)));

export const thread = task(() => threadId);

export const plain = () => 7;
