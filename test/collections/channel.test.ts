import fc from 'fast-check';
import { type Heap } from 'sabmalloc';
import { bytes, Channel, handles, numbers, select, selectAsync, structs, texts } from 'sabmalloc/collections';
import { f64, struct } from 'sabmalloc/structs';
import { Mutex } from 'sabmalloc/sync';
import { describe, expect, it } from 'vitest';
import { BUDGET } from '../kit/budget.js';
import { refused } from '../kit/errors.js';
import { heapsOfTest, KIB } from '../kit/heaps.js';
import { runs } from '../kit/random.js';

const create = heapsOfTest();

async function rejected(code: string, promise: Promise<unknown>): Promise<void> {
  await expect(promise).rejects.toMatchObject({ code });
}

const step = fc.oneof(
  fc.record({ send: fc.string(), isAsync: fc.boolean() }),
  fc.record({ sendMany: fc.array(fc.string(), { maxLength: 6 }), isTry: fc.boolean() }),
  fc.record({ receive: fc.constantFrom('try', 'async', 'blocking', 'select') }),
  fc.record({ receiveMany: fc.integer({ min: 1, max: 6 }), isTry: fc.boolean() }),
  fc.record({ close: fc.constant(true) }),
);

describe('a channel in one thread', () => {
  it.each([1, 5, 8, Infinity])('of capacity %d is what an array is', async (capacity) => {
    const heap = create();
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const channel = Channel.create(heap, texts, { capacity, spin: 0 });
        const model: string[] = [];
        let isClosed = false;
        const wouldRefuse = (count: number): string | undefined => {
          if (count === 0) return undefined;
          if (isClosed) return 'ERR_COLLECTION_CLOSED';
          return model.length + count > capacity ? 'ERR_SYNC_TIMEOUT' : undefined;
        };
        for (const one of steps) {
          if ('send' in one) {
            const code = wouldRefuse(1);
            const sending = one.isAsync
              ? channel.sendAsync(one.send, { timeoutMs: 0 })
              : (async () => channel.send(one.send, { timeoutMs: 0 }))();
            if (code === undefined) {
              await sending;
              model.push(one.send);
            } else await rejected(code, sending);
          } else if ('sendMany' in one) {
            const fits = one.sendMany.slice(0, capacity - model.length);
            if (isClosed && one.sendMany.length > 0)
              expect(refused('ERR_COLLECTION_CLOSED', () => channel.trySendMany(one.sendMany))).toMatchObject({});
            else if (one.isTry || fits.length === one.sendMany.length) {
              expect(channel.trySendMany(one.sendMany)).toBe(fits.length);
              model.push(...fits);
            } else {
              const error = refused('ERR_SYNC_TIMEOUT', () => channel.sendMany(one.sendMany, { timeoutMs: 0 }));
              expect(error['sent']).toBe(fits.length);
              model.push(...fits);
            }
          } else if ('receive' in one) {
            const limit = { timeoutMs: 0 };
            const receive = {
              try: async () => channel.tryReceive(),
              async: () => channel.receiveAsync(limit),
              blocking: async () => channel.receive(limit),
              select: async () => select([channel], limit)?.value,
            }[one.receive];
            if (model.length === 0 && !isClosed && one.receive !== 'try') await rejected('ERR_SYNC_TIMEOUT', receive());
            else expect(await receive()).toBe(model.shift()?.toWellFormed());
          } else if ('receiveMany' in one) {
            if (model.length === 0 && !isClosed && !one.isTry)
              refused('ERR_SYNC_TIMEOUT', () => channel.receiveMany(one.receiveMany, { timeoutMs: 0 }));
            else {
              const got = one.isTry ? channel.tryReceiveMany(one.receiveMany) : channel.receiveMany(one.receiveMany);
              expect(got).toEqual(model.splice(0, one.receiveMany).map((text) => text.toWellFormed()));
            }
          } else if (steps.length % 3 === 0) {
            channel.close();
            isClosed = true;
          }
          expect([channel.length, channel.isClosed]).toEqual([model.length, isClosed]);
        }
        channel.dispose();
        expect(heap.stats().liveBlocks).toBe(0);
      }),
      runs(BUDGET.modelRuns),
    );
  });

  it('owns what is in it, of every type, and frees it when it is disposed of', () => {
    const heap = create();
    const Point = struct('Point', { x: f64 });
    const made = Point.in(heap);
    const [shared, points] = [Channel.create(heap, handles), Channel.create(heap, structs(Point))];
    const blobs = Channel.create(heap, bytes);
    for (let i = 0; i < 3; i++) {
      shared.send(heap.share(heap.alloc(Uint8Array, 100)));
      points.send(made.create({ x: i }));
      blobs.send(Uint8Array.of(i));
    }
    const handle = shared.receive()!;
    expect(heap.open<Uint8Array>(handle).length).toBe(100);
    heap.release(handle);
    const point = points.receive()!;
    expect(point.x).toBe(0);
    point.free();
    expect(blobs.receive()).toEqual(Uint8Array.of(0));
    for (const channel of [shared, points, blobs]) channel.dispose();
    expect(heap.stats().liveBlocks).toBe(0);
  });

  it('leaves a value that it refuses with the caller', async () => {
    const heap = create();
    const channel = Channel.create(heap, texts, { capacity: 1 });
    channel.send('one');
    const before = heap.stats().liveBlocks;
    expect(channel.trySend('two')).toBe(false);
    refused('ERR_SYNC_TIMEOUT', () => channel.send('two', { timeoutMs: 1 }));
    await rejected('ERR_SYNC_TIMEOUT', channel.sendAsync('two', { timeoutMs: 1 }));
    const reason = new Error('no longer wanted');
    const controller = new AbortController();
    const sending = channel.sendAsync('two', { signal: controller.signal });
    const all = channel.sendManyAsync(['two', 'three'], { signal: controller.signal });
    controller.abort(reason);
    await expect(sending).rejects.toBe(reason);
    await expect(all).rejects.toBe(reason);
    refused('ERR_HEAP_VALUE', () => channel.trySendMany(['two', 3 as unknown as string]));
    channel.close();
    refused('ERR_COLLECTION_CLOSED', () => channel.send('two'));
    expect(heap.stats().liveBlocks).toBe(before);
  });

  it('grows until the heap is full, and is whole then', () => {
    const heap = create({ maxBytes: 512 * KIB });
    const channel = Channel.create(heap, numbers, { capacity: Infinity });
    let sent = 0;
    refused('ERR_HEAP_OUT_OF_MEMORY', () => {
      for (;;) channel.send(sent++);
    });
    sent--;
    expect(sent).toBeGreaterThan(8000);
    for (let i = 0; i < sent; i++) if (channel.receive() !== i) throw new Error(`value ${i} is another one`);
    expect(channel.length).toBe(0);
    channel.dispose();
    expect(heap.stats().liveBlocks).toBe(0);
  });

  it('is opened with what it was made with', () => {
    const heap = create();
    const channel = Channel.create(heap, numbers);
    expect(Channel.at(heap, channel.address, numbers).length).toBe(0);
    refused('ERR_HEAP_DEFINITION', () => Channel.at(heap, channel.address, texts));
    refused('ERR_HEAP_KIND', () => Channel.at(heap, Mutex.create(heap).address, numbers));
    refused('ERR_HEAP_KIND', () => Mutex.at(heap, channel.address));
    channel.dispose();
    refused(['ERR_HEAP_KIND', 'ERR_HEAP_INVALID_ADDRESS'], () => Channel.at(heap, channel.address, numbers));
  });

  it('refuses options and counts that make no sense, and everything once its worker has left', () => {
    const heap = create();
    const before = heap.stats().liveBlocks;
    for (const capacity of [0, -1, 1.5, NaN, 2 ** 29, '1', null] as any[])
      refused('ERR_COLLECTION_ARGUMENT', () => Channel.create(heap, numbers, { capacity }));
    for (const spin of [-1, 1.5, '1'] as any[])
      refused('ERR_COLLECTION_ARGUMENT', () => Channel.create(heap, numbers, { spin }));
    expect(heap.stats().liveBlocks).toBe(before);
    const channel = Channel.create(heap, numbers);
    for (const most of [0, -1, 1.5, Infinity, '1'] as any[])
      refused('ERR_COLLECTION_ARGUMENT', () => channel.tryReceiveMany(most));
    for (const timeoutMs of [-1, NaN, '5'] as any[]) refused('ERR_SYNC_ARGUMENT', () => channel.receive({ timeoutMs }));
    refused('ERR_COLLECTION_ARGUMENT', () => select([]));
    refused('ERR_COLLECTION_ARGUMENT', () => select([channel, Channel.create(create(), numbers)]));
    heap.detach();
    refused('ERR_HEAP_DETACHED', () => channel.send(1));
    refused('ERR_HEAP_DETACHED', () => channel.tryReceive());
  });

  it('ends loops when it is closed', async () => {
    const channel = Channel.create(create(), numbers);
    channel.sendMany([1, 2, 3, 4]);
    const got: number[] = [];
    for (const value of channel) {
      got.push(value);
      if (value === 2) break;
    }
    setTimeout(() => channel.close(), 5);
    for await (const value of channel) got.push(value);
    expect(got).toEqual([1, 2, 3, 4]);
    expect([...channel]).toEqual([]);
  });
});

describe('select', () => {
  const three = (heap: Heap): Channel<number>[] => [0, 1, 2].map(() => Channel.create(heap, numbers));

  it('serves those that have something by turns', () => {
    const channels = three(create());
    for (const channel of channels) channel.sendMany([1, 2, 3, 4]);
    const order = Array.from({ length: 12 }, () => channels.indexOf(select(channels)!.channel));
    for (let i = 0; i < 12; i += 3) expect(order.slice(i, i + 3).toSorted()).toEqual([0, 1, 2]);
  });

  it('leaves nothing behind, however it ends', async () => {
    const heap = create();
    const channels = three(heap);
    const before = heap.stats().liveBlocks;
    refused('ERR_SYNC_TIMEOUT', () => select(channels, { timeoutMs: 2 }));
    await rejected('ERR_SYNC_TIMEOUT', selectAsync(channels, { timeoutMs: 2 }));
    const controller = new AbortController();
    const aborted = selectAsync(channels, { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    const both = [selectAsync(channels), selectAsync(channels)];
    channels[2].send(5);
    channels[0].send(6);
    expect((await Promise.all(both)).map((found) => found?.value).toSorted()).toEqual([5, 6]);
    const ending = selectAsync(channels);
    for (const channel of channels) channel.close();
    expect(await ending).toBeUndefined();
    expect(heap.stats().liveBlocks).toBe(before);
  });

  it('knows which channel holds what', () => {
    const heap = create();
    const [first, second] = [Channel.create(heap, numbers), Channel.create(heap, texts)];
    second.send('a text');
    const found = select([first, second]);
    expect(found?.channel).toBe(second);
    expect(found?.value).toBe('a text');
  });
});
