import type { Steps, SyncModules } from '../machine/builds.js';
import type { Play } from '../machine/play.js';
import { now, stepsOf } from '../machine/stage.js';
import { LruSlot, LruStripeWord, StripeWord, TableBits } from '../../../src/collections/map-layout.js';
import { onSyncStage, type SyncActor, type SyncPlot, type SyncStage } from '../machine/sync-stage.js';
import type * as HashMapModule from '../../../src/collections/hash-map.js';
import type * as LruCacheModule from '../../../src/collections/lru-cache.js';
import { expectEqual, stepping } from './sync-cast.js';

type HashMap<V> = HashMapModule.HashMap<number | string, V>;
type LruCache = LruCacheModule.LruCache<number | string, string>;
type Type = 'numbers' | 'texts';

const SEED: [number, number] = [1, 2];

type Opened = { readonly address: number };

/** In setup: makes a map or a cache of one stripe, and opens it for every thread. */
function opened<Made extends Opened>(
  stage: SyncStage,
  name: 'HashMap' | 'LruCache',
  types: readonly [Type, Type],
  options: object,
  fill: (first: Made) => readonly unknown[],
): Made[] {
  const type = stage.modules[name] as unknown as {
    create(...args: unknown[]): Made;
    at(...args: unknown[]): Made;
  };
  const [keys, values] = types.map((each) => stage.modules[each as keyof SyncModules]);
  const [first] = stage.actors;
  const made = now(stepsOf(type.create(first.heap, keys, values, { stripes: 1, seed: SEED, ...options })));
  for (const step of fill(made)) now(stepsOf(step));
  return stage.actors.map(({ heap }) => now(stepsOf(type.at(heap, made.address, keys, values))));
}

const mapOf =
  <V>(keys: Type, values: Type, entries: readonly (readonly [number | string, V])[]) =>
  (stage: SyncStage): HashMap<V>[] =>
    opened<HashMap<V>>(stage, 'HashMap', [keys, values], {}, (map) =>
      entries.map(([key, value]) => map.set(key, value)),
    );

/** Whose calls the verdict makes; nobody's where all have died. */
function survivor<Cast>(stage: SyncStage, casts: readonly Cast[]): Cast | undefined {
  const alive = stage.actors.find(({ thread }) => !stage.machine.crashed.has(thread));
  if (alive === undefined) return undefined;
  stage.machine.current = alive.thread;
  return casts[alive.thread];
}

interface Collection {
  readonly size: number;
  forEach(call: (value: unknown, key: unknown) => void): void;
  get(key: number | string): unknown;
  peek(key: number | string): unknown;
}

/** What is in a map at rest: each key once and found under itself, as many as are counted. */
function contentOf(map: Collection, look: 'get' | 'peek' = 'get'): Map<number | string, unknown> {
  const content = new Map<number | string, unknown>();
  // A writer that follows puts in order what somebody died over.
  const { keyType } = map as unknown as { keyType: { text: string } };
  now(stepsOf((map as unknown as HashMap<unknown>).delete(keyType.text === 'texts' ? 'nothing' : -1)));
  now(
    stepping(() =>
      map.forEach((value, key) => {
        if (content.has(key as number)) throw new Error(`${String(key)} is in the map twice`);
        content.set(key as number, value);
      }),
    ),
  );
  for (const [key, value] of content)
    if (now(stepsOf(map[look](key))) !== value) throw new Error(`${String(key)} is not found under itself`);
  expectEqual('the size', map.size, content.size);
  return content;
}

/** Blocks that may be lost with each that died: the key and the value it had in hand, and a table. */
const LOST_MOST = 2;

/** Frees all: what is left is the record, and what those that died had in hand. */
function expectNoLeak(stage: SyncStage, map: object): void {
  now(stepsOf((map as { freeContents(): object }).freeContents()));
  const left = stage.liveBlocks - 1;
  const most = stage.machine.crashed.size * LOST_MOST;
  if (left > most || left < 0) throw new Error(`${left} blocks are left, not ${most} at most`);
}

/** The content is what `isRight` says, and nothing leaked. */
const expectContent =
  (isRight: (content: Map<number | string, unknown>, stage: SyncStage) => boolean) =>
  (stage: SyncStage, casts: readonly Collection[]): void => {
    const map = survivor(stage, casts);
    if (map === undefined) return;
    const content = contentOf(map);
    if (!isRight(content, stage)) throw new Error(`the content is ${JSON.stringify([...content])}`);
    expectNoLeak(stage, map);
  };

/** Notes of what a thread has done for good. */
function* done(actor: SyncActor, call: () => unknown, note: string): Steps<void> {
  yield* stepping(call);
  actor.notes.push(note);
}

const isNoted = (stage: SyncStage, note: string): boolean => stage.actors.some(({ notes }) => notes.includes(note));
const nobodyDied = (stage: SyncStage): boolean => stage.machine.crashed.size === 0;

/** Reads a key and sees one of these values, none before one that it saw earlier. */
function* readInOrder<V>(
  map: HashMap<V>,
  key: number | string,
  values: readonly (V | undefined)[],
  times: number,
): Steps<void> {
  let earliest = 0;
  for (let i = 0; i < times; i++) {
    const value = yield* stepsOf(map.get(key));
    const at = values.indexOf(value, earliest);
    if (at < 0) throw new Error(`read ${String(value)}, which is none of ${values.slice(earliest).join()}`);
    earliest = at;
  }
}

/** Both words of each differ from those of the others. */
const [A, B, C, D] = [1.1, 2.3, 3.7, 5.9];

const maps: readonly SyncPlot<any>[] = [
  {
    name: 'map-replaced-under-a-reader',
    about: 'a number is replaced twice and once more while another worker reads it: never half of one',
    setup: mapOf('numbers', 'numbers', [[1, A]]),
    scripts: [
      function* (_, map: HashMap<number>) {
        for (const value of [B, C, D]) yield* stepping(() => map.set(1, value));
      },
      (_, map: HashMap<number>) => readInOrder(map, 1, [A, B, C, D], 3),
    ],
    verdict: expectContent((content, stage) => content.get(1) === D || !nobodyDied(stage)),
  },
  {
    name: 'map-text-freed-under-a-reader',
    about: 'texts are replaced and removed while another worker copies them',
    setup: mapOf('texts', 'texts', [['key', 'old text']]),
    scripts: [
      function* (_, map: HashMap<string>) {
        yield* stepping(() => map.set('key', 'new text'));
        yield* stepping(() => map.delete('key'));
      },
      (_, map: HashMap<string>) => readInOrder(map, 'key', ['old text', 'new text', undefined], 2),
    ],
    verdict: expectContent((content, stage) => content.size === 0 || !nobodyDied(stage)),
  },
  {
    name: 'map-slot-used-again-under-a-reader',
    about: 'a key is removed and another one takes its slot while a worker reads the first',
    setup: mapOf('numbers', 'numbers', [
      [1, A],
      [2, B],
    ]),
    scripts: [
      function* (_, map: HashMap<number>) {
        yield* stepping(() => map.delete(1));
        yield* stepping(() => map.set(3, C));
        yield* stepping(() => map.set(1, D));
      },
      (_, map: HashMap<number>) => readInOrder(map, 1, [A, undefined, D], 2),
    ],
    verdict: expectContent(
      (content, stage) =>
        content.get(2) === B && (!nobodyDied(stage) || (content.get(1) === D && content.get(3) === C)),
    ),
  },
  {
    name: 'map-slot-of-a-dead-writer',
    about: 'the slot of a key whose remover was killed is used again while a worker reads that key',
    setup: mapOf('numbers', 'numbers', [[1, A]]),
    mortals: [0],
    scripts: [
      function* (_, map: HashMap<number>) {
        yield* stepping(() => map.delete(1));
      },
      function* (_, map: HashMap<number>) {
        yield* stepping(() => map.set(3, C));
      },
      (_, map: HashMap<number>) => readInOrder(map, 1, [A, undefined], 1),
    ],
    verdict: expectContent((content, stage) => content.get(3) === C && (!nobodyDied(stage) || content.size === 1)),
  },
  {
    name: 'map-grows-under-a-reader',
    about: 'a map grows twice while another worker looks for what was in it all the time',
    setup: mapOf('numbers', 'texts', [[1, 'one']]),
    scripts: [
      function* (actor, map: HashMap<string>) {
        for (const key of [2, 3, 4]) yield* done(actor, () => map.set(key, `value ${key}`), `${key}`);
      },
      (_, map: HashMap<string>) => readInOrder(map, 1, ['one'], 3),
    ],
    verdict: expectContent(
      (content, stage) =>
        content.get(1) === 'one' &&
        [2, 3, 4].every((key) => !isNoted(stage, `${key}`) || content.get(key) === `value ${key}`),
    ),
  },
  {
    name: 'map-two-writers',
    about: 'two workers put texts into one stripe, which grows, and take some out: what was done stays done',
    setup: mapOf('texts', 'texts', [['zero', '0']]),
    scripts: [
      function* (actor, map: HashMap<string>) {
        yield* done(actor, () => map.set('one', '1'), 'one');
        yield* done(actor, () => map.delete('zero'), 'no zero');
      },
      function* (actor, map: HashMap<string>) {
        yield* done(actor, () => map.set('two', '2'), 'two');
        yield* done(actor, () => map.set('two', '22'), 'two again');
      },
    ],
    verdict: expectContent(
      (content, stage) =>
        (!isNoted(stage, 'one') || content.get('one') === '1') &&
        (!isNoted(stage, 'no zero') || !content.has('zero')) &&
        (!isNoted(stage, 'two') || ['2', '22'].includes(content.get('two') as string)) &&
        (!isNoted(stage, 'two again') || content.get('two') === '22'),
    ),
  },
  {
    name: 'map-add-by-two',
    about: 'two workers count under one key',
    setup: mapOf('numbers', 'numbers', []),
    scripts: [0, 1].map(
      () =>
        function* (actor: SyncActor, map: HashMap<number>) {
          yield* done(actor, () => map.add(7, 1.5), 'both');
        },
    ),
    verdict: expectContent((content, stage) => {
      const notes = stage.actors.flatMap((actor) => actor.notes);
      const sure = notes.filter((note) => note === 'both').length * 1.5;
      const sum = (content.get(7) as number | undefined) ?? 0;
      return sum >= sure && sum <= sure + stage.machine.crashed.size * 1.5;
    }),
  },
  {
    name: 'map-get-or-insert-by-two',
    about: 'two workers put in what is missing: both have the same value, and the other one is freed',
    setup: mapOf('numbers', 'texts', []),
    scripts: [0, 1].map(
      (self) =>
        function* (actor: SyncActor, map: HashMap<string>) {
          actor.notes.push(yield* stepsOf(map.getOrInsert(1, () => `by ${self}`)));
        },
    ),
    verdict: expectContent((content, stage) => {
      const values = stage.actors.flatMap(({ notes }) => notes);
      return values.every((value) => value === content.get(1));
    }),
  },
  {
    name: 'map-update-by-two',
    about:
      'two workers lengthen a text, and a third one removes it by an update: nothing is lost between reading and writing',
    setup: mapOf('numbers', 'texts', [[1, '']]),
    scripts: [0, 1].map(
      (self) =>
        function* (actor: SyncActor, map: HashMap<string>) {
          yield* done(actor, () => map.update(1, (text) => `${text}${self}`), `${self}`);
        },
    ),
    verdict: expectContent((content, stage) => {
      const text = content.get(1) as string;
      return ['0', '1'].every((self) => text.split(self).length <= 2 && (!isNoted(stage, self) || text.includes(self)));
    }),
  },
  {
    name: 'map-take-by-two',
    about: 'two workers take out what is there once: one of them gets it',
    setup: mapOf('numbers', 'texts', [[1, 'one']]),
    scripts: [0, 1].map(
      () =>
        function* (actor: SyncActor, map: HashMap<string>) {
          const value = yield* stepsOf(map.take(1));
          if (value !== undefined) actor.notes.push(value);
        },
    ),
    verdict: expectContent((content, stage) => {
      const taken = stage.actors.flatMap(({ notes }) => notes);
      return taken.length <= 1 && (!nobodyDied(stage) || (taken[0] === 'one' && content.size === 0));
    }),
  },
];

const cacheOf =
  (keys: readonly number[], options: object) =>
  (stage: SyncStage): LruCache[] =>
    opened<LruCache>(stage, 'LruCache', ['numbers', 'texts'], { capacityEntries: CAPACITY, ...options }, (cache) =>
      keys.map((key) => cache.set(key, `v${key}`)),
    );

/** The links of a cache go through all entries, from the one used longest ago to the one used last, as their stamps say. */
function expectOrder(cache: LruCache, size: number): void {
  const [stripe] = (cache as unknown as { stripes: readonly { word: number; views: { i32: Int32Array } }[] }).stripes;
  const { i32 } = stripe.views;
  const table = (i32[stripe.word + StripeWord.X_TABLE] & TableBits.ADDRESS) >>> 2;
  let [stamp, count, older] = [0, 0, 0];
  for (let at = i32[stripe.word + LruStripeWord.LAST]; at !== 0; count++) {
    const slot = table + ((at - 1) << LruSlot.LOG2);
    if (i32[slot + LruSlot.STAMP] <= stamp) throw new Error('the links are not in the order of the stamps');
    expectEqual('the link back', i32[slot + LruSlot.OLDER], older);
    older = at;
    stamp = i32[slot + LruSlot.STAMP];
    at = i32[slot + LruSlot.NEWER];
  }
  expectEqual('the entries in order', count, size);
}

/** The keys that were in a cache of so many entries, the one used longest ago first: as they make room for others. */
function evictions(cache: LruCache, keys: readonly number[], capacity: number): number[] {
  const order: number[] = [];
  for (let i = 0; i < capacity; i++) {
    now(stepsOf(cache.set(100 + i, '')));
    order.push(...keys.filter((key) => !order.includes(key) && !now(stepsOf(cache.has(key)))));
  }
  return order;
}

const CAPACITY = 3;

/** What is in a cache is in order, no more than it may hold, and `isRight`; nothing leaked. */
const expectCache =
  (isRight: (oldestFirst: readonly number[], stage: SyncStage) => boolean) =>
  (stage: SyncStage, casts: readonly LruCache[]): void => {
    const cache = survivor(stage, casts);
    if (cache === undefined) return;
    const content = contentOf(cache, 'peek');
    expectOrder(cache, content.size);
    if (content.size > CAPACITY) throw new Error(`${content.size} entries`);
    expectEqual('bytes', cache.bytes, [...content.values()].join('').length);
    const order = evictions(cache, [...content.keys()] as number[], CAPACITY);
    if (!isRight(order, stage)) throw new Error(`the order is ${order.join()}`);
    expectNoLeak(stage, cache);
  };

const caches: readonly SyncPlot<any>[] = [
  {
    name: 'cache-use-against-an-eviction',
    about: 'a worker uses the oldest entry of a full cache while another one puts in a new one',
    setup: cacheOf([1, 2, 3], {}),
    scripts: [
      function* (actor, cache: LruCache) {
        actor.notes.push((yield* stepsOf(cache.get(1))) === 'v1' ? 'hit' : 'miss');
      },
      function* (_, cache: LruCache) {
        yield* stepping(() => cache.set(4, 'v4'));
      },
    ],
    verdict: expectCache((order, stage) => {
      if (!nobodyDied(stage)) return true;
      const wanted = isNoted(stage, 'hit') ? ['3,4,1', '3,1,4'] : ['2,3,4'];
      return wanted.includes(order.join());
    }),
  },
  {
    name: 'cache-uses-in-order',
    about: 'two workers use entries of their own, one of them puts one in: the order is that of the uses',
    setup: cacheOf([1, 2, 3], {}),
    scripts: [
      function* (actor, cache: LruCache) {
        yield* stepping(() => cache.get(2));
        yield* done(actor, () => cache.get(1), '2 and 1');
      },
      function* (actor, cache: LruCache) {
        yield* done(actor, () => cache.set(3, 'another'), '3');
      },
    ],
    verdict: expectCache((order, stage) => {
      if (order.length !== 3) return false;
      return !isNoted(stage, '2 and 1') || order.indexOf(2) < order.indexOf(1);
    }),
  },
  {
    name: 'cache-full-of-bytes',
    about: 'two workers put more bytes into a cache than it may hold, one of them in place of a smaller value',
    setup: cacheOf([1, 2, 3], { capacityBytes: 8 }),
    scripts: [
      function* (actor, cache: LruCache) {
        yield* done(actor, () => cache.set(4, 'four'), '4');
      },
      function* (actor, cache: LruCache) {
        yield* done(actor, () => cache.set(3, 'longer'), '3');
      },
    ],
    verdict: expectCache((order, stage) => {
      const last = order.at(-1);
      return !nobodyDied(stage) || last === 3 || last === 4;
    }),
  },
  {
    name: 'cache-peeked-into',
    about: 'a worker looks without a lock while another one evicts what it looks at, and has the table rebuilt',
    setup: cacheOf([1, 2], {}),
    scripts: [
      function* (_, cache: LruCache) {
        yield* stepping(() => cache.set(3, 'v3'));
        yield* stepping(() => cache.set(4, 'v4'));
      },
      function* (_, cache: LruCache) {
        for (const keys of [1, 1]) {
          const value = yield* stepsOf(cache.peek(keys));
          if (value !== undefined && value !== 'v1') throw new Error(`peeked at ${value}`);
        }
        if ((yield* stepsOf(cache.peek(2))) !== 'v2') throw new Error('what nobody evicts is not seen');
      },
    ],
    verdict: expectCache((order, stage) => !nobodyDied(stage) || order.join() === '2,3,4'),
  },
];

/** Maps and caches of the room `collections`. */
export const mapScenarios: readonly Play[] = [...maps, ...caches].map(onSyncStage);
