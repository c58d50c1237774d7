// A worker that does what it is told: each message `{ id, op, args }` is answered with `{ id, result }` or `{ id, error }`.
import { parentPort, workerData } from 'node:worker_threads';
import { Heap, HeapError } from 'sabmalloc';
import { wrapModule } from 'sabmalloc/wasm';
import { damage, nonZero, Random, stamp } from './common.mjs';

let heap;
/** The instance of a module that runs over the heap. */
let wrapped;

const isTypedArray = (value) => ArrayBuffer.isView(value) && !(value instanceof DataView);

/** Addresses of stamped blocks of mixed sizes; `[address, bytes]` of each. */
function allocate(count, least, most, seed, tag) {
  const random = new Random(seed);
  return Array.from({ length: count }, () => {
    const bytes = random.size(least, most);
    const address = heap.malloc(bytes);
    stamp(heap.u8, address, bytes, tag);
    return [address, bytes];
  });
}

const ops = {
  attach(token) {
    heap = Heap.attach(token);
    return heap.workerId;
  },
  /** Attaches, says whether that gave the same heap again. */
  attachAgain: (token) => Heap.attach(token) === heap,
  /** Attaches only to see what happens. */
  tryAttach(token) {
    const other = Heap.attach(token);
    const id = other.workerId;
    if (other !== heap) other.detach();
    return id;
  },
  wrap(module, options) {
    wrapped = wrapModule(module, { heap, ...options });
    return wrapped.blocks;
  },
  /** Calls a function that the module exports. */
  c: (name, ...args) => wrapped.exports[name](...args),
  release: () => wrapped.release(),
  detach: () => heap.detach(),
  property: (name) => heap[name],
  /** Any method of the heap; views are sent as they are, iterators as arrays. */
  heap(method, ...args) {
    const result = heap[method](...args);
    if (method === 'blocks') return [...result];
    return ArrayBuffer.isView(result) && method.endsWith('Many') ? [...result] : result;
  },
  viewMatches: (address, view) => isTypedArray(view) && heap.addressOf(view) === address,
  allocate,
  stamp: (address, bytes, tag) => stamp(heap.u8, address, bytes, tag),
  damage: (address, bytes, tag, stamped) => damage(heap.u8, address, bytes, tag, stamped),
  nonZero: (address, bytes) => nonZero(heap.u8, address, bytes),
  /** How many of these blocks, `[address, bytes]`, are not as stamped. */
  damaged: (blocks, tag) => blocks.filter(([address, bytes]) => damage(heap.u8, address, bytes, tag) !== -1).length,
  freeAll(addresses) {
    for (const address of addresses) heap.free(address);
  },
  /**
   * Frees each block at the same instant as `racers - 1` other workers do. Word 0 of `shared` is where they meet; word
   * 1 + i counts who was let through at block i.
   */
  raceFree(addresses, shared, racers) {
    const words = new Int32Array(shared);
    for (const [i, address] of addresses.entries()) {
      Atomics.add(words, 0, 1);
      while (Atomics.load(words, 0) < (i + 1) * racers);
      try {
        heap.free(address);
        Atomics.add(words, 1 + i, 1);
      } catch (error) {
        if (error.code !== 'ERR_HEAP_DOUBLE_FREE') throw error;
      }
    }
  },
  /** Writes into, or reads, the first element of what a handle opens. */
  write(handle, value) {
    heap.open(handle)[0] = value;
  },
  read: (handle) => heap.open(handle)[0],
  /**
   * Releases each handle at the same instant as `racers - 1` other workers do. Word 0 of `shared` is where they meet; word
   * 1 + i counts who was told that it was the last at handle i.
   */
  raceRelease(handles, shared, racers) {
    const words = new Int32Array(shared);
    for (const [i, handle] of handles.entries()) {
      Atomics.add(words, 0, 1);
      while (Atomics.load(words, 0) < (i + 1) * racers);
      if (heap.release(handle) === 0) Atomics.add(words, 1 + i, 1);
    }
  },
  /** Opens one handle after the other while they go: how many showed what is not theirs. Word 0 of `shared` says which is next. */
  watchHandles(handles, shared) {
    const words = new Int32Array(shared);
    let wrong = 0;
    for (let i = 0; i < handles.length; i = Math.max(i, Atomics.load(words, 0)))
      try {
        const { length } = heap.open(handles[i]);
        if (length !== i + 1) wrong++;
      } catch (error) {
        if (error.code !== 'ERR_HEAP_STALE_HANDLE') throw error;
        if (Atomics.load(words, 0) <= i) wrong++;
      }
    return wrong;
  },
  /** Shares and releases without end, until it is killed. Word 0 of `shared` counts. */
  shareOn(shared) {
    const words = new Int32Array(shared);
    const held = [];
    for (let i = 0; ; i++) {
      held.push(heap.share(heap.alloc(Int32Array, 1 + (i % 100))));
      if (held.length > 50) for (const handle of held.splice(0, 25)) heap.release(handle);
      Atomics.add(words, 0, 1);
    }
  },
  /** A block in the sub-heap of a handle, stamped. */
  allocateIn(handle, bytes, tag) {
    const address = heap.open(handle).malloc(bytes);
    stamp(heap.u8, address, bytes, tag);
    return address;
  },
  drop: (handle) => heap.open(handle).drop(),
  /** Allocates in sub-heaps as they come and go, until there is no next: how often it found one gone. Word 0 of `shared` says which is the newest. */
  allocateWhile(handles, shared) {
    const words = new Int32Array(shared);
    let gone = 0;
    for (let at = 0; at < handles.length; at = Atomics.load(words, 0))
      try {
        const sub = heap.open(handles[at]);
        // Writes nothing: it may be dropped before.
        for (;;) sub.alloc(Uint8Array, 1 + (gone % 300));
      } catch (error) {
        if (error.code !== 'ERR_HEAP_STALE_HANDLE') throw error;
        gone++;
      }
    return gone;
  },
  /** Makes, fills and drops sub-heaps, and allocates in one that stays, until it is killed. Word 0 of `shared` counts. */
  dropOn(kept, shared) {
    const words = new Int32Array(shared);
    const stays = heap.open(kept);
    for (;;) {
      const sub = heap.subheap();
      for (let i = 0; i < 40; i++) sub.alloc(Int32Array, 1 + i * 3);
      stays.malloc(100);
      sub.drop();
      Atomics.add(words, 0, 1);
    }
  },
  /** The next thing that the heap prints is the last that this worker does: it stays there until it is killed. Word 0 of `shared` tells. */
  stallAtPrint(shared) {
    const words = new Int32Array(shared);
    console.error = () => {
      Atomics.store(words, 0, 1);
      for (;;) Atomics.wait(words, 1, 0);
    };
  },
  /** Throws out of the event loop: the worker dies of an uncaught error. */
  throwUp(message) {
    setImmediate(() => {
      throw new Error(message);
    });
  },
  exit(code) {
    setImmediate(() => process.exit(code));
  },
  /** Nothing left to do: the thread ends by itself, without having detached. */
  close() {
    setImmediate(() => parentPort.close());
  },
};

function answer({ id, op, args }) {
  try {
    parentPort.postMessage({ id, result: ops[op](...args) });
  } catch (error) {
    const isHeapError = error instanceof HeapError && error instanceof Error;
    parentPort.postMessage({ id, error: { code: error.code, isHeapError, message: String(error.message) } });
  }
}

if (workerData?.token !== undefined) ops.attach(workerData.token);
parentPort.on('message', answer);
