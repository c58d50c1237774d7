// A worker at one end of channels and rings: each message `{ id, op, args }` is answered with `{ id, result }` or `{ id, error }`, when it is done.
// `workerData.without` names what the engine is to lack.
import { parentPort, workerData } from 'node:worker_threads';

const { token, without } = workerData;
// As on the main thread of a browser; and as in engines that don't have it.
if (without === 'wait')
  Atomics.wait = () => {
    throw new TypeError('Atomics.wait cannot be called in this context');
  };
if (without === 'waitAsync') delete Atomics.waitAsync;

const { Heap, HeapError } = await import('sabmalloc');
const collections = await import('sabmalloc/collections');
const { Channel, Ring, select, selectAsync } = collections;
const heap = Heap.attach(token);

const opened = new Map();
const open = (address, type, use) => {
  if (!opened.has(address)) opened.set(address, Channel.at(heap, address, collections[type], use));
  return opened.get(address);
};

/** Values are `worker * 1e6 + number`, whatever type they travel as. */
const made = {
  numbers: (value) => value,
  texts: (value) => `value ${value}`,
  bytes: (value) => new Uint8Array(Float64Array.of(value).buffer),
};
const known = {
  numbers: (value) => value,
  texts: (value) => Number(value.slice('value '.length)),
  bytes: (value) => new Float64Array(value.slice().buffer)[0],
};

const ops = {
  /** Calls a method of a channel. */
  call: (address, type, method, ...args) => open(address, type)[method](...args),
  /** Sends `count` values, one by one or in batches. */
  async send(address, type, call, count, self) {
    const channel = open(address, type);
    const value = (n) => made[type](self * 1e6 + n);
    for (let n = 0; n < count;) {
      if (call.startsWith('sendMany')) {
        const batch = Array.from({ length: Math.min(7, count - n) }, (_, i) => value(n + i));
        await channel[call](batch);
        n += batch.length;
      } else await channel[call](value(n++));
    }
    return count;
  },
  /** Receives until the channel ends. All it got. */
  async receive(address, type, call) {
    const channel = open(address, type);
    const got = [];
    for (;;) {
      const found = await channel[call](...(call.startsWith('receiveMany') ? [5] : []));
      const list = Array.isArray(found) ? found : found === undefined ? [] : [found];
      if (list.length === 0) return got;
      got.push(...list.map(known[type]));
    }
  },
  /** The same without an await, so that nothing but the channel stops the thread. */
  iterate(address, type) {
    const got = [];
    for (const value of open(address, type)) got.push(known[type](value));
    return got;
  },
  async iterateLater(address, type) {
    const got = [];
    for await (const value of open(address, type)) got.push(known[type](value));
    return got;
  },
  /** Receives from several channels until all have ended. */
  async select(addresses, type, isAsync) {
    const channels = addresses.map((address) => open(address, type));
    const got = [];
    for (;;) {
      const found = isAsync ? await selectAsync(channels) : select(channels);
      if (found === undefined) return got;
      got.push([channels.indexOf(found.channel), known[type](found.value)]);
    }
  },
  /** Sends for ever, until the thread is killed; how far it came is in a word. */
  sendForever(address, type, word, self, isBatch) {
    setImmediate(() => {
      const channel = open(address, type, { spin: 50 });
      for (let n = 1; ; n++) {
        const value = made[type](self * 1e6 + n);
        if (isBatch) channel.sendMany([value]);
        else channel.send(value);
        Atomics.store(heap.i32, word, n);
      }
    });
  },
  /** Receives for ever, until the thread is killed; notes each value in a byte of its own. */
  receiveForever(addresses, type, notes, count) {
    setImmediate(() => {
      const channels = addresses.map((address) => open(address, type, { spin: 50 }));
      for (;;) {
        const value = channels.length > 1 ? select(channels).value : channels[0].receive();
        Atomics.add(heap.u8, notes + (known[type](value) % count), 1);
      }
    });
  },
  /** Writes rising numbers into a ring for ever, from what it finds written on. */
  produceForever(address) {
    setImmediate(() => {
      const ring = Ring.at(heap, address, Int32Array);
      let next = heap.i32[address / 4 + 16];
      const block = new Int32Array(50);
      for (;;) {
        if (next % 3 === 0) {
          ring.waitWritable(1, { timeoutMs: 20_000 });
          const part = ring.reserve(17);
          for (let i = 0; i < part.length; i++) part[i] = next + i;
          ring.commit(part.length);
          next += part.length;
        } else {
          for (let i = 0; i < block.length; i++) block[i] = next + i;
          ring.waitWritable(1, { timeoutMs: 20_000 });
          next += ring.write(block);
        }
      }
    });
  },
  /** Reads `count` numbers, each one more than the one before it. */
  async consume(address, count, isAsync) {
    const ring = Ring.at(heap, address, Int32Array);
    const block = new Int32Array(300);
    for (let last = -1; last < count;) {
      await ring[isAsync ? 'waitReadableAsync' : 'waitReadable'](1, { timeoutMs: 20_000 });
      const read = ring.read(block);
      for (let i = 0; i < read; i++) if (block[i] !== ++last) throw new Error(`${block[i]} follows ${last - 1}`);
    }
    return count;
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
