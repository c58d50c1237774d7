// A worker that locks, waits and notifies as it is told: each message `{ id, op, args }` is answered with `{ id, result }` or
// `{ id, error }`, when it is done. `workerData.without` names what the engine is to lack.
import { parentPort, workerData } from 'node:worker_threads';

const { token, without } = workerData;
// As on the main thread of a browser; and as in engines that don't have it.
if (without === 'wait')
  Atomics.wait = () => {
    throw new TypeError('Atomics.wait cannot be called in this context');
  };
if (without === 'waitAsync') delete Atomics.waitAsync;

const { Heap, HeapError } = await import('sabmalloc');
const sync = await import('sabmalloc/sync');
const heap = Heap.attach(token);

/** What lies at an address, opened once. */
const opened = new Map();
const open = (kind, address) => {
  if (!opened.has(address)) opened.set(address, sync[kind].at(heap, address));
  return opened.get(address);
};
const guards = [];

/** Takes a lock; brings the two words behind `data` in order if their last writer died. */
function take(lock, call, limit, data) {
  const repair = (error) => {
    if (!(error instanceof sync.OwnerDiedError)) throw error;
    const { i32 } = heap;
    i32[data + 1] = i32[data];
    heap.u32[data + 2]++;
    error.guard.repaired();
    return error.guard;
  };
  try {
    const taken = lock[call](limit);
    return taken instanceof Promise ? taken.catch(repair) : taken;
  } catch (error) {
    return repair(error);
  }
}

/** Raises both words, one after the other: whoever sees them differ came in between, or after a death. */
function raise(data) {
  const { i32 } = heap;
  if (i32[data] !== i32[data + 1]) throw new Error(`not alone: ${i32[data]} and ${i32[data + 1]}`);
  i32[data]++;
  for (let i = 0; i < 20; i++) Atomics.load(i32, data + 3);
  i32[data + 1]++;
}

const ops = {
  workerId: () => heap.workerId,
  detach: () => heap.detach(),
  /** Calls a method of what lies at an address; a guard is kept, and its place is the answer. */
  async call(kind, address, method, ...args) {
    const result = await open(kind, address)[method](...args);
    return typeof result?.unlock === 'function' ? guards.push(result) - 1 : result;
  },
  unlock: (place) => guards[place].unlock(),
  /** `rounds` times: take the lock, raise both words, unlock. */
  async rounds(kind, address, call, count, data) {
    for (let i = 0; i < count; i++) {
      const taken = take(open(kind, address), call, {}, data);
      const guard = taken instanceof Promise ? await taken : taken;
      raise(data);
      guard.unlock();
    }
    return count;
  },
  /** The same for ever, until the thread is killed. Says first that it has begun. */
  forever(kind, address, call, data) {
    setImmediate(() => {
      for (;;) {
        const guard = take(open(kind, address), call, {}, data);
        raise(data);
        guard.unlock();
      }
    });
  },
  /** Reads under the lock that both words are equal, which they are unless a writer is inside. */
  readRounds(address, count, data) {
    const lock = open('RwLock', address);
    const { i32 } = heap;
    for (let i = 0; i < count; i++) {
      const guard = lock.read();
      const first = i32[data];
      for (let j = 0; j < 20; j++) Atomics.load(i32, data + 3);
      if (first !== i32[data + 1]) throw new Error('a writer is inside');
      guard.unlock();
    }
  },
  /** Takes numbers out of a stack of `words[0]` entries until it gets a 0; their sum. */
  consume(mutexAddress, conditionAddress, data) {
    const [mutex, condition] = [open('Mutex', mutexAddress), open('Condition', conditionAddress)];
    const { i32 } = heap;
    for (let sum = 0; ;) {
      const guard = mutex.lock();
      while (i32[data] === 0) condition.wait(guard);
      const value = i32[data + i32[data]--];
      guard.unlock();
      if (value === 0) return sum;
      sum += value;
    }
  },
  /** Meets the others `count` times; says in how many rounds it saw a word of the others behind its own. */
  meet(address, count, data, parties, self) {
    const barrier = open('Barrier', address);
    let behind = 0;
    for (let round = 1; round <= count; round++) {
      heap.i32[data + self] = round;
      barrier.wait();
      for (let other = 0; other < parties; other++) if (heap.i32[data + other] < round) behind++;
    }
    return behind;
  },
  once: (address, value, data) =>
    open('Once', address).run(() => {
      heap.i32[data]++;
      return value;
    }),
  /** Runs the function of a Once, and never comes to its end. */
  onceAndDie: (address) =>
    open('Once', address).run(() => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)),
  /** Waits for a mutex with a signal that is aborted after so long; what came of it. */
  async abort(address, milliseconds) {
    try {
      const signal = globalThis.AbortSignal.timeout(milliseconds);
      const guard = await open('Mutex', address).lockAsync({ signal });
      guard.unlock();
      return 'locked';
    } catch (error) {
      return error.name;
    }
  },
  /** Only what it waits for keeps the thread alive from now on. */
  listenNoMore: () => parentPort.unref(),
  /** Acquires and releases; the most it saw inside with it. */
  crowd(address, count, word) {
    const semaphore = open('Semaphore', address);
    let most = 0;
    for (let i = 0; i < count; i++) {
      const permit = semaphore.acquire();
      most = Math.max(most, Atomics.add(heap.i32, word, 1) + 1);
      Atomics.sub(heap.i32, word, 1);
      permit.unlock();
    }
    return most;
  },
};

parentPort.on('message', async ({ id, op, args }) => {
  try {
    parentPort.postMessage({ id, result: await ops[op](...args) });
  } catch (error) {
    const isHeapError = error instanceof HeapError;
    parentPort.postMessage({ id, error: { code: error.code, isHeapError, message: String(error.message) } });
  }
});
