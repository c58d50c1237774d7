import { type Heap, type HeapErrorCode } from 'sabmalloc';
import { show } from '../../src/base/errors.js';
import { ensure } from '../kit/errors.js';
import { type heapsOfTest, MIB } from '../kit/heaps.js';
import { Model } from '../kit/model.js';
import { type TestWorker, type WorkersOfTest } from '../kit/workers.js';
import { damage, stamp } from '../workers/common.mjs';

type Create = ReturnType<typeof heapsOfTest>;
type CreateOptions = NonNullable<Parameters<Create>[0]>;

/** Tiny, Mid and Large blocks; what a program misuses one of, it misuses one of each. */
export const SIZES = [1, 16, 100, 1000, 5000, 32_768, 40_000, 300_000] as const;
/** Those whose blocks lie in slabs. */
export const SLAB_SIZES = SIZES.slice(0, 6);

/** One wrong call. The heap is looked at right before it and right after it. */
export interface Attempt {
  readonly call: () => unknown;
  /** What the message of the error must contain: the name of the call, the value that was wrong. */
  readonly says: readonly string[];
  /** What the call returns, where it is no error. */
  readonly returns?: unknown;
  /** Blocks that the call rightly frees before it comes to what is wrong. */
  readonly frees?: readonly number[];
}

export function attempt(call: () => unknown, ...says: readonly unknown[]): Attempt {
  return { call, says: says.map((part) => (typeof part === 'string' ? part : show(part))) };
}

/** A call that is wrong, harmless and no error. */
export function harmless(call: () => unknown, returns?: unknown): Attempt {
  return { call, says: [], returns };
}

/** A tiny program that makes one kind of mistake, in each of its ways. */
export interface Misuse {
  readonly name: string;
  /** The code of the error that every attempt ends in. `none`: by contract it does nothing, or nothing that the heap minds. */
  readonly code: HeapErrorCode | 'none';
  /** What is found of it where blocks carry who made them. */
  readonly damages?: readonly string[];
  run(scene: Scene): Iterable<Attempt> | AsyncIterable<Attempt>;
}

/** A heap with live blocks of every kind and holes between them, and what a program needs to go wrong in it. */
export class Scene {
  readonly heap: Heap;
  readonly #model = new Model();
  readonly observed: Heap[] = [];

  constructor(
    readonly options: CreateOptions,
    readonly create: Create,
    readonly workers: WorkersOfTest,
  ) {
    this.heap = this.observe(create({ maxBytes: 8 * MIB, ...options }));
    const holes: number[] = [];
    for (const [tag, bytes] of SIZES.entries()) {
      for (let i = 0; i < 3; i++) {
        const address = this.heap.malloc(bytes);
        if (i === 1) holes.push(address);
        else this.#keep(address, bytes, tag);
      }
    }
    this.heap.freeMany(holes);
  }

  get looksAfterBlocks(): boolean {
    return this.options.preset === 'debug';
  }

  #keep(address: number, bytes: number, tag: number): void {
    stamp(this.heap.u8, address, bytes, tag);
    this.#model.add({ address, bytes, usable: this.heap.usableSize(address), tag });
  }

  /** A live block that must outlast the program, by its rank. */
  resident(rank = 0): { readonly address: number; readonly bytes: number; readonly usable: number } {
    return this.#model.pick(rank);
  }

  residents(): readonly { readonly address: number; readonly bytes: number; readonly usable: number }[] {
    return this.#model.blocks();
  }

  /** Another heap whose blocks must be the same before and after every attempt. */
  observe(heap: Heap): Heap {
    this.observed.push(heap);
    return heap;
  }

  /** A fresh heap, observed as well. */
  another(options: CreateOptions = {}): Heap {
    return this.observe(this.create({ maxBytes: MIB, ...this.options, ...options }));
  }

  agent(): Promise<TestWorker> {
    return this.workers.agent(this.heap);
  }

  /**
   * What must not change: every live block of every heap, what is counted of them, and who is attached; as if `freed` were free already. The
   * heaps prove on the way that they are in order.
   */
  portrait(freed: readonly number[] = []): unknown[] {
    return this.observed.map((heap) => {
      heap.check();
      const { liveBlocks, liveBytes, workers } = heap.stats();
      const [gone, blocks] = [heap === this.heap ? freed : [], [...heap.blocks()]];
      const sizes = blocks.filter(({ address }) => gone.includes(address)).map(({ size }) => size);
      return {
        workers: workers.map(({ workerId, state }) => ({ workerId, state })),
        liveBlocks: liveBlocks - sizes.length,
        liveBytes: liveBytes - sizes.reduce((sum, size) => sum + size, 0),
        blocks: blocks.filter(({ address }) => !gone.includes(address)),
      };
    });
  }

  isUndamaged(): void {
    for (const { address, bytes, tag } of this.#model.blocks()) {
      const at = damage(this.heap.u8, address, bytes, tag);
      ensure(at === -1, () => `block ${address} of ${bytes} bytes is damaged at byte ${at}`);
    }
  }

  /** The heap goes on: what it hands out is nobody else's, it takes it back, and everything can be freed. */
  goesOn(): void {
    const { heap } = this;
    const live = new Model();
    const add = (address: number, size: number): void => live.add({ address, bytes: size, usable: size, tag: 0 });
    for (const { address, size } of heap.blocks()) add(address, size);
    for (const bytes of [...SIZES, ...SIZES]) {
      const address = heap.malloc(bytes);
      add(address, heap.usableSize(address));
    }
    this.isUndamaged();
    for (const { address } of live.blocks()) heap.free(address);
    heap.collect();
    heap.check();
    const { liveBlocks } = heap.stats();
    ensure(liveBlocks === 0, () => `${liveBlocks} blocks are live in a heap in which everything was freed`);
  }
}
