import { Heap } from 'sabmalloc';
import { describe, expect, it } from 'vitest';
import { conserved, empty, noOverlap } from '../kit/contracts.js';
import { ensure, refused } from '../kit/errors.js';
import { fillMixed, fillWith, freeAll, heapsOfTest, KIB, MIB } from '../kit/heaps.js';
import { Model } from '../kit/model.js';
import { workersOfTest } from '../kit/workers.js';
import { damage, stamp } from '../workers/common.mjs';

const create = heapsOfTest();
const workers = workersOfTest();

const WASM_PAGE = 64 * KIB;

const wasm = (bytes: number, most = bytes): WebAssembly.Memory =>
  new WebAssembly.Memory({ initial: bytes / WASM_PAGE, maximum: most / WASM_PAGE, shared: true });

const bufferOf = (memory: SharedArrayBuffer | WebAssembly.Memory): SharedArrayBuffer =>
  memory instanceof WebAssembly.Memory ? (memory.buffer as unknown as SharedArrayBuffer) : memory;

type Options = NonNullable<Parameters<typeof Heap.create>[0]>;

/** How far a WebAssembly.Memory may grow can't be asked of it, so its user says it. */
const MEMORIES: Record<string, () => Options & { readonly memory: SharedArrayBuffer | WebAssembly.Memory }> = {
  'a SharedArrayBuffer': () => ({ memory: new SharedArrayBuffer(8 * MIB) }),
  'a growable SharedArrayBuffer': () => ({ memory: new SharedArrayBuffer(MIB, { maxByteLength: 8 * MIB }) }),
  'a shared WebAssembly.Memory': () => ({ memory: wasm(8 * MIB) }),
  'a shared WebAssembly.Memory that grows': () => ({ memory: wasm(MIB, 8 * MIB), maxBytes: 8 * MIB }),
};

/** Works a heap hard, with the help of another worker. */
async function exercise(heap: Heap): Promise<void> {
  const other = await workers.agent(heap);
  const model = new Model();
  const theirs = await other.call<[number, number][]>('allocate', 50, 0, 20_000, 1, 1);
  for (const bytes of [0, 8, 100, 2000, 30_000, 100_000, 300_000]) {
    const address = heap.malloc(bytes);
    stamp(heap.u8, address, bytes, 2);
    model.add({ address, bytes, usable: heap.usableSize(address), tag: 2 });
  }
  for (const [address, bytes] of theirs) model.add({ address, bytes, usable: heap.usableSize(address), tag: 1 });
  conserved(heap, model);
  for (const { address, bytes, tag } of model.blocks()) expect(damage(heap.u8, address, bytes, tag)).toBe(-1);
  await other.call(
    'freeAll',
    model.blocks().map(({ address }) => address),
  );
  heap.collect();
  await other.heap('collect');
  empty(heap);
  for (const seed of [1, 2]) freeAll(heap, fillMixed(heap, seed, 200_000).addresses);
  await other.call('detach');
  heap.collect();
  empty(heap);
}

describe.each(Object.entries(MEMORIES))('in %s given by the caller', (_, optionsOf) => {
  it('the heap lives there and nowhere else', async () => {
    const options = optionsOf();
    const heap = create(options);
    await exercise(heap);
    const address = heap.malloc(1000);
    stamp(heap.u8, address, 1000, 3);
    expect(damage(new Uint8Array(bufferOf(options.memory)), address, 1000, 3)).toBe(-1);
    expect(heap.view(Uint8Array, address, 10).byteOffset).toBe(address);
  });

  it('the heap uses at most what there is', () => {
    const heap = create(optionsOf());
    const { bytes } = fillWith(heap, 64 * KIB);
    expect(bytes).toBeGreaterThan(0.9 * 8 * MIB);
    expect(bytes).toBeLessThan(8 * MIB);
    refused('ERR_HEAP_OUT_OF_MEMORY', () => heap.malloc(100 * KIB));
  });
});

const WHOLE: Record<string, () => SharedArrayBuffer | WebAssembly.Memory> = {
  'a SharedArrayBuffer': () => new SharedArrayBuffer(8 * MIB),
  'a shared WebAssembly.Memory': () => wasm(8 * MIB),
};

describe.each(Object.entries(WHOLE))('in a part of %s', (_, memoryOf) => {
  it.each([
    [MIB, 2 * MIB],
    [4096, 512 * KIB],
    [3 * MIB + 4096, 5 * MIB - 4096],
    [12_345, 1_000_000],
    [MIB + 16, 3_333_333],
  ])('from %i, %i bytes long, no byte outside ever changes', async (memoryOffset, memoryBytes) => {
    const memory = memoryOf();
    const u8 = new Uint8Array(bufferOf(memory));
    const end = memoryOffset + memoryBytes;
    u8.fill(0xa5, 0, memoryOffset);
    u8.fill(0x5a, end);
    const isUntouched = (): void => {
      const before = u8.subarray(0, memoryOffset).findIndex((byte) => byte !== 0xa5);
      const behind = u8.subarray(end).findIndex((byte) => byte !== 0x5a);
      ensure(before === -1 && behind === -1, () => `changed: byte ${before} before the part, ${behind} behind it`);
    };
    const heap = create({ memory, memoryOffset, memoryBytes });
    isUntouched();
    if (memoryBytes >= MIB) await exercise(heap);
    isUntouched();
    const { addresses } = fillWith(heap, 1000);
    for (const address of addresses) {
      expect(address).toBeGreaterThanOrEqual(memoryOffset);
      expect(address + heap.usableSize(address)).toBeLessThanOrEqual(end);
      heap.u8.fill(0xff, address, address + heap.usableSize(address));
    }
    expect(addresses.length * 1000).toBeGreaterThan(0.5 * memoryBytes);
    isUntouched();
    freeAll(heap, addresses);
    heap.collect();
    empty(heap);
    heap.detach();
    isUntouched();
  });

  it('without memoryBytes the heap takes the rest', () => {
    const memory = memoryOf();
    new Uint8Array(bufferOf(memory)).fill(0xa5, 0, 2 * MIB);
    const heap = create({ memory, memoryOffset: 2 * MIB });
    const { addresses, bytes } = fillWith(heap, 64 * KIB);
    expect(Math.min(...addresses)).toBeGreaterThan(2 * MIB);
    expect(bytes).toBeGreaterThan(0.85 * 6 * MIB);
    heap.check();
  });

  it('addresses outside the part are refused', () => {
    const heap = create({ memory: memoryOf(), memoryOffset: 2 * MIB, memoryBytes: 2 * MIB });
    for (const address of [8, MIB, 2 * MIB - 16, 4 * MIB, 5 * MIB, 8 * MIB]) {
      refused('ERR_HEAP_INVALID_FREE', () => heap.free(address));
      refused('ERR_HEAP_INVALID_ADDRESS', () => heap.usableSize(address));
      refused('ERR_HEAP_INVALID_ADDRESS', () => heap.view(Uint8Array, address, 1));
    }
    empty(heap);
  });
});

describe('two heaps in one memory', () => {
  it('do not know of each other', async () => {
    const memory = new SharedArrayBuffer(8 * MIB);
    const low = create({ memory, memoryOffset: 0, memoryBytes: 4 * MIB });
    const high = create({ memory, memoryOffset: 4 * MIB, memoryBytes: 4 * MIB });
    // Attached now, because a full region has no room for another worker.
    const other = await workers.agent(high);
    const [a, b] = [low, high].map((heap) =>
      fillMixed(heap, 7, 50_000).addresses.map((address) => ({ address, bytes: heap.usableSize(address) })),
    );
    noOverlap([...a, ...b]);
    refused('ERR_HEAP_INVALID_FREE', () => low.free(b[0].address));
    refused('ERR_HEAP_INVALID_FREE', () => high.free(a[0].address));
    expect(Heap.attach(low.token)).toBe(low);
    expect(Heap.attach(high.token)).toBe(high);
    freeAll(
      low,
      a.map(({ address }) => address),
    );
    low.collect();
    empty(low);
    high.check();
    expect(high.stats().liveBlocks).toBe(b.length);
    await other.call(
      'freeAll',
      b.map(({ address }) => address),
    );
    high.collect();
    empty(high);
  });
});
