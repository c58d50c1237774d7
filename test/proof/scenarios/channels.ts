import type { Channel } from '../../../src/collections/channel.js';
import type { Ring } from '../../../src/collections/ring.js';
import type { Steps } from '../machine/builds.js';
import type { Play } from '../machine/play.js';
import { now, stepsOf } from '../machine/stage.js';
import { onSyncStage, type SyncActor, type SyncPlot, type SyncStage } from '../machine/sync-stage.js';
import { stepping, times } from './sync-cast.js';

type Numbers = Channel<number>;
type Blocks = Channel<Uint8Array>;

/** In setup: makes a channel with some values in it, and opens it for every thread. */
function channels(stage: SyncStage, capacity: number, ...values: number[]): Numbers[] {
  const { Channel, numbers } = stage.modules;
  const [{ heap }] = stage.actors;
  const made = now(stepsOf(Channel.create(heap, numbers, { capacity, spin: 0 })));
  now(stepping(() => made.sendMany(values)));
  return stage.actors.map((actor) => now(stepsOf(Channel.at(actor.heap, made.address, numbers, { spin: 0 }))));
}

/** The same of byte strings, each a block that has to be freed by somebody. */
function blockChannels(stage: SyncStage, capacity: number): Blocks[] {
  const { Channel, bytes } = stage.modules;
  const made = now(stepsOf(Channel.create(stage.actors[0].heap, bytes, { capacity, spin: 0 })));
  return stage.actors.map((actor) => now(stepsOf(Channel.at(actor.heap, made.address, bytes, { spin: 0 }))));
}

function* send(actor: SyncActor, channel: Numbers, ...values: number[]): Steps<void> {
  for (const value of values) {
    yield* stepping(() => channel.send(value));
    actor.notes.push(`sent ${value}`);
  }
}

function* receive(actor: SyncActor, channel: Numbers, count: number): Steps<void> {
  for (let i = 0; i < count; i++) {
    const value = yield* stepsOf(channel.receive());
    if (value === undefined) throw new Error('the channel ended');
    actor.notes.push(`got ${value}`);
  }
}

const noted = ({ notes }: SyncActor, verb: string): number[] =>
  notes.filter((note) => note.startsWith(verb)).map((note) => Number(note.slice(verb.length + 1)));

/** Values of one thread have its number as tens, and are sent in rising order: so they come out. */
function expectOrder(values: readonly number[], who: string): void {
  values.forEach((value, i) => {
    const before = values.slice(0, i).filter((other) => Math.floor(other / 10) === Math.floor(value / 10));
    if (before.some((other) => other >= value)) throw new Error(`${who} has ${values.join(', ')} in this order`);
  });
}

/** Nothing is there twice, or in another order; and of what was sent nothing is missing but what dead receivers had in hand. */
function expectValues(stage: SyncStage, rest: readonly number[], before: readonly number[], inHand = 1): void {
  const got = stage.actors.map((actor) => noted(actor, 'got'));
  got.forEach((values, i) => expectOrder(values, `thread ${i}`));
  expectOrder(rest, 'the channel');
  const there = [...got.flat(), ...rest];
  if (new Set(there).size !== there.length) throw new Error(`a value is there twice: ${there.join(', ')}`);
  const sent = [...before, ...stage.actors.flatMap((actor) => noted(actor, 'sent'))];
  const missing = sent.filter((value) => !there.includes(value));
  if (missing.length > stage.machine.crashed.size * inHand)
    throw new Error(`of ${sent.join(', ')} these are missing: ${missing.join(', ')}`);
  if (stage.machine.crashed.size === 0 && there.length !== sent.length)
    throw new Error(`of what is there, ${there.join(', ')}, some was never sent`);
}

/** What is left in a channel, taken out by somebody who lives. */
function restOf<T>(stage: SyncStage, all: readonly Channel<T>[]): T[] {
  const alive = stage.actors.find(({ thread }) => !stage.machine.crashed.has(thread));
  if (alive === undefined) return [];
  stage.machine.current = alive.thread;
  const channel = all[alive.thread];
  const rest = now(stepsOf(channel.tryReceiveMany(32)));
  if (channel.length !== 0) throw new Error(`${channel.length} values can't be taken out`);
  return rest;
}

const expectNumbers =
  (...before: number[]) =>
  (stage: SyncStage, all: readonly Numbers[]): void =>
    expectValues(stage, restOf(stage, all), before);

/** Blocks of a bounded channel that is empty. */
const BLOCKS = 2;

/** Nobody has a block but the channel and those that died. */
function expectBlocks(stage: SyncStage, inHand: number): void {
  const most = BLOCKS + stage.machine.crashed.size * inHand;
  const { liveBlocks } = stage;
  if (liveBlocks < BLOCKS || liveBlocks > most) throw new Error(`${liveBlocks} blocks are left, not ${most}`);
}

const queues: readonly SyncPlot<any>[] = [
  {
    name: 'channel-with-two-receivers',
    about: 'two workers wait for one value each, of which a third sends two: no wake-up is lost, whoever dies waiting',
    setup: (stage) => channels(stage, 8),
    mortals: [0, 1],
    scripts: [
      (actor, channel: Numbers) => receive(actor, channel, 1),
      (actor, channel: Numbers) => receive(actor, channel, 1),
      (actor, channel: Numbers) => send(actor, channel, 21, 22),
    ],
    verdict: expectNumbers(),
  },
  {
    name: 'channel-that-is-full',
    about: 'two workers wait for room, which a third makes twice: none is forgotten, and both values arrive',
    setup: (stage) => channels(stage, 1, 91),
    mortals: [0],
    scripts: [
      (actor, channel: Numbers) => send(actor, channel, 1),
      (actor, channel: Numbers) => send(actor, channel, 11),
      (actor, channel: Numbers) => receive(actor, channel, 2),
    ],
    verdict: expectNumbers(91),
  },
  {
    name: 'channel-that-grows',
    about: 'two workers send more than the ring has cells while a third receives: what is in it moves to a larger one',
    setup: (stage) => channels(stage, Infinity, 91, 92),
    scripts: [
      (actor, channel: Numbers) => send(actor, channel, 1),
      (actor, channel: Numbers) => send(actor, channel, 11, 12, 13),
      function* (actor, channel: Numbers) {
        for (let i = 0; i < 3; i++) {
          const value = yield* stepsOf(channel.tryReceive());
          if (value !== undefined) actor.notes.push(`got ${value}`);
        }
      },
    ],
    verdict(stage, all: readonly Numbers[]) {
      expectNumbers(91, 92)(stage, all);
      expectBlocks(stage, 1);
    },
  },
  {
    name: 'channel-of-blocks-in-batches',
    about:
      'batches that are larger than the room, by workers whose time may be over: blocks are the sender’s, the channel’s or the receiver’s',
    setup: (stage) => blockChannels(stage, 2),
    scripts: [
      function* (actor, channel: Blocks) {
        const batch = [1, 2, 3].map((value) => Uint8Array.of(value));
        const isSent = yield* actor.unless(
          ['ERR_SYNC_TIMEOUT'],
          (function* () {
            yield* stepping(() => channel.sendMany(batch, { timeoutMs: 5 }));
            return true;
          })(),
        );
        if (isSent === true) actor.notes.push('sent 1', 'sent 2', 'sent 3');
      },
      ...times(2, function* (actor: SyncActor, channel: Blocks) {
        const list = yield* actor.unless(['ERR_SYNC_TIMEOUT'], stepsOf(channel.receiveMany(2, { timeoutMs: 5 })));
        for (const [value] of list ?? []) actor.notes.push(`got ${value}`);
      }),
    ],
    verdict(stage, all: readonly Blocks[]) {
      const rest = restOf(stage, all).map(([value]) => value);
      const isWhole = stage.actors[0].notes.includes('sent 1');
      const there = stage.actors.flatMap((actor) => noted(actor, 'got')).concat(rest);
      // A batch that was broken off is there up to some value.
      if (isWhole || stage.machine.crashed.size > 0) expectValuesOfBatch(stage, rest);
      else if (there.toSorted().some((value, i) => value !== i + 1)) throw new Error(`there is ${there.join(', ')}`);
      expectBlocks(stage, 3);
    },
  },
  {
    name: 'channel-that-is-closed',
    about:
      'one worker sends, one closes, one receives to the end: what was sent before is received, and nothing is sent after',
    setup: (stage) => channels(stage, 1),
    mortals: [0],
    scripts: [
      function* (actor, channel: Numbers) {
        yield* actor.unless(['ERR_COLLECTION_CLOSED'], send(actor, channel, 1, 2));
      },
      (_, channel: Numbers) => stepping(() => channel.close()),
      function* (actor, channel: Numbers) {
        for (;;) {
          const value = yield* stepsOf(channel.receive());
          if (value === undefined) break;
          actor.notes.push(`got ${value}`);
        }
      },
    ],
    verdict(stage, all: readonly Numbers[]) {
      const rest = restOf(stage, all);
      if (rest.length > 0) throw new Error(`${rest.join(', ')} came after the end`);
      expectValues(stage, rest, [], 0);
    },
  },
];

function expectValuesOfBatch(stage: SyncStage, rest: readonly number[]): void {
  expectValues(stage, rest, [], 2);
}

type Pair = readonly [Numbers, Numbers];

const pairs = (stage: SyncStage): Pair[] => {
  const [first, second] = [channels(stage, 4), channels(stage, 4)];
  return first.map((channel, i) => [channel, second[i]]);
};

function* selectOne(actor: SyncActor, pair: Pair): Steps<void> {
  const found = yield* stepsOf(actor.stage.modules.select(pair));
  actor.notes.push(found === undefined ? 'ended' : `got ${found.value}`);
}

function expectPairs(stage: SyncStage, all: readonly Pair[]): void {
  const rest = [0, 1].flatMap((i) => restOf(stage, all.map((pair) => pair[i]))); // prettier-ignore
  expectValues(stage, rest, []);
  // Of each channel two blocks, and what a dead worker waited by.
  const most = 2 * BLOCKS + stage.machine.crashed.size;
  if (stage.liveBlocks > most) throw new Error(`${stage.liveBlocks} blocks are left, not ${most}`);
}

const selections: readonly SyncPlot<any>[] = [
  {
    name: 'select-from-two-channels',
    about: 'a worker waits for two channels, into each of which another one sends: it gets both values',
    setup: pairs,
    mortals: [2],
    scripts: [
      (actor, [channel]: Pair) => send(actor, channel, 1),
      (actor, [, channel]: Pair) => send(actor, channel, 11),
      function* (actor, pair: Pair) {
        yield* selectOne(actor, pair);
        yield* selectOne(actor, pair);
      },
    ],
    verdict: expectPairs,
  },
  {
    name: 'select-against-a-receiver',
    about:
      'one worker waits for a channel and one for it and another: of two values each gets one, whoever dies waiting',
    setup: pairs,
    mortals: [1, 2],
    scripts: [
      (actor, [channel]: Pair) => send(actor, channel, 1, 2),
      (actor, [channel]: Pair) => receive(actor, channel, 1),
      selectOne,
    ],
    verdict: expectPairs,
  },
  {
    name: 'select-by-two',
    about: 'two workers wait for the same two channels, into each of which something is sent',
    setup: pairs,
    mortals: [1, 2],
    scripts: [
      function* (actor, [first, second]: Pair) {
        yield* send(actor, first, 1);
        yield* send(actor, second, 2);
      },
      selectOne,
      selectOne,
    ],
    verdict: expectPairs,
  },
  {
    name: 'select-from-channels-that-close',
    about: 'a worker waits for two channels that two others close: it learns of the end of both',
    setup: pairs,
    mortals: [2],
    scripts: [
      (_, [channel]: Pair) => stepping(() => channel.close()),
      (_, [, channel]: Pair) => stepping(() => channel.close()),
      selectOne,
    ],
    verdict(stage, all: readonly Pair[]) {
      expectPairs(stage, all);
      if (stage.machine.crashed.size === 0 && stage.actors[2].notes[0] !== 'ended') throw new Error('it got something');
    },
  },
];

type Elements = Ring<Int32Array>;

/** The address of a ring: an object for it knows how far the other side has come, and is made anew in each schedule. */
function rings(stage: SyncStage): number[] {
  const { address } = now(stepsOf(stage.modules.Ring.create(stage.actors[0].heap, Int32Array, 2)));
  return stage.actors.map(() => address);
}

const open = ({ heap, stage }: SyncActor, address: number): Elements =>
  now(stepsOf(stage.modules.Ring.at(heap, address, Int32Array)));

/** Writes 1, 2, 3, ... in parts of two. */
function* produce(actor: SyncActor, address: number, count: number, limit: { timeoutMs?: number }): Steps<void> {
  const ring = open(actor, address);
  for (let next = 1; next <= count;) {
    const there = yield* actor.unless(['ERR_SYNC_TIMEOUT'], stepsOf(ring.waitWritable(1, limit)));
    if (there === undefined) return;
    const source = [next, next + 1].slice(0, count - next + 1);
    next += yield* stepsOf(ring.write(source));
    actor.notes.push(`wrote ${next - 1}`);
  }
}

function* consume(actor: SyncActor, address: number, count: number, limit: { timeoutMs?: number }): Steps<void> {
  const ring = open(actor, address);
  for (let last = 0; last < count;) {
    const there = yield* actor.unless(['ERR_SYNC_TIMEOUT'], stepsOf(ring.waitReadable(1, limit)));
    if (there === undefined) return;
    const target = [0, 0];
    const read = yield* stepsOf(ring.read(target));
    for (const value of target.slice(0, read)) {
      if (value !== last + 1) throw new Error(`${value} follows ${last}`);
      last = value;
    }
    actor.notes.push(`read ${last}`);
  }
}

const elements: readonly SyncPlot<any>[] = [
  {
    name: 'ring-of-two',
    about: 'a producer and a consumer wait for each other around a ring of two elements',
    setup: rings,
    mortals: [],
    scripts: [
      (actor, ring: number) => produce(actor, ring, 5, {}),
      (actor, ring: number) => consume(actor, ring, 5, {}),
    ],
  },
  {
    name: 'ring-of-mortals',
    about: 'a producer and a consumer whose time may be over, or who die: what was committed is there, and in order',
    setup: rings,
    scripts: [
      (actor, ring: number) => produce(actor, ring, 4, { timeoutMs: 5 }),
      (actor, ring: number) => consume(actor, ring, 4, { timeoutMs: 5 }),
    ],
    verdict(stage, [address]: readonly number[]) {
      const [wrote, read] = ['wrote', 'read'].map((verb, i) => Math.max(0, ...noted(stage.actors[i], verb)));
      const alive = stage.actors.find(({ thread }) => !stage.machine.crashed.has(thread));
      if (alive === undefined) return;
      stage.machine.current = alive.thread;
      const rest = [0, 0];
      const count = now(stepsOf(open(alive, address).read(rest)));
      const isConsumerDead = stage.machine.crashed.has(1);
      // A dead producer may have committed more than it could say, a dead consumer read more.
      if (read + count < wrote && !isConsumerDead)
        throw new Error(`${wrote} were written, ${read} + ${count} are there`);
      for (let i = 0; i < count && !isConsumerDead; i++)
        if (rest[i] !== read + i + 1) throw new Error(`${rest[i]} follows ${read + i}`);
    },
  },
];

/** Channels and rings. */
export const channelScenarios: readonly Play[] = [...queues, ...selections, ...elements].map(onSyncStage);
