// A worker that works on structs that another one made, by the same definition, or by a wrong one.
import { parentPort, workerData } from 'node:worker_threads';
import { Heap, HeapError } from 'sabmalloc';
import { array, atomic, f32, f64, i32, owned, ref, struct, u32, utf8 } from 'sabmalloc/structs';
import { mutex } from 'sabmalloc/sync';

const fields = { pos: array(f32, 3), mass: f64, name: utf8(24), next: ref('Particle'), hits: atomic(i32) };
const heap = Heap.attach(workerData.token);
const P = struct('Particle', fields).in(heap);

const Account = struct('Account', { lock: mutex, balance: f64, audits: i32 }).in(heap);
const N = struct('Node', { value: u32, left: owned('Node'), right: owned('Node'), seen: ref('Node') }).in(heap);
/** Holds of this worker, and its scope. */
const holds = [];
const scope = heap.scope();

const ops = {
  /** What a handle opens as; of an array the element at the index. */
  openShared(handle, index) {
    const value = heap.open(handle);
    return (index === undefined ? value : value.at(index)).toObject();
  },
  openOther: (handle) =>
    struct('Particle', { ...fields, mass: f32 })
      .in(heap)
      .open(handle),
  heap: (method, ...args) => heap[method](...args),
  shareArray(length) {
    const view = heap.alloc(Float64Array, length);
    view[0] = length;
    return heap.share(view);
  },
  /** A struct that owns the next, and so on. */
  shareChain(length) {
    let first = null;
    for (let i = 0; i < length; i++) first = N.create({ value: i + 1, left: first });
    return heap.share(first);
  },
  makeSubHeap: () => heap.subheap().handle,
  /** What a handle opens as, and how long that says it is. */
  look(handle) {
    const value = heap.open(handle);
    if (value instanceof Float64Array) return ['array', value[0]];
    return 'value' in value ? ['chain', value.value] : ['sub-heap', 0];
  },
  allocateIn(handle, length) {
    heap.open(handle).alloc(Uint8Array, length).fill(255);
  },
  drop: (handle) => heap.open(handle).drop(),
  hold(handle) {
    holds.push(heap.hold(handle));
  },
  /** Gives up the hold of a handle. */
  letGo(handle) {
    holds
      .splice(
        holds.findIndex((hold) => hold.handle === handle),
        1,
      )[0]
      .release();
  },
  allocateInScope(length) {
    const view = scope.alloc(Uint16Array, length).fill(1);
    const longer = scope.resize(view, 2 * length);
    return longer.length === 2 * length && longer[length - 1] === 1 && longer[length] === 0;
  },
  resetScope: () => scope.reset(),
  deposit(handle, times) {
    const account = Account.open(handle);
    for (let i = 0; i < times; i++) {
      const guard = account.lock.lock();
      account.balance += 1;
      account.audits += 1;
      guard.unlock();
    }
  },
  lockAccount(handle) {
    Account.open(handle).lock.lock();
  },
  add(address, times) {
    const { hits } = P.at(address);
    for (let i = 0; i < times; i++) hits.add(1);
  },
  describe(address) {
    const { mass, name, next } = P.at(address);
    return { mass, name, nextMass: next.mass };
  },
  /** Puts so many structs between the one at the address and its next. */
  prepend(address, count) {
    const first = P.at(address);
    let { next } = first;
    for (let i = 0; i < count; i++) next = P.create({ name: 'there', next });
    first.next = next;
  },
  misread: (address) =>
    struct('Particle', { ...fields, mass: f32 })
      .in(heap)
      .at(address).mass,
  /** How many of the structs this worker has freed: the others another one has. */
  freeAll(addresses) {
    let freed = 0;
    for (const address of addresses) {
      try {
        P.at(address).free();
        freed++;
      } catch (error) {
        if (!['ERR_HEAP_INVALID_ADDRESS', 'ERR_HEAP_DOUBLE_FREE'].includes(error.code)) throw error;
      }
    }
    return freed;
  },
  detach: () => heap.detach(),
};

parentPort.on('message', ({ id, op, args }) => {
  try {
    parentPort.postMessage({ id, result: ops[op](...args) });
  } catch (error) {
    const { code, message } = error;
    parentPort.postMessage({ id, error: { code, message, isHeapError: error instanceof HeapError } });
  }
});
