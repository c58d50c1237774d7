import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Heap, type Hold, registerShareable, SHAREABLE, type ShareableForm } from 'sabmalloc';
import { describe, expect, it } from 'vitest';
import { refused } from '../kit/errors.js';
import { fillWith, heapsOfTest, KIB, MIB } from '../kit/heaps.js';
import { Random, SEED } from '../kit/random.js';
import { elementOf, isBig, TYPES } from '../kit/types.js';
import { until } from '../kit/workers.js';

const create = heapsOfTest();
const STALE = 'ERR_HEAP_STALE_HANDLE';

const isFree = (heap: Heap): void => {
  heap.collect();
  heap.check();
  expect(heap.stats().liveBlocks).toBe(0);
};

describe.each(['production', 'debug', 'minimal'] as const)('a handle, in preset %s', (preset) => {
  const open = (): Heap => create({ preset, maxBytes: 4 * MIB, debugLevel: 0 });

  it.each(TYPES)('opens as the same $name', (type) => {
    const heap = open();
    const view = heap.alloc<Uint8Array>(type as never, 21);
    for (let i = 0; i < 21; i++) view[i] = elementOf(type, i) as number;
    const handle = heap.share(view);
    expect(Number.isSafeInteger(handle) && handle > 0).toBe(true);
    const opened = heap.open<Uint8Array>(handle);
    expect([opened.constructor, opened.length, opened.byteOffset]).toEqual([type, 21, view.byteOffset]);
    expect(opened).toEqual(view);
    const other = (isBig(type) ? 99n : 99) as number;
    opened[20] = other;
    expect(view[20]).toBe(other);
    expect(heap.release(handle)).toBe(0);
    isFree(heap);
  });

  it('is a number through JSON, a clone and a Float64Array of the heap', () => {
    const heap = open();
    const handle = heap.share(heap.alloc(Uint8Array, 3));
    const slot = heap.alloc(Float64Array, 1);
    slot[0] = handle;
    for (const came of [JSON.parse(JSON.stringify(handle)), structuredClone(handle), slot[0]] as number[])
      expect(heap.open(came).length).toBe(3);
    heap.release(handle);
    heap.free(slot);
    isFree(heap);
  });

  it('counts its holders; the last release frees', () => {
    const heap = open();
    const handle = heap.share(heap.alloc(Int32Array, 8));
    expect([heap.retain(handle), heap.retain(handle)]).toEqual([2, 3]);
    expect([heap.release(handle), heap.release(handle)]).toEqual([2, 1]);
    expect(heap.stats().liveBlocks).toBe(1);
    expect(heap.release(handle)).toBe(0);
    isFree(heap);
    for (const call of ['open', 'retain', 'release', 'hold'] as const) refused(STALE, () => heap[call](handle));
  });

  it('never names what has the memory, and the record, after it', () => {
    const heap = open();
    const gone: number[] = [];
    for (let i = 0; i < 300; i++) {
      const handle = heap.share(heap.alloc(Int32Array, 4));
      heap.release(handle);
      gone.push(handle);
    }
    const last = heap.share(heap.alloc(Int32Array, 4));
    expect(new Set([...gone, last]).size).toBe(301);
    for (const handle of gone) refused(STALE, () => heap.open(handle));
    expect(heap.open(last).length).toBe(4);
    heap.release(last);
    isFree(heap);
  });

  it('may be of an empty array, of a part of a block, and of a large one', () => {
    const heap = open();
    const whole = heap.alloc(Float32Array, 100);
    const views = [heap.alloc(Uint16Array, 0), whole.subarray(10, 20), heap.alloc(Uint8Array, 300 * KIB)];
    whole[10] = 1.5;
    const handles = views.map((view) => heap.share(view));
    for (const [i, handle] of handles.entries()) {
      const opened = heap.open<Uint8Array>(handle);
      expect([opened.length, opened.byteOffset]).toEqual([views[i].length, views[i].byteOffset]);
    }
    expect(heap.open<Float32Array>(handles[1])[0]).toBe(1.5);
    for (const handle of handles) heap.release(handle);
    isFree(heap);
  });

  it('is the same one when what was shared or opened is shared again, with a holder more', () => {
    const heap = open();
    const view = heap.alloc(Uint8Array, 50);
    const handle = heap.share(view);
    expect(heap.share(heap.open(handle))).toBe(handle);
    refused('ERR_HEAP_INVALID_ADDRESS', () => heap.share(view.subarray(1)));
    expect([heap.release(handle), heap.release(handle)]).toEqual([1, 0]);
    isFree(heap);
  });

  it('whose object somebody freed is stale', () => {
    const heap = open();
    const view = heap.alloc(Uint8Array, 50);
    const handle = heap.share(view);
    if (preset === 'debug') {
      // Here the free is refused, so long as nobody has been told of the block by other ways.
      const error = refused('ERR_HEAP_INVALID_FREE', () => heap.free(view));
      expect(error['handle']).toBe(handle);
      refused('ERR_HEAP_INVALID_FREE', () => heap.free(heap.open(handle)));
      refused('ERR_HEAP_INVALID_FREE', () => heap.free(view.byteOffset));
      expect(heap.release(handle)).toBe(0);
    } else heap.free(view);
    for (const call of ['retain', 'release', 'open'] as const) refused(STALE, () => heap[call](handle));
    isFree(heap);
  });

  it('that is none, or not of this heap, is stale, whatever it is', () => {
    const heap = open();
    const known: number = heap.share(heap.alloc(Uint8Array, 50));
    const random = new Random(SEED);
    const near = Array.from({ length: 64 }, (_, bit) => known + (bit < 53 ? 2 ** bit : -(2 ** (bit - 53))));
    const wild = Array.from({ length: 2000 }, () => Math.floor(random.next() * 2 ** random.int(0, 22)));
    const nothing = [0, -1, 0.5, known + 0.5, -known, NaN, Infinity, 2 ** 53, Number.MAX_SAFE_INTEGER, 1e300];
    const objects = [undefined, null, '', String(known), BigInt(known), {}, [known], Symbol('handle'), () => known];
    const own = [heap.workerId, heap.malloc(16), ...heap.mallocMany(64, 10)];
    for (const garbage of [...near, ...wild, ...nothing, ...objects, ...own].filter((value) => value !== known))
      for (const call of ['open', 'retain', 'release', 'hold'] as const)
        refused(STALE, () => heap[call](garbage as number));
    expect(heap.open(known).length).toBe(50);
    expect(heap.release(known)).toBe(0);
    heap.check();
  });

  it('is refused for what is no block, and the heap is as before', () => {
    const heap = open();
    const view = heap.alloc(Uint8Array, 100);
    const freed = heap.alloc(Uint8Array, 100);
    heap.free(freed);
    const strangers = [
      new Uint8Array(8),
      freed,
      heap.view(Uint8Array, view.byteOffset, MIB),
      new DataView(heap.buffer),
    ];
    for (const value of [...strangers, null, undefined, 8, 'x', {}, { [SHAREABLE]: 5 }, { [SHAREABLE]: () => null }])
      refused('ERR_HEAP_INVALID_ADDRESS', () => heap.share(value as never));
    heap.free(view);
    isFree(heap);
  });

  it('is not made where there is no room for its record, and the object stays', () => {
    const heap = open();
    const { addresses } = fillWith(heap, 4080);
    while (heap.tryMalloc(16) !== 0);
    const view = heap.view(Uint8Array, addresses[0], 10);
    refused('ERR_HEAP_OUT_OF_MEMORY', () => heap.share(view));
    for (const address of addresses.slice(1)) heap.free(address);
    expect(heap.open(heap.share(view)).length).toBe(10);
    heap.check();
  });

  it('has at most 65535 holders', () => {
    const heap = open();
    const view = heap.alloc(Uint8Array, 1);
    const handle = heap.share(view);
    while (heap.retain(handle) < 65_535);
    refused('ERR_HEAP_INVALID_SIZE', () => heap.retain(handle));
    refused('ERR_HEAP_INVALID_SIZE', () => heap.share(view));
    while (heap.release(handle) > 0);
    isFree(heap);
  });
});

describe('a hold', () => {
  it('keeps the object, and gives it up once', () => {
    const heap = create({ maxBytes: MIB });
    const handle = heap.share(heap.alloc(Uint8Array, 5));
    {
      using hold: Hold<Uint8Array> = heap.hold<Uint8Array>(handle);
      expect([hold.handle, hold.value.length, heap.release(handle)]).toEqual([handle, 5, 1]);
      hold.value[0] = 1;
    }
    refused(STALE, () => heap.open(handle));
    const other = heap.share(heap.alloc(Uint8Array, 5));
    const hold = heap.hold(other);
    hold.release();
    hold.release();
    expect(heap.release(other)).toBe(0);
    isFree(heap);
  });

  it('that was dropped is given up by a later collect(), but not while its value is in use', async () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    const heap = create({ maxBytes: MIB });
    const handles = Array.from({ length: 50 }, () => heap.share(heap.alloc(Uint8Array, 5)));
    const used = handles.slice(0, 10).map((handle) => heap.hold(handle).value);
    for (const handle of handles.slice(10)) heap.hold(handle);
    for (const handle of handles) heap.release(handle);
    expect(heap.stats().liveBlocks).toBe(50);
    const isDrained = (): boolean => {
      gc();
      heap.collect();
      return heap.stats().liveBlocks <= 10;
    };
    await until(isDrained, 'the holds to be given up');
    expect(heap.stats().liveBlocks).toBe(10);
    expect(used.every(({ length }) => length === 5)).toBe(true);
    heap.check();
  });
});

describe('a registered type', () => {
  class Point {
    constructor(
      readonly heap: Heap,
      readonly address: number,
    ) {}
    [SHAREABLE](): ShareableForm {
      return { address: this.address, byteLength: 16, type: 'Point of the test', length: 1 };
    }
  }
  const opener = (address: number, _: number, heap: object): Point => new Point(heap as Heap, address);

  it('is opened by its opener', () => {
    const heap = create({ maxBytes: MIB });
    const point = new Point(heap, heap.malloc(16));
    refused('ERR_HEAP_DEFINITION', () => heap.share(point));
    registerShareable('Point of the test', opener);
    registerShareable('Point of the test', opener);
    const handle = heap.share(point);
    const opened = heap.open<Point>(handle);
    expect(opened).toBeInstanceOf(Point);
    expect(heap.share(opened)).toBe(handle);
    expect([heap.release(handle), heap.release(handle)]).toEqual([1, 0]);
    isFree(heap);
  });

  it('has one name and one opener', () => {
    registerShareable('Twice', opener);
    refused('ERR_HEAP_CONFIG', () => registerShareable('Twice', () => ({})));
    refused('ERR_HEAP_CONFIG', () => registerShareable('Twice', opener, () => undefined));
    for (const type of ['', 256, undefined, null, {}])
      refused('ERR_HEAP_CONFIG', () => registerShareable(type as string, opener));
  });

  it('is freed by its own function, by the last release', () => {
    const heap = create({ maxBytes: MIB });
    const freed: number[] = [];
    registerShareable('Pair', opener, (address, length, there) => {
      freed.push(address, length);
      (there as Heap).free(address);
    });
    const address = heap.malloc(32);
    const handle = heap.share({ [SHAREABLE]: () => ({ address, byteLength: 32, type: 'Pair', length: 2 }) });
    heap.retain(handle);
    expect([heap.release(handle), freed.length]).toEqual([1, 0]);
    expect([heap.release(handle), ...freed]).toEqual([0, address, 2]);
    isFree(heap);
  });
});
