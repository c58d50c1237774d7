import { Heap } from 'sabmalloc';
import { PriorityQueue, Texts, Vector, numbers, texts } from 'sabmalloc/collections';

/** Does `count` operations, and returns a sum over what came out: equal for all candidates of a task. */
export type Work = (count: number) => number;

export interface Candidate {
  readonly task: string;
  readonly name: string;
  /** Makes what it works on; `prepare` is not measured. */
  prepare(count: number, heap?: Heap): Work;
}

const create = (): Heap => Heap.create({ maxBytes: 2 ** 30, leakReport: 'off' });

/** Priorities, indices and the like: the same for all. */
function draw(count: number, below: number): Uint32Array {
  const drawn = new Uint32Array(count);
  let x = 1;
  for (let i = 0; i < count; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    drawn[i] = (x >>> 0) % below;
  }
  return drawn;
}

const WORDS = 10_000;
const wordsOf = (): string[] => Array.from({ length: WORDS }, (_, i) => `word number ${i * 7919}`);

/** A binary heap as one writes it for one thread. */
class PlainHeap {
  readonly #priorities: number[] = [];
  readonly #values: number[] = [];

  push(value: number, priority: number): void {
    const [priorities, values] = [this.#priorities, this.#values];
    let place = priorities.length;
    priorities.push(priority);
    values.push(value);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (priorities[parent] <= priority) break;
      priorities[place] = priorities[parent];
      values[place] = values[parent];
      place = parent;
    }
    priorities[place] = priority;
    values[place] = value;
  }

  pop(): number | undefined {
    const [priorities, values] = [this.#priorities, this.#values];
    const first = values.at(0);
    const priority = priorities.pop();
    const value = values.pop();
    if (priority === undefined || value === undefined || priorities.length === 0) return first;
    const count = priorities.length;
    let place = 0;
    for (let child = 1; child < count; child = 2 * place + 1) {
      if (child + 1 < count && priorities[child + 1] < priorities[child]) child++;
      if (priorities[child] >= priority) break;
      priorities[place] = priorities[child];
      values[place] = values[child];
      place = child;
    }
    priorities[place] = priority;
    values[place] = value;
    return first;
  }
}

/** Loops of their own for each candidate: one that sees all of them would be slow for all. */
const PUSHES: readonly Candidate[] = [
  {
    task: 'push',
    name: 'array',
    prepare: () => (count) => {
      const list: number[] = [];
      for (let i = 0; i < count; i++) list.push(i + 0.5);
      return list.length;
    },
  },
  {
    task: 'push',
    name: 'Vector of Float64Array',
    prepare:
      (_, heap = create()) =>
      (count) => {
        using list = Vector.create(heap, Float64Array);
        for (let i = 0; i < count; i++) list.push(i + 0.5);
        return list.length;
      },
  },
  {
    task: 'push',
    name: 'Vector of numbers',
    prepare:
      (_, heap = create()) =>
      (count) => {
        using list = Vector.create(heap, numbers);
        for (let i = 0; i < count; i++) list.push(i + 0.5);
        return list.length;
      },
  },
  {
    task: 'push',
    name: 'Vector of Float64Array, pushMany by 100',
    prepare:
      (_, heap = create()) =>
      (count) => {
        using list = Vector.create(heap, Float64Array);
        for (let i = 0; i < count; i += 100) list.pushMany(Array.from({ length: 100 }, (_, j) => i + j + 0.5));
        return list.length;
      },
  },
];

const READS: readonly Candidate[] = [
  {
    task: 'at, in a random order',
    name: 'array',
    prepare(count) {
      const list = Array.from({ length: count }, (_, i) => i + 0.5);
      const indices = draw(count, count);
      return () => {
        let sum = 0;
        for (const index of indices) sum += list[index];
        return sum;
      };
    },
  },
  {
    task: 'at, in a random order',
    name: 'Vector of Float64Array',
    prepare(count) {
      const list = Vector.create(create(), Float64Array);
      for (let i = 0; i < count; i++) list.push(i + 0.5);
      const indices = draw(count, count);
      return () => {
        let sum = 0;
        for (const index of indices) sum += list.at(index) ?? 0;
        return sum;
      };
    },
  },
  {
    task: 'at, in a random order',
    name: 'Vector of numbers',
    prepare(count) {
      const list = Vector.create(create(), numbers);
      for (let i = 0; i < count; i++) list.push(i + 0.5);
      const indices = draw(count, count);
      return () => {
        let sum = 0;
        for (const index of indices) sum += list.at(index) ?? 0;
        return sum;
      };
    },
  },
  {
    task: 'at, short texts',
    name: 'array',
    prepare(count) {
      const list = wordsOf();
      const indices = draw(count, WORDS);
      return () => {
        let sum = 0;
        for (const index of indices) sum += list[index].length;
        return sum;
      };
    },
  },
  {
    task: 'at, short texts',
    name: 'Vector of texts',
    prepare(count) {
      const list = Vector.create(create(), texts);
      list.pushMany(wordsOf());
      const indices = draw(count, WORDS);
      return () => {
        let sum = 0;
        for (const index of indices) sum += list.at(index)?.length ?? 0;
        return sum;
      };
    },
  },
  {
    task: 'sum of all',
    name: 'array',
    prepare(count) {
      const list = Array.from({ length: count }, (_, i) => i + 0.5);
      return () => {
        let sum = 0;
        for (let i = 0; i < list.length; i++) sum += list[i];
        return sum;
      };
    },
  },
  {
    task: 'sum of all',
    name: 'parts() of a Vector of Float64Array',
    prepare(count) {
      const list = Vector.create(create(), Float64Array);
      for (let i = 0; i < count; i++) list.push(i + 0.5);
      return () => {
        let sum = 0;
        for (const part of list.parts()) for (let i = 0; i < part.length; i++) sum += part[i];
        return sum;
      };
    },
  },
];

const INTERNS: readonly Candidate[] = [
  {
    task: 'intern, known texts',
    name: 'Map',
    prepare(count) {
      const words = wordsOf();
      const known = new Map(words.map((word, number) => [word, number]));
      const indices = draw(count, WORDS);
      return () => {
        let sum = 0;
        for (const index of indices) sum += known.get(words[index]) ?? 0;
        return sum;
      };
    },
  },
  {
    task: 'intern, known texts',
    name: 'Texts',
    prepare(count) {
      const words = wordsOf();
      const known = Texts.create(create());
      for (const word of words) known.intern(word);
      const indices = draw(count, WORDS);
      return () => {
        let sum = 0;
        for (const index of indices) sum += known.intern(words[index]);
        return sum;
      };
    },
  },
  {
    task: 'intern, new texts',
    name: 'Map',
    prepare: () => (count) => {
      const known = new Map<string, number>();
      for (let i = 0; i < count; i++) known.set(`text ${i}`, i);
      return known.size;
    },
  },
  {
    task: 'intern, new texts',
    name: 'Texts',
    prepare:
      (_, heap = create()) =>
      (count) => {
        using known = Texts.create(heap);
        for (let i = 0; i < count; i++) known.intern(`text ${i}`);
        return known.size;
      },
  },
];

const QUEUES: readonly Candidate[] = [
  {
    task: 'push and pop, 1,000 in the queue',
    name: 'binary heap of arrays',
    prepare(count) {
      const queue = new PlainHeap();
      const priorities = draw(count + 1000, 2 ** 30);
      for (let i = 0; i < 1000; i++) queue.push(i, priorities[count + i]);
      return () => {
        let sum = 0;
        for (let i = 0; i < count; i++) {
          queue.push(i, priorities[i]);
          sum += queue.pop() ?? 0;
        }
        return sum;
      };
    },
  },
  {
    task: 'push and pop, 1,000 in the queue',
    name: 'PriorityQueue of numbers',
    prepare(count) {
      const queue = PriorityQueue.create(create(), numbers);
      const priorities = draw(count + 1000, 2 ** 30);
      for (let i = 0; i < 1000; i++) queue.push(i, priorities[count + i]);
      return () => {
        let sum = 0;
        for (let i = 0; i < count; i++) {
          queue.push(i, priorities[i]);
          sum += queue.pop() ?? 0;
        }
        return sum;
      };
    },
  },
];

export const CANDIDATES: readonly Candidate[] = [...PUSHES, ...READS, ...INTERNS, ...QUEUES];
