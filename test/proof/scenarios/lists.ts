import type { ByteString } from '../../../src/collections/byte-string.js';
import type { PriorityQueue } from '../../../src/collections/priority-queue.js';
import type { Texts } from '../../../src/collections/texts.js';
import type { Vector } from '../../../src/collections/vector.js';
import type { Steps } from '../machine/builds.js';
import type { Play } from '../machine/play.js';
import { now, stepsOf } from '../machine/stage.js';
import { onSyncStage, type SyncActor, type SyncPlot, type SyncStage } from '../machine/sync-stage.js';
import { expectFreed, expectKept, opened, putting, setUp, survivor, taking, type Kind } from './lists-cast.js';
import { stepping } from './sync-cast.js';

const SMALL = { capacity: 2 };

const numberVectors: Kind<Vector<number>> = {
  make: ({ Vector, numbers }, { heap }) => Vector.create(heap, numbers, SMALL),
  open: ({ Vector, numbers }, { heap }, address) => Vector.at(heap, address, numbers),
};
const textVectors: Kind<Vector<string>> = {
  make: ({ Vector, texts }, { heap }) => Vector.create(heap, texts, SMALL),
  open: ({ Vector, texts }, { heap }, address) => Vector.at(heap, address, texts),
};
const byteStrings: Kind<ByteString> = {
  make: ({ ByteString }, { heap }) => ByteString.create(heap, SMALL),
  open: ({ ByteString }, { heap }, address) => ByteString.at(heap, address),
};
const textTables: Kind<Texts> = {
  make: ({ Texts }, { heap }) => Texts.create(heap, SMALL),
  open: ({ Texts }, { heap }, address) => Texts.at(heap, address),
};
const queues: Kind<PriorityQueue<string>> = {
  make: ({ PriorityQueue, texts }, { heap }) => PriorityQueue.create(heap, texts, SMALL),
  open: ({ PriorityQueue, texts }, { heap }, address) => PriorityQueue.at(heap, address, texts),
};

/** A script that opens the collection first. */
const using =
  <T extends { readonly address: number; dispose(): void }>(
    kind: Kind<T>,
    script: (actor: SyncActor, object: T) => Steps<void>,
  ) =>
  (actor: SyncActor, address: number): Steps<void> =>
    (function* () {
      yield* script(actor, yield* opened(actor, kind, address));
    })();

/** A verdict on the collection as somebody who is left opens it; it is disposed of in the end. */
const judged =
  <T extends { readonly address: number; dispose(): void }>(
    kind: Kind<T>,
    judge: (stage: SyncStage, object: T) => void,
  ) =>
  (stage: SyncStage, [address]: readonly number[]): void => {
    const alive = survivor(stage);
    if (alive === undefined) return;
    const object = now(opened(alive, kind, address));
    judge(stage, object);
    expectFreed(stage, object);
  };

/** All elements of a vector. The lock is taken first, so that what the dead left is in order. */
function elementsOf<T>(vector: Vector<T>): T[] {
  now(stepping(() => vector.truncate(1000)));
  const length = now(stepsOf((vector as unknown as { load(word: number): number }).load(4)));
  return Array.from({ length }, (_, index) => now(stepsOf(vector.at(index))) as T);
}

const expectOne = (what: string, found: unknown, allowed: readonly unknown[]): void => {
  if (!allowed.includes(found)) throw new Error(`${what} is ${String(found)}, none of ${allowed.join(', ')}`);
};

/** A double whose two words are equal: one that was put together of two values is seen to be. */
const twin = (word: number): number => new Float64Array(new Int32Array([word, word]).buffer)[0];
const TWINS = [0x3ff00001, 0x3ff00002, 0x3ff00003].map(twin);

const vectors: readonly SyncPlot<any>[] = [
  {
    name: 'vector-pushed-by-two',
    about: 'two workers push into a vector that has to grow, and one pops: nothing is lost, nothing is there twice',
    setup: (stage) => setUp(stage, textVectors),
    scripts: [
      using(textVectors, function* (actor, vector) {
        for (const value of ['a', 'b', 'c']) yield* putting(actor, value, () => vector.push(value));
      }),
      using(textVectors, function* (actor, vector) {
        yield* putting(actor, 'x', () => vector.push('x'));
        yield* taking(actor, () => vector.pop());
        yield* putting(actor, 'y', () => vector.push('y'));
      }),
    ],
    verdict: judged(textVectors, (stage, vector) => {
      expectKept(stage, elementsOf(vector));
    }),
  },
  {
    name: 'vector-set-under-readers',
    about:
      'an element of two words is replaced, taken off and pushed again: who reads it without a lock reads it whole',
    setup: (stage) =>
      setUp(stage, numberVectors, (vector) => {
        now(stepsOf(vector.push(TWINS[0])));
      }),
    scripts: [
      using(numberVectors, function* (_, vector) {
        yield* stepping(() => vector.set(0, TWINS[1]));
        yield* stepping(() => vector.pop());
        yield* stepping(() => vector.push(TWINS[2]));
      }),
      using(numberVectors, function* (_, vector) {
        for (let i = 0; i < 3; i++) expectOne('the element', yield* stepsOf(vector.at(0)), [...TWINS, undefined]);
      }),
    ],
    verdict: judged(numberVectors, (_, vector) => {
      for (const value of elementsOf(vector)) expectOne('the element', value, TWINS);
    }),
  },
  {
    name: 'vector-of-texts-under-readers',
    about: 'texts are taken off, replaced and freed: who reads them without a lock reads what was there',
    setup: (stage) =>
      setUp(stage, textVectors, (vector) => {
        for (const text of ['one', 'two']) now(stepsOf(vector.push(text)));
      }),
    scripts: [
      using(textVectors, function* (_, vector) {
        yield* stepping(() => vector.pop());
        yield* stepping(() => vector.set(0, 'uno'));
      }),
      using(textVectors, function* (_, vector) {
        expectOne('the last', yield* stepsOf(vector.at(-1)), ['one', 'two', 'uno']);
        expectOne('the second', yield* stepsOf(vector.at(1)), ['two', undefined]);
        expectOne('the first', yield* stepsOf(vector.at(0)), ['one', 'uno']);
      }),
    ],
    verdict: judged(textVectors, (_, vector) => {
      for (const text of elementsOf(vector)) expectOne('what is left', text, ['one', 'two', 'uno']);
    }),
  },
  {
    name: 'vector-of-texts-set-by-two',
    about: 'two workers replace the same text: one of their texts is there, and the others are freed',
    setup: (stage) =>
      setUp(stage, textVectors, (vector) => {
        now(stepsOf(vector.push('one')));
      }),
    scripts: ['uno', 'eins'].map((text) =>
      using(textVectors, function* (actor, vector) {
        yield* stepping(() => vector.set(0, text));
        actor.notes.push(text);
      }),
    ),
    verdict: judged(textVectors, (stage, vector) => {
      const [text] = elementsOf(vector);
      const isSet = stage.actors.some(({ notes }) => notes.length > 0);
      expectOne('the text', text, isSet ? ['uno', 'eins'] : ['one', 'uno', 'eins']);
    }),
  },
  {
    name: 'vector-of-texts-pushed-many',
    about: 'two workers push several texts at once: all of each or none, and none of the other between them',
    setup: (stage) => setUp(stage, textVectors),
    scripts: ['a', 'b'].map((name) =>
      using(textVectors, function* (actor, vector) {
        yield* stepping(() => vector.pushMany([1, 2, 3].map((i) => `${name}${i}`)));
        actor.notes.push(name);
      }),
    ),
    verdict: judged(textVectors, (stage, vector) => {
      const all = elementsOf(vector).join('');
      expectOne('the vector', all, ['', 'a1a2a3', 'b1b2b3', 'a1a2a3b1b2b3', 'b1b2b3a1a2a3']);
      for (const name of stage.actors.flatMap(({ notes }) => notes))
        if (!all.includes(name)) throw new Error(`${name} is lost`);
    }),
  },
  {
    name: 'vector-of-texts-truncated',
    about: 'a vector of texts is truncated while another worker pushes and pops: each text is freed once',
    setup: (stage) =>
      setUp(stage, textVectors, (vector) => {
        for (const text of ['one', 'two', 'three']) now(stepsOf(vector.push(text)));
      }),
    scripts: [
      using(textVectors, (_, vector) => stepping(() => vector.truncate(1))),
      using(textVectors, function* (_, vector) {
        expectOne('what was popped', yield* stepsOf(vector.pop()), ['one', 'two', 'three']);
        yield* stepping(() => vector.push('four'));
      }),
    ],
    verdict: judged(textVectors, (_, vector) => {
      for (const text of elementsOf(vector)) expectOne('what is left', text, ['one', 'two', 'three', 'four']);
    }),
  },
];

const appended: SyncPlot<any> = {
  name: 'byte-string-appended-by-two',
  about: 'two workers append across the ends of blocks while a third reads: each append is whole, and stays',
  setup: (stage) => setUp(stage, byteStrings),
  scripts: [
    ...['abc', 'xyz'].map((text) =>
      using(byteStrings, function* (actor: SyncActor, string: ByteString) {
        for (let i = 0; i < 2; i++) {
          const at = yield* stepsOf(string.append(text));
          expectOne('what was appended', yield* stepsOf(string.toText(at, at + 3)), [text]);
          actor.notes.push(text);
        }
      }),
    ),
    using(byteStrings, function* (_, string) {
      let before = '';
      for (let i = 0; i < 2; i++) {
        const now = yield* stepsOf(string.toText());
        if (!/^(abc|xyz)*$/.test(now) || !now.startsWith(before)) throw new Error(`read "${now}" after "${before}"`);
        before = now;
      }
    }),
  ],
  verdict: judged(byteStrings, (stage, string) => {
    const all = now(stepsOf(string.toText()));
    if (!/^(abc|xyz)*$/.test(all)) throw new Error(`it is "${all}"`);
    for (const text of ['abc', 'xyz']) {
      const done = stage.actors.flatMap(({ notes }) => notes).filter((note) => note === text).length;
      if (all.split(text).length - 1 < done) throw new Error(`"${all}" is less than was appended`);
    }
  }),
};

/** Interns and notes the numbers. */
function* interning(actor: SyncActor, table: Texts, list: readonly string[]): Steps<void> {
  for (const text of list) {
    const number = yield* stepsOf(table.intern(text));
    actor.notes.push(`${text} ${number}`);
    expectOne(`text ${number}`, yield* stepsOf(table.text(number)), [text]);
  }
}

/** Each number that anybody was told is that of the text for somebody who sees the table for the first time. */
const numbered = judged(textTables, (stage, table) => {
  for (const note of stage.actors.flatMap(({ notes }) => notes)) {
    const [text, number] = note.split(' ');
    expectOne(`text ${number}`, now(stepsOf(table.text(Number(number)))), [text]);
  }
  // Brings in order what the dead left.
  now(stepsOf(table.intern('last')));
  const size = now(stepsOf((table as unknown as { load(word: number): number }).load(4)));
  const all = Array.from({ length: size }, (_, number) => now(stepsOf(table.text(number))));
  if (new Set(all).size !== size) throw new Error(`a text has two numbers: ${all.join(' ')}`);
});

const KNOWN = ['k0', 'k1', 'k2'];
const knowing = (stage: SyncStage): number[] =>
  setUp(stage, textTables, (table) => {
    for (const text of KNOWN) now(stepsOf(table.intern(text)));
  });

const interned: readonly SyncPlot<any>[] = [
  {
    name: 'texts-interned-by-two',
    about: 'two workers intern the same texts in opposite order: each text has one number',
    setup: (stage) => setUp(stage, textTables),
    scripts: [
      ['a', 'b'],
      ['b', 'a'],
    ].map((list) => using(textTables, (actor, table) => interning(actor, table, list))),
    verdict: numbered,
  },
  {
    name: 'texts-while-the-table-grows',
    about: 'a worker looks for texts while another one adds some, and the table that was searched is freed',
    setup: knowing,
    scripts: [
      using(textTables, (actor, table) => interning(actor, table, ['a', 'b'])),
      using(textTables, function* (_, table) {
        for (const [number, text] of KNOWN.entries())
          expectOne(`number of ${text}`, yield* stepsOf(table.lookUp(text)), [number]);
        expectOne('number of none', yield* stepsOf(table.lookUp('none')), [undefined]);
      }),
    ],
    verdict: numbered,
  },
  {
    name: 'texts-grown-by-two',
    about: 'two workers find the table crowded: one makes it larger, and each adds its text',
    setup: knowing,
    scripts: [['a'], ['b', 'a']].map((list) => using(textTables, (actor, table) => interning(actor, table, list))),
    verdict: numbered,
  },
];

/** What is left, in the order in which it comes out. */
function drained(queue: PriorityQueue<string>): string[] {
  const left: string[] = [];
  for (;;) {
    const text = now(stepsOf(queue.pop()));
    if (text === undefined) return left;
    left.push(text);
  }
}

/** The names of what is in the queues begin with the priority. */
const entering = (actor: SyncActor, queue: PriorityQueue<string>, text: string): Steps<void> =>
  putting(actor, text, () => queue.push(text, Number(text[0])));

const ordered = (atFirst: readonly string[]) =>
  judged(queues, (stage, queue) => {
    const left = drained(queue);
    expectKept(stage, left, atFirst);
    if (left.join() !== left.toSorted().join()) throw new Error(`they come out as ${left.join(' ')}`);
  });

const prioritised: readonly SyncPlot<any>[] = [
  {
    name: 'priority-queue-by-two',
    about: 'a worker pushes while another one pops and pushes: the least comes out first, and nothing twice',
    setup: (stage) =>
      setUp(stage, queues, (queue) => {
        now(stepping(() => queue.push('5', 5)));
        now(stepping(() => queue.push('6', 6)));
      }),
    scripts: [
      using(queues, function* (actor, queue) {
        yield* entering(actor, queue, '4');
        yield* entering(actor, queue, '1');
      }),
      using(queues, function* (actor, queue) {
        yield* taking(actor, () => queue.pop());
        yield* entering(actor, queue, '3');
      }),
    ],
    verdict: ordered(['5', '6']),
  },
  {
    name: 'priority-queue-first-in-first-out',
    about: 'what a worker pushes with equal priorities comes out in its order, after a death too',
    setup: (stage) => setUp(stage, queues),
    scripts: [
      using(queues, function* (actor, queue) {
        for (const text of ['1a', '1b', '1c']) yield* entering(actor, queue, text);
      }),
      using(queues, function* (actor, queue) {
        yield* taking(actor, () => queue.pop());
        yield* entering(actor, queue, '0');
        yield* taking(actor, () => queue.pop());
      }),
    ],
    verdict: ordered([]),
  },
  {
    name: 'priority-queue-popped-by-two',
    about: 'two workers pop what is there: each element once, and a death loses no more than what was in hand',
    setup: (stage) =>
      setUp(stage, queues, (queue) => {
        for (const text of ['3', '1', '2', '4']) now(stepping(() => queue.push(text, Number(text))));
      }),
    scripts: [
      using(queues, (actor, queue) => taking(actor, () => queue.pop())),
      using(queues, function* (actor, queue) {
        expectOne('the first', yield* stepsOf(queue.peek()), ['1', '2']);
        yield* taking(actor, () => queue.pop());
      }),
    ],
    verdict: ordered(['1', '2', '3', '4']),
  },
];

/** Vector, byte string, interned texts and priority queue. */
export const listScenarios: readonly Play[] = [...vectors, appended, ...interned, ...prioritised].map(onSyncStage);
