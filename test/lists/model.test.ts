import fc from 'fast-check';
import { type Heap } from 'sabmalloc';
import {
  ByteString,
  PriorityQueue,
  Texts,
  Vector,
  bytes,
  handles,
  numbers,
  structs,
  texts,
} from 'sabmalloc/collections';
import { f64, struct, utf8 } from 'sabmalloc/structs';
import { describe, expect, it } from 'vitest';
import { BUDGET } from '../kit/budget.js';
import { heapsOfTest } from '../kit/heaps.js';
import { runs } from '../kit/random.js';

const create = heapsOfTest();

const Point = struct('ListPoint', { x: f64, name: utf8(15) });

/** One type of elements: how a value is made of a number, and what it looks like when it is read. */
interface Sort {
  make(heap: Heap, capacity: number): Vector<any, any>;
  open(heap: Heap, address: number): Vector<any, any>;
  value(heap: Heap, n: number): unknown;
  /** What a value shows, the one put in as well as the one read. */
  shown(heap: Heap, value: unknown): unknown;
  /** Frees what was taken out, or not put in after all. */
  free(heap: Heap, value: unknown): void;
}

const plain = { shown: (_: Heap, value: unknown) => value, free: () => {} };
const typed = (type: any, value: (n: number) => unknown): Sort => ({
  make: (heap, capacity) => Vector.create(heap, type, { capacity }),
  open: (heap, address) => Vector.at(heap, address, type),
  value: (_, n) => value(n),
  ...plain,
});

const SORTS: Readonly<Record<string, Sort>> = {
  Float64Array: typed(Float64Array, (n) => n + 0.5),
  Int8Array: typed(Int8Array, (n) => n % 100),
  BigUint64Array: typed(BigUint64Array, BigInt),
  numbers: typed(numbers, (n) => n + 0.25),
  texts: typed(texts, (n) => `${n} ä`.repeat(n % 7)),
  bytes: typed(bytes, (n) => new Uint8Array(n % 40).fill(n)),
  handles: {
    ...typed(handles, (n) => n),
    value: (heap, n) => heap.share(heap.alloc(Int32Array, 4).fill(n)),
    shown: (heap, value) => heap.open<Int32Array>(value as number)[0],
    free: (heap, value) => void heap.release(value as number),
  },
  structs: {
    ...typed(structs(Point), (n) => n),
    value: (heap, n) => Point.in(heap).create({ x: n, name: `p${n}` }),
    shown: (_, value) => (value as { toObject(): unknown }).toObject(),
    free: (_, value) => {
      (value as { free(): void }).free();
    },
  },
};

const step = fc.oneof(
  fc.record({ do: fc.constant('push' as const), n: fc.nat(10_000) }),
  fc.record({ do: fc.constant('pushMany' as const), n: fc.nat(10_000), count: fc.nat(6) }),
  fc.record({ do: fc.constant('set' as const), at: fc.integer({ min: -30, max: 40 }), n: fc.nat(10_000) }),
  fc.record({ do: fc.constant('pop' as const) }),
  fc.record({ do: fc.constant('truncate' as const), to: fc.nat(30) }),
  fc.record({ do: fc.constant('reopen' as const) }),
);

describe('a Vector', () => {
  it.each(Object.keys(SORTS))('of %s is what an array is', (name) => {
    const sort = SORTS[name];
    const heap = create();
    const show = (value: unknown): unknown => (value === undefined ? undefined : sort.shown(heap, value));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.array(step, { maxLength: 80 }), (capacity, steps) => {
        const before = heap.stats().liveBlocks;
        const made = sort.make(heap, capacity);
        let vector = made;
        let model: unknown[] = [];
        for (const one of steps) {
          if (one.do === 'push') {
            const value = sort.value(heap, one.n);
            model.push(show(value));
            expect(vector.push(value)).toBe(model.length);
          } else if (one.do === 'pushMany') {
            const values = Array.from({ length: one.count }, (_, i) => sort.value(heap, one.n + i));
            model.push(...values.map(show));
            expect(vector.pushMany(values)).toBe(model.length);
          } else if (one.do === 'set') {
            const value = sort.value(heap, one.n);
            const place = one.at < 0 ? one.at + model.length : one.at;
            if (place >= 0 && place < model.length) {
              model[place] = show(value);
              vector.set(one.at, value);
            } else {
              expect(() => {
                vector.set(one.at, value);
              }).toThrow(expect.objectContaining({ code: 'ERR_COLLECTION_INDEX' }));
              sort.free(heap, value);
            }
          } else if (one.do === 'pop') {
            const popped = vector.pop();
            expect(show(popped)).toEqual(model.pop());
            if (popped !== undefined) sort.free(heap, popped);
          } else if (one.do === 'truncate') {
            vector.truncate(one.to);
            model = model.slice(0, one.to);
          } else vector = sort.open(heap, made.address);
          expect(vector.length).toBe(model.length);
          expect(show(vector.at(-1))).toEqual(model.at(-1));
        }
        expect([...vector].map(show)).toEqual(model);
        expect([...vector.entries()].map(([index, value]) => [index, show(value)])).toEqual([...model.entries()]);
        expect(vector.at(model.length)).toBeUndefined();
        if (name.endsWith('Array'))
          expect((vector.parts() as Float64Array[]).flatMap((part) => [...part])).toEqual(model);
        made.dispose();
        expect(heap.stats().liveBlocks).toBe(before);
      }),
      runs(BUDGET.modelRuns),
    );
    heap.check();
  });
});

it('a ByteString is what a text and its bytes are', () => {
  const heap = create();
  const piece = fc.oneof(fc.string({ unit: 'binary', maxLength: 20 }), fc.uint8Array({ maxLength: 40 }));
  const index = fc.integer({ min: -60, max: 60 });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.array(piece, { maxLength: 12 }),
      fc.array(fc.tuple(index, index), { maxLength: 10 }),
      piece,
      (capacity, pieces, ranges, other) => {
        const made = ByteString.create(heap, { capacity });
        let model = Buffer.alloc(0);
        for (const [i, one] of pieces.entries()) {
          expect((i % 2 === 0 ? made : ByteString.at(heap, made.address)).append(one)).toBe(model.length);
          model = Buffer.concat([model, Buffer.from(one as Uint8Array)]);
        }
        expect(made.length).toBe(model.length);
        expect(Buffer.from(made.slice()).equals(model)).toBe(true);
        expect(Buffer.concat(made.parts()).equals(model)).toBe(true);
        expect(made.toText()).toBe(new TextDecoder('utf-8', { ignoreBOM: true }).decode(model));
        expect([made.equals(new Uint8Array(model)), made.equals(made)]).toEqual([true, true]);
        for (const [from, to] of ranges) {
          const range = new Uint8Array(model).slice(from, to);
          expect([...made.slice(from, to)]).toEqual([...range]);
          expect(made.at(from)).toBe(new Uint8Array(model).at(from));
          const start = from < 0 ? Math.max(0, from + model.length) : Math.min(from, model.length);
          expect(made.indexOf(range, from)).toBe(range.length === 0 ? start : model.indexOf(range, start));
          expect(made.indexOf(range)).toBe(model.indexOf(range));
        }
        const bytesOfOther = Buffer.from(other as Uint8Array);
        expect(made.indexOf(other)).toBe(model.indexOf(bytesOfOther));
        expect(made.compare(other)).toBe(Buffer.compare(model, bytesOfOther));
        const copy = ByteString.create(heap);
        copy.append(made);
        expect([copy.hash(), copy.compare(made)]).toEqual([made.hash(), 0]);
        copy.append('x');
        expect([copy.hash() === made.hash(), copy.compare(made), made.compare(copy)]).toEqual([false, 1, -1]);
        copy.dispose();
        made.dispose();
        expect(heap.stats().liveBlocks).toBe(0);
      },
    ),
    runs(BUDGET.modelRuns),
  );
});

it('Texts are what a Map from texts to numbers is', () => {
  const heap = create();
  const text = fc.oneof(
    fc.string({ maxLength: 3, unit: fc.constantFrom('a', 'b', 'ö', '😀') }),
    fc.string({ maxLength: 40 }),
  );
  const one = fc.record({ text, who: fc.nat(1), how: fc.constantFrom('intern', 'lookUp') });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.array(one, { maxLength: 200 }), (capacity, steps) => {
      const made = Texts.create(heap, { capacity });
      const two = [made, Texts.at(heap, made.address)];
      const model = new Map<string, number>();
      for (const { text, who, how } of steps) {
        if (how === 'lookUp') expect(two[who].lookUp(text)).toBe(model.get(text));
        else {
          if (!model.has(text)) model.set(text, model.size);
          expect(two[who].intern(text)).toBe(model.get(text));
          expect(two[1 - who].text(model.get(text)!)).toBe(text);
        }
        expect(two[who].size).toBe(model.size);
      }
      const third = Texts.at(heap, made.address);
      expect([...third.entries()].map(([number, name]) => [name, number])).toEqual([...model]);
      for (const [name, number] of model) expect(third.lookUp(name)).toBe(number);
      made.dispose();
      expect(heap.stats().liveBlocks).toBe(0);
    }),
    runs(BUDGET.modelRuns),
  );
});

it('a PriorityQueue is what a sorted list is', () => {
  const heap = create();
  const priority = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.double({ noNaN: true }));
  const one = fc.oneof(
    fc.record({ push: priority }),
    fc.record({ push: priority }),
    fc.record({ pop: fc.oneof(fc.constant(Infinity), priority) }),
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.array(one, { maxLength: 200 }), (capacity, steps) => {
      const made = PriorityQueue.create(heap, texts, { capacity });
      const two = [made, PriorityQueue.at(heap, made.address, texts)];
      const model: { priority: number; name: string }[] = [];
      for (const [i, step] of steps.entries()) {
        const queue = two[i % 2];
        if ('push' in step) {
          const after = model.findIndex((other) => other.priority > step.push);
          model.splice(after < 0 ? model.length : after, 0, { priority: step.push, name: `n${i}` });
          queue.push(`n${i}`, step.push);
        } else {
          const isDue = model.length > 0 && model[0].priority <= step.pop;
          expect(queue.pop(step.pop)).toBe(isDue ? model.shift()?.name : undefined);
        }
        expect([queue.length, queue.peek()]).toEqual([model.length, model[0]?.name]);
        // 0 and -0 are the same priority.
        expect((queue.peekPriority() ?? NaN) + 0).toBe((model[0]?.priority ?? NaN) + 0);
      }
      if (steps.length % 2 === 0) {
        for (const { name } of model) expect(made.pop()).toBe(name);
        expect(made.pop()).toBeUndefined();
      } else if (steps.length % 3 === 0) {
        made.clear();
        expect(made.length).toBe(0);
      }
      made.dispose();
      expect(heap.stats().liveBlocks).toBe(0);
    }),
    runs(BUDGET.modelRuns),
  );
});
