import { type WrappedModule } from 'sabmalloc/wasm';
import { describe, expect, it } from 'vitest';
import { BUDGET } from '../kit/budget.js';
import { refused } from '../kit/errors.js';
import { KIB, MIB } from '../kit/heaps.js';
import { type Random, seeded } from '../kit/random.js';
import { damage, stamp } from '../workers/common.mjs';
import { type Driver, modulesOfTest, newMemory } from './kit.js';

interface Block {
  readonly address: number;
  readonly bytes: number;
  readonly tag: number;
}

/** A heap as C sees it, and what must be in it. */
class Model {
  private readonly blocks: Block[] = [];
  private calls = 0;
  private nextTag = 1;
  private readonly c: Driver;

  constructor(
    private readonly wrapped: WrappedModule<Driver>,
    private readonly random: Random,
    private readonly mostBytes: number,
  ) {
    this.c = wrapped.exports;
  }

  step(): void {
    const choice = this.random.int(0, 9);
    if (choice < 5 || this.blocks.length === 0) this.allocate();
    else if (choice < 7) this.reallocate();
    else if (choice < 9) this.free();
    else this.mistake();
  }

  close(): void {
    while (this.blocks.length > 0) this.free();
    const { served, passedOn, refused: nobody } = this.wrapped.counters;
    expect(served + passedOn + nobody).toBe(this.calls);
  }

  private allocate(): void {
    const { c, random } = this;
    const bytes = random.size(0, this.mostBytes);
    const alignment = 2 ** random.int(2, 13);
    const out = c.static_address();
    const calls: (() => [number, number])[] = [
      () => [c.c_malloc(bytes), 16],
      () => [c.c_calloc(bytes, 1), 16],
      () => [c.c_realloc(0, bytes), 16],
      () => [c.c_aligned_alloc(alignment, bytes), alignment],
      () => [c.c_posix_memalign(out, alignment, bytes) === 0 ? this.u32At(out) : 0, alignment],
    ];
    const which = random.int(0, calls.length - 1);
    this.calls++;
    const [address, aligned] = calls[which]();
    if (address === 0) return;
    expect(address % aligned).toBe(0);
    if (which === 1) expect(this.u8.subarray(address, address + bytes).every((byte) => byte === 0)).toBe(true);
    this.add(address, bytes);
  }

  private reallocate(): void {
    const block = this.take();
    const bytes = this.random.size(0, this.mostBytes);
    this.calls++;
    const moved = this.c.c_realloc(block.address, bytes);
    const kept = moved === 0 ? block.bytes : Math.min(bytes, block.bytes);
    expect(damage(this.u8, moved || block.address, kept, block.tag, block.bytes)).toBe(-1);
    if (moved === 0) this.blocks.push(block);
    else this.add(moved, bytes);
  }

  private free(): void {
    const { address, bytes, tag } = this.take();
    expect(damage(this.u8, address, bytes, tag)).toBe(-1);
    this.calls++;
    this.c.c_free(address);
    const { begin, end } = this.wrapped.heap.bounds;
    if (address >= begin && address < end) refused('ERR_HEAP_DOUBLE_FREE', () => this.c.c_free(address));
  }

  /** What no block is: nothing may come of it. */
  private mistake(): void {
    const { c, random } = this;
    const { begin, end } = this.wrapped.heap.bounds;
    const { address } = random.pick(this.blocks);
    const inside = address >= begin && address < end ? address + random.int(1, 15) : begin + random.int(0, 4096);
    refused('ERR_HEAP_INVALID_FREE', () => c.c_free(inside));
    refused('ERR_HEAP_INVALID_ADDRESS', () => c.c_realloc(inside, 100));
    this.calls++;
    c.c_free(c.static_address());
  }

  private add(address: number, bytes: number): void {
    const isApart = this.blocks.every((b) => b.address + b.bytes <= address || address + bytes <= b.address);
    expect(isApart).toBe(true);
    expect(this.c.c_malloc_usable_size(address)).toBeGreaterThanOrEqual(bytes);
    this.calls++;
    const tag = this.nextTag++;
    stamp(this.u8, address, bytes, tag);
    this.blocks.push({ address, bytes, tag });
  }

  private take(): Block {
    const at = this.random.int(0, this.blocks.length - 1);
    const [block] = this.blocks.splice(at, 1, this.blocks.at(-1)!);
    this.blocks.pop();
    return block;
  }

  private get u8(): Uint8Array {
    return new Uint8Array(this.wrapped.heap.buffer);
  }

  private u32At(address: number): number {
    return new DataView(this.wrapped.heap.buffer).getUint32(address, true);
  }
}

const { driver, wrapped } = modulesOfTest();

const kinds: [string, () => WrappedModule<Driver>][] = [
  ['alone', () => driver({ memory: newMemory(), create: { maxBytes: MIB } })],
  ['alone, in a debug heap', () => driver({ memory: newMemory(), create: { maxBytes: MIB, preset: 'debug' } })],
  ['before an allocator of its own, tiny', wrapped],
  ['before an allocator of its own, all', () => wrapped({ serve: 'all' })],
];

describe('random calls from C', () => {
  it.each(kinds)('do what the model does: %s', (_, make) =>
    seeded((random) => {
      const module = make();
      const live = module.heap.stats().liveBlocks;
      const model = new Model(module, random, 64 * KIB);
      for (let i = 0; i < BUDGET.wasmModelSteps; i++) model.step();
      model.close();
      module.heap.collect();
      module.heap.check();
      expect(module.heap.stats().liveBlocks).toBe(live);
    })(),
  );

  it.each(kinds)('of a program in C find nothing wrong: %s', (_, make) =>
    seeded((random) => {
      const module = make();
      const live = module.heap.stats().liveBlocks;
      // With the larger blocks the heap is often full.
      for (const mostBytes of [500, 4 * KIB, 64 * KIB])
        expect(module.exports.churn(random.int(0, 2 ** 30), BUDGET.wasmChurnSteps / 3, mostBytes)).toBe(0);
      module.heap.collect();
      module.heap.check();
      expect(module.heap.stats().liveBlocks).toBe(live);
    })(),
  );
});
