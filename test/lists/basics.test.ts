import { type Heap } from 'sabmalloc';
import { ByteString, PriorityQueue, Texts, Vector, bytes, handles, numbers, texts } from 'sabmalloc/collections';
import { describe, expect, it } from 'vitest';
import { refused } from '../kit/errors.js';
import { fillMixed, freeAll, heapsOfTest, MIB } from '../kit/heaps.js';

const create = heapsOfTest();

interface Made {
  readonly address: number;
  dispose(): void;
}

const KINDS: Readonly<
  Record<string, { make(heap: Heap): Made; at(heap: Heap, address: number): Made; add(made: any, n: number): void }>
> = {
  Vector: {
    make: (heap) => Vector.create(heap, texts),
    at: (heap, address) => Vector.at(heap, address, texts),
    add: (made: Vector<string>, n) => void made.push(`text ${n}`),
  },
  ByteString: {
    make: (heap) => ByteString.create(heap),
    at: (heap, address) => ByteString.at(heap, address),
    add: (made: ByteString, n) => void made.append(`text ${n}`),
  },
  Texts: {
    make: (heap) => Texts.create(heap),
    at: (heap, address) => Texts.at(heap, address),
    add: (made: Texts, n) => void made.intern(`text ${n}`),
  },
  PriorityQueue: {
    make: (heap) => PriorityQueue.create(heap, texts),
    at: (heap, address) => PriorityQueue.at(heap, address, texts),
    add: (made: PriorityQueue<string>, n) => {
      made.push(`text ${n}`, n);
    },
  },
};

describe.each(Object.keys(KINDS))('a %s', (name) => {
  const { make, at, add } = KINDS[name];

  it('is opened where it lies, and nothing else is', () => {
    const heap = create();
    const made = make(heap);
    expect(at(heap, made.address).address).toBe(made.address);
    for (const [other, { at: atOther }] of Object.entries(KINDS))
      if (other !== name)
        expect(refused('ERR_HEAP_KIND', () => atOther(heap, made.address)).message).toContain(`a ${name}`);
    refused('ERR_HEAP_KIND', () => at(heap, heap.calloc(8192)));
  });

  it('is freed by its maker, with all that it owns, once, and by nobody else', () => {
    const heap = create();
    const made = make(heap);
    for (let n = 0; n < 100; n++) add(made, n);
    const live = heap.stats().liveBlocks;
    at(heap, made.address).dispose();
    expect(heap.stats().liveBlocks).toBe(live);
    made.dispose();
    made.dispose();
    expect(heap.stats().liveBlocks).toBe(0);
    refused('ERR_HEAP_INVALID_ADDRESS', () => at(heap, made.address));
  });

  it('is as it was when there is no memory for more', () => {
    const heap = create({ maxBytes: 2 * MIB });
    const made = make(heap);
    for (let n = 0; n < 50; n++) add(made, n);
    const sized = made as Made & { readonly length?: number; readonly size?: number };
    const size = (): number => sized.length ?? sized.size ?? NaN;
    const filling = fillMixed(heap, 1, 64 * 1024);
    let n = 50;
    const before = size();
    refused('ERR_HEAP_OUT_OF_MEMORY', () => {
      for (; n < 1_000_000; n++) add(made, n);
    });
    const live = heap.stats().liveBlocks;
    const after = size();
    expect(after).toBeGreaterThanOrEqual(before);
    for (let i = 0; i < 3; i++)
      refused('ERR_HEAP_OUT_OF_MEMORY', () => {
        add(made, n);
      });
    expect([size(), heap.stats().liveBlocks]).toEqual([after, live]);
    freeAll(heap, filling.addresses);
    add(made, n);
    expect(size()).toBeGreaterThan(after);
    made.dispose();
    expect(heap.stats().liveBlocks).toBe(0);
    heap.check();
  });

  it('says what capacity it can have', () => {
    const heap = create();
    for (const capacity of [0, -1, 1.5, 2 ** 29, NaN])
      refused('ERR_COLLECTION_ARGUMENT', () =>
        name === 'ByteString'
          ? ByteString.create(heap, { capacity })
          : name === 'Texts'
            ? Texts.create(heap, { capacity })
            : name === 'Vector'
              ? Vector.create(heap, numbers, { capacity })
              : PriorityQueue.create(heap, numbers, { capacity }),
      );
    expect(heap.stats().liveBlocks).toBe(0);
  });
});

it('a Vector is opened with the type that it was made with', () => {
  const heap = create();
  const { address } = Vector.create(heap, Float64Array);
  for (const type of [numbers, texts]) refused('ERR_HEAP_DEFINITION', () => Vector.at<any>(heap, address, type));
  refused('ERR_HEAP_DEFINITION', () => Vector.at(heap, address, Float32Array));
  refused('ERR_HEAP_DEFINITION', () => PriorityQueue.at(heap, PriorityQueue.create(heap, bytes).address, texts));
});

it('what is no value is refused, and nothing changes', () => {
  const heap = create();
  const vector = Vector.create(heap, texts);
  vector.push('one');
  const live = heap.stats().liveBlocks;
  refused('ERR_HEAP_VALUE', () => vector.push(1 as unknown as string));
  refused('ERR_HEAP_VALUE', () => vector.pushMany(['two', 2 as unknown as string]));
  refused('ERR_HEAP_VALUE', () => {
    vector.set(0, undefined as unknown as string);
  });
  refused('ERR_COLLECTION_INDEX', () => {
    vector.set(1, 'two');
  });
  expect([[...vector], heap.stats().liveBlocks]).toEqual([['one'], live]);
  refused('ERR_HEAP_VALUE', () => Vector.create(heap, Float64Array).push('1' as unknown as number));
  refused('ERR_HEAP_VALUE', () => Vector.create(heap, BigInt64Array).push(1 as unknown as bigint));
  refused('ERR_HEAP_VALUE', () => Vector.create(heap, handles).push(-1));
  refused('ERR_COLLECTION_ARGUMENT', () => vector.parts());
  refused('ERR_HEAP_VALUE', () => ByteString.create(heap).append(7 as unknown as string));
  const names = Texts.create(heap);
  refused('ERR_HEAP_VALUE', () => names.intern(7 as unknown as string));
  for (const number of [0, -1, 0.5, NaN]) refused('ERR_COLLECTION_INDEX', () => names.text(number));
  const queue = PriorityQueue.create(heap, texts);
  for (const priority of [NaN, '1', undefined])
    refused('ERR_COLLECTION_ARGUMENT', () => {
      queue.push('one', priority as number);
    });
  queue.push('last', Infinity);
  queue.push('first', -Infinity);
  expect([queue.pop(), queue.pop(), queue.pop()]).toEqual(['first', 'last', undefined]);
});

it('views of a Vector and of a ByteString hold while they grow', () => {
  const heap = create();
  const vector = Vector.create(heap, Int32Array, { capacity: 4 });
  vector.pushMany([1, 2, 3]);
  const [part] = vector.parts();
  const string = ByteString.create(heap, { capacity: 4 });
  string.append('abc');
  const [view] = string.parts();
  for (let i = 0; i < 10_000; i++) {
    vector.push(i);
    string.append('def');
  }
  vector.set(1, 77);
  vector.truncate(2);
  expect([...part]).toEqual([1, 77, 3]);
  expect(Buffer.from(view).toString()).toBe('abc');
  expect(string.toText(0, 9)).toBe('abcdefdef');
});

it('a text with lone surrogates is the one that UTF-8 makes of it', () => {
  const names = Texts.create(create());
  expect([names.intern('\ud800'), names.intern('\ufffd'), names.text(0)]).toEqual([0, 0, '\ufffd']);
  expect([names.intern(''), names.text(1)]).toEqual([1, '']);
  expect([names.intern('\ufeffx'), names.text(2)]).toEqual([2, '\ufeffx']);
});
