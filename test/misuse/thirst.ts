import { Heap } from 'sabmalloc';
import { ensure } from '../kit/errors.js';
import { KIB, leave, MIB } from '../kit/heaps.js';
import { Model } from '../kit/model.js';
import { damage, stamp } from '../workers/common.mjs';
import { type Supply } from './supply.js';

/**
 * A second copy of the class, with a register of its own of the heaps that this thread has attached to: so one thread can be two
 * workers, and who refuses it memory refuses both.
 */
const { Heap: OtherHeap } = (await import(new URL('../../dist/heap/heap.js?other', import.meta.url).href)) as {
  Heap: typeof Heap;
};

/** Bytes of a block that are stamped: enough to tell blocks apart. Filling them all would take most of the time. */
const STAMPED = 500;

/** A heap, what must be in it, and a hand on the memory that it gets. */
export class World {
  readonly supply: Supply;
  readonly model = new Model();
  readonly heap: Heap;
  /** Attached by the same thread as another worker. */
  other: Heap | undefined;
  readonly #held = new Map<string, number>();
  #nextTag = 1;

  constructor(supply: Supply, backing: 'growable' | 'wasm') {
    this.supply = supply;
    this.heap = Heap.create({ backing, maxBytes: 256 * MIB, maxWorkers: 4 });
    this.hold('small', this.add(this.heap.malloc(3000), 3000));
    this.hold('large', this.add(this.heap.malloc(100_000), 100_000));
    this.hold('view', this.add(this.heap.malloc(2000), 2000));
  }

  attachOther(): void {
    this.other = OtherHeap.attach(this.heap.token);
  }

  add(address: number, bytes: number): number {
    const tag = this.#nextTag++;
    stamp(this.heap.u8, address, Math.min(bytes, STAMPED), tag);
    this.model.add({ address, bytes, usable: this.heap.usableSize(address), tag });
    return address;
  }

  /** A block to which something is to happen later. */
  held(name: string): number {
    return this.#held.get(name)!;
  }

  hold(name: string, address: number): void {
    this.#held.set(name, address);
  }

  /** The block called so has got another size, and maybe another place. */
  moved(name: string, to: number, bytes: number): void {
    const { tag } = this.model.remove(this.held(name));
    const at = damage(this.heap.u8, to, STAMPED, tag);
    ensure(at === -1, () => `byte ${at} of the block "${name}" is lost on its way to ${to}`);
    this.hold(name, this.add(to, bytes));
  }

  isUndamaged(): void {
    for (const { address, bytes, tag } of this.model.blocks()) {
      const at = damage(this.heap.u8, address, Math.min(bytes, STAMPED), tag);
      ensure(at === -1, () => `block ${address} of ${bytes} bytes is damaged at byte ${at}`);
    }
  }

  /** Takes all memory there is, so that the next call needs more. */
  toTheBrink(): void {
    this.supply.without(() => {
      for (const bytes of [MIB, 128 * KIB, 36 * KIB, 4 * KIB, 16])
        for (let address = this.heap.tryMalloc(bytes); address !== 0; address = this.heap.tryMalloc(bytes))
          this.add(address, bytes);
    });
  }

  leave(): void {
    if (this.other !== undefined) leave(this.other);
    leave(this.heap);
  }
}

/** One call of a program, after which the heap and the model agree again. */
export interface Step {
  readonly name: string;
  /** The region is full before it. */
  readonly isThirsty: boolean;
  /** False if the call said, without throwing, that there is no memory. */
  readonly call: (world: World) => boolean;
}

const allocating =
  (allocate: (world: World) => number, bytes: number) =>
  (world: World): boolean => {
    const address = allocate(world);
    if (address !== 0) world.add(address, bytes);
    return address !== 0;
  };

const allocatingMany =
  (bytes: number, count: number) =>
  (world: World): boolean => {
    for (const address of world.heap.mallocMany(bytes, count)) world.add(address, bytes);
    return true;
  };

const changing =
  (name: string, bytes: number, change: (world: World, address: number) => number) =>
  (world: World): boolean => {
    world.moved(name, change(world, world.held(name)), bytes);
    return true;
  };

/** The first call of each line begins in a region that is full; together the calls of a line need more of it once or often. */
const LINES: readonly (readonly [name: string, times: number, call: Step['call']])[] = [
  ['malloc of a small block', 100, allocating(({ heap }) => heap.malloc(64), 64)],
  ['malloc of a mid block', 5, allocating(({ heap }) => heap.malloc(5000), 5000)],
  ['malloc of a large block', 1, allocating(({ heap }) => heap.malloc(300_000), 300_000)],
  ['malloc of three segments', 1, allocating(({ heap }) => heap.malloc(9 * MIB), 9 * MIB)],
  ['malloc of an aligned block', 1, allocating(({ heap }) => heap.malloc(4000, 4096), 4000)],
  ['malloc of an aligned large block', 1, allocating(({ heap }) => heap.malloc(10_000, 65_536), 10_000)],
  ['calloc', 1, allocating(({ heap }) => heap.calloc(200_000), 200_000)],
  ['tryMalloc', 1, allocating(({ heap }) => heap.tryMalloc(150_000), 150_000)],
  ['mallocMany of 6 MB in mid blocks', 1, allocatingMany(4000, 1500)],
  ['mallocMany of 6 MB in large blocks', 1, allocatingMany(100_000, 60)],
  ['alloc', 1, allocating(({ heap }) => heap.alloc(Float64Array, 50_000).byteOffset, 400_000)],
  ['allocUnsafe', 1, allocating(({ heap }) => heap.allocUnsafe(Uint8Array, 70_000).byteOffset, 70_000)],
  ['realloc of a small block', 1, changing('small', 500_000, ({ heap }, at) => heap.realloc(at, 500_000))],
  ['realloc of a large block', 1, changing('large', MIB, ({ heap }, at) => heap.realloc(at, MIB))],
  [
    'resize',
    1,
    changing('view', 90_000, ({ heap }, at) => heap.resize(heap.view(Uint8Array, at, 2000), 90_000).byteOffset),
  ],
  [
    'attach of a second worker',
    1,
    (world) => {
      world.attachOther();
      return true;
    },
  ],
  ['malloc of the second worker', 5, allocating(({ other }) => other?.malloc(20_000) ?? 0, 20_000)],
];

export const STEPS: readonly Step[] = LINES.flatMap(([name, times, call]) =>
  Array.from({ length: times }, (_, i) => ({ name, isThirsty: i === 0, call })),
);
