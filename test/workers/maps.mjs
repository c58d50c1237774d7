// A worker that works on maps and caches as it is told: each message `{ id, op, args }` is answered with `{ id, result }` or `{ id, error }`.
import { parentPort, workerData } from 'node:worker_threads';
import { Heap, HeapError } from 'sabmalloc';
import { HashMap, LruCache, numbers, texts } from 'sabmalloc/collections';
import { Random } from './common.mjs';

const heap = Heap.attach(workerData.token);

const SHARED = 50;
const OWN = 2000;

/** What lies under a key says so. */
function check(key, value) {
  if (value !== undefined && value.split(':')[0] !== key) throw new Error(`under ${key} lies ${value}`);
  return value;
}

/** Keys of its own, which it puts in one after the other and says so in a word; and changes to keys of everybody. */
function* stormOnMap({ map: address, counters: at, words, self, seed }) {
  const map = HashMap.at(heap, address, texts, texts);
  const counters = HashMap.at(heap, at, numbers, numbers);
  const random = new Random(seed);
  const { i32 } = heap;
  for (let own = Atomics.load(i32, words + self); ; own++) {
    // It may have been put in by the one before, who was killed before it said so.
    map.set(`${self}/${own % OWN}`, `${self}/${own % OWN}:`);
    Atomics.store(i32, words + self, own + 1);
    for (let i = 0; i < 4; i++) {
      const key = `k${random.int(0, SHARED)}`;
      const value = `${key}:${'x'.repeat(random.int(0, 40))}`;
      const what = random.int(0, 5);
      if (what === 0) map.set(key, value);
      else if (what === 1) map.delete(key);
      else if (what === 2) map.update(key, (old) => (random.oneIn(8) ? undefined : (check(key, old) ?? value)));
      else if (what === 3)
        check(
          key,
          map.getOrInsert(key, () => value),
        );
      else check(key, map.get(key));
    }
    const earlier = `${self}/${random.int(0, Math.min(own, OWN - 1))}`;
    if (map.get(earlier) !== `${earlier}:`) throw new Error(`${earlier} is gone`);
    Atomics.add(i32, words + 30, 1);
    counters.add(random.int(0, 9), 1);
    Atomics.add(i32, words + 31, 1);
    yield;
  }
}

function* stormOnCache({ cache: address, words, seed }) {
  const cache = LruCache.at(heap, address, texts, texts);
  const random = new Random(seed);
  for (;;) {
    const key = `k${random.int(0, 4 * SHARED)}`;
    Atomics.add(heap.i32, words + 30, 1);
    const value = check(key, cache.get(key));
    Atomics.add(heap.i32, words + 31, 1);
    if (value === undefined) cache.set(key, `${key}:${'x'.repeat(random.int(0, 40))}`);
    if (random.oneIn(10)) cache.delete(`k${random.int(0, 4 * SHARED)}`);
    check(key, cache.peek(key));
    yield;
  }
}

const storms = { map: stormOnMap, cache: stormOnCache };

const ops = {
  /** Answers, and goes on until it is killed; what goes wrong in it ends the thread. */
  storm(name, order) {
    setImmediate(() => {
      // eslint-disable-next-line no-unused-vars
      for (const _ of storms[name](order));
    });
  },
  /** So many rounds of the same. */
  rounds(name, order, rounds) {
    const storm = storms[name](order);
    for (let i = 0; i < rounds; i++) storm.next();
  },
  count(address, keys, rounds) {
    const map = HashMap.at(heap, address, numbers, numbers);
    for (let i = 0; i < rounds; i++) map.add(i % keys, 1);
  },
  /** Looks for what nobody removes, while others change all about it. */
  look(address, keys, rounds) {
    const map = HashMap.at(heap, address, numbers, texts);
    for (let i = 0; i < rounds; i++) {
      const key = i % keys;
      const value = map.get(key);
      if (value === undefined || Number(value.split(':')[0]) !== key) throw new Error(`under ${key} lies ${value}`);
    }
  },
  replace(address, keys, rounds) {
    const map = HashMap.at(heap, address, numbers, texts);
    for (let i = 0; i < rounds; i++) {
      map.set(i % keys, `${i % keys}:${'y'.repeat(i % 30)}`);
      map.set(keys + i, 'new');
      if (i % 2 === 0) map.delete(keys + i);
    }
  },
};

parentPort.on('message', ({ id, op, args }) => {
  try {
    parentPort.postMessage({ id, result: ops[op](...args) });
  } catch (error) {
    const { code, message } = error;
    parentPort.postMessage({ id, error: { code, isHeapError: error instanceof HeapError, message } });
  }
});
