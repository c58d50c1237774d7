import { Heap } from 'sabmalloc';
import { enterThread, wasmMalloc, wrapModule } from 'sabmalloc/wasm';
import { describe, expect, it } from 'vitest';
import { refused } from '../kit/errors.js';
import { KIB, heapsOfTest, MIB } from '../kit/heaps.js';
import { DRIVER, type Driver, modulesOfTest, newMemory, PAGE_BYTES, WRAPPED, type Wrapped } from './kit.js';

const { driver, wrapped } = modulesOfTest();
const create = heapsOfTest();
const CONFIG = 'ERR_HEAP_CONFIG';

/** A module with no code: `exports` of a global of this name and value. */
function moduleWithGlobal(name: string): WebAssembly.Module {
  const text = [...new TextEncoder().encode(name)];
  const section = (id: number, ...content: number[]): number[] => [id, content.length, ...content];
  const global = section(6, 1, 0x7f, 0, 0x41, 64, 0x0b);
  const exported = section(7, 1, text.length, ...text, 3, 0);
  return new WebAssembly.Module(Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...global, ...exported]));
}

describe('wrapModule', () => {
  it('puts the heap behind static data and stack, and in a block of a fallback', () => {
    const alone = driver();
    const base = (alone.exports['__heap_base'] as WebAssembly.Global).value as number;
    expect(alone.heap.bounds.begin).toBeGreaterThanOrEqual(base);
    expect(alone.heap.bounds.begin).toBeLessThan(base + 4 * KIB);
    expect(alone.heap.bounds.end).toBeLessThanOrEqual(base + 4 * MIB);
    const { heap, exports } = wrapped();
    expect(exports.own_live_blocks()).toBe(1);
    const block = heap.bounds.begin - (heap.bounds.begin % 16);
    expect(block).toBeGreaterThan(exports.static_address());
    expect(heap.bounds.end - heap.bounds.begin).toBeGreaterThan(4 * MIB - 8 * KIB);
  });

  it('leaves no block behind when it is released, once', () => {
    const main = driver();
    const other = wrapModule<Driver>(DRIVER, { heap: main.heap, stackBytes: 128 * KIB });
    expect(main.heap.usableSize(other.blocks.stack)).toBeGreaterThanOrEqual(128 * KIB);
    expect(other.exports.use_stack(400)).toBe(0);
    other.release();
    other.release();
    main.release();
    expect(main.heap.stats().liveBlocks).toBe(0);
    refused('ERR_HEAP_DETACHED', () => main.exports.c_malloc(8));
    refused('ERR_HEAP_DETACHED', () => main.exports.c_free(8));
  });

  it('counts the calls of each instance by itself', () => {
    const main = driver();
    const other = wrapModule<Driver>(DRIVER, { heap: main.heap });
    main.exports.c_free(other.exports.c_malloc(8));
    expect([main.counters.served, other.counters.served]).toEqual([1, 1]);
  });

  it('gives the module other imports, which may stand before those of the heap', () => {
    const asked: number[] = [];
    const malloc = (bytes: number): number => asked.push(bytes) * 0;
    const { exports } = driver({ imports: { env: { malloc }, other: { f: malloc } } });
    expect(exports.c_malloc(77)).toBe(0);
    expect(asked).toEqual([77]);
  });

  it.each([
    ['neither memory nor heap', () => wrapModule(DRIVER, {})],
    ['both', () => wrapModule(DRIVER, { memory: newMemory(), heap: driver().heap })],
    ['a heap, and how to make one', () => wrapModule(DRIVER, { create: {}, heap: driver().heap })],
    ['a heap that is in no WebAssembly.Memory', () => wrapModule(DRIVER, { heap: create({ backing: 'growable' }) })],
    ["serve: 'tiny' and nobody for the rest", () => driver({ serve: 'tiny' })],
    ['to serve something else', () => driver({ serve: 'some' as 'all' })],
    ['a module without __heap_base', () => wrapModule(moduleWithGlobal('other'), { memory: newMemory() })],
    ['a module without __stack_pointer', () => wrapModule(moduleWithGlobal('other'), { heap: driver().heap })],
    ['a stack too small for a call', () => wrapModule(DRIVER, { heap: driver().heap, stackBytes: 100 })],
    ['a stack that is no number', () => wrapModule(DRIVER, { heap: driver().heap, stackBytes: NaN })],
    ['a fallback, and no size for the heap', () => wrapped({ create: {} })],
    ['a fallback without room for the heap', () => wrapped({ create: { maxBytes: 16 * MIB } })],
    ['a size that is too small for a heap', () => driver({ create: { maxBytes: 1000 } })],
  ])('refuses %s', (_, call) => {
    refused(CONFIG, call);
  });

  it('refuses a heap that lies where the module has its data', () => {
    const heap = create({ memory: newMemory(), maxBytes: 4 * MIB });
    const error = refused(CONFIG, () => wrapModule(DRIVER, { heap }));
    expect(error.message).toMatch(/memoryOffset/);
  });

  it('leaves the memory, and the block of a fallback, for another try', () => {
    const memory = newMemory();
    refused(CONFIG, () => driver({ memory, serve: 'tiny', create: { maxBytes: 2 * MIB } }));
    expect(driver({ memory, create: { maxBytes: 2 * MIB } }).exports.c_malloc(8)).not.toBe(0);
    const shared = newMemory(16 * MIB);
    let own: Wrapped | undefined;
    const fallback = (exports: Wrapped): Wrapped => (own = exports);
    for (const maxBytes of [1000, 16 * MIB])
      refused(CONFIG, () => wrapModule<Wrapped>(WRAPPED, { memory: shared, create: { maxBytes }, fallback }));
    expect(own!.own_live_blocks()).toBe(0);
  });

  it('gives the block back to a fallback where that handed out static data of the module', () => {
    const freed: number[] = [];
    const answer = (): number => PAGE_BYTES;
    const fallback = {
      malloc: answer,
      calloc: answer,
      realloc: answer,
      free: (address: number) => freed.push(address),
    };
    refused(CONFIG, () => driver({ create: { maxBytes: MIB }, fallback: () => fallback }));
    expect(freed).toEqual([PAGE_BYTES]);
  });

  it('leaves no stack behind where there is no room for thread-local variables', () => {
    const { heap, exports } = driver();
    const before = heap.stats().liveBlocks;
    const tooLarge = { ...exports, __tls_size: { value: 1 << 30 } };
    refused('ERR_HEAP_OUT_OF_MEMORY', () => enterThread(heap, tooLarge));
    refused(CONFIG, () => enterThread(heap, { ...exports, __wasm_init_tls: undefined }));
    expect(heap.stats().liveBlocks).toBe(before);
  });
});

describe('wasmMalloc', () => {
  it('refuses calls until it has a heap, and after', () => {
    const { imports, bind, unbind } = wasmMalloc();
    const heap = create({ backing: 'wasm', maxBytes: MIB });
    for (const call of Object.values(imports)) refused('ERR_HEAP_DETACHED', () => (call as () => unknown)());
    bind(heap);
    const address = imports.malloc(10);
    unbind();
    refused('ERR_HEAP_DETACHED', () => imports.free(address));
    bind(heap);
    imports.emscripten_builtin_free(address);
    expect(heap.stats().liveBlocks).toBe(0);
    refused(CONFIG, () => bind(create()));
    refused(CONFIG, () => bind(heap, { serve: 'tiny' }));
  });

  it('reads addresses beyond 2 GiB, which come out of a module negative', () => {
    const offset = 3 * 2 ** 30;
    const pages = (offset + 4 * MIB) / PAGE_BYTES;
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    const heap = create({ memory, memoryOffset: offset });
    const { imports, bind } = wasmMalloc();
    bind(heap);
    const block = imports.malloc(100);
    expect(block).toBeGreaterThan(offset);
    expect(imports.malloc_usable_size(block | 0)).toBe(112);
    const moved = imports.realloc(block | 0, 1000);
    const out = imports.calloc(1, 4);
    expect(imports.posix_memalign(out | 0, 64, 10)).toBe(0);
    for (const address of [moved, heap.u32[out / 4], out]) imports.free(address | 0);
    expect(imports.malloc(-1)).toBe(0);
    expect(imports.calloc(-1, -1)).toBe(0);
    expect(heap.stats().liveBlocks).toBe(0);
  });

  it('reads what a fallback answers beyond 2 GiB', () => {
    const there = 3 * 2 ** 30;
    const pages = (there + MIB) / PAGE_BYTES;
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    const heap = create({ memory, maxBytes: MIB });
    const { imports, bind } = wasmMalloc();
    const answer = (): number => there | 0;
    const fallback = { malloc: answer, calloc: answer, realloc: answer, free: () => {} };
    bind(heap, { fallback });
    const block = imports.malloc(16);
    heap.u8.fill(5, block, block + 16);
    expect(imports.realloc(block, 5000)).toBe(there);
    expect([...new Uint8Array(memory.buffer, there, 17)]).toEqual([...new Array<number>(16).fill(5), 0]);
    expect([imports.malloc(5000), imports.calloc(50, 100), imports.realloc(there, 1)]).toEqual([there, there, there]);
  });

  it('tells a detached heap apart from a full one', () => {
    const heap = Heap.create({ backing: 'wasm', maxBytes: MIB });
    const { imports, bind } = wasmMalloc();
    bind(heap);
    heap.detach();
    for (const call of [() => imports.malloc(8), () => imports.calloc(1, 8), () => imports.aligned_alloc(64, 8)])
      refused('ERR_HEAP_DETACHED', call);
  });
});
