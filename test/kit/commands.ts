import fc from 'fast-check';
import { type Heap } from 'sabmalloc';
import { damage, nonZero, stamp } from '../workers/common.mjs';
import { alignments, ranks, sizes } from './arbitraries.js';
import { aligned, conserved, fits } from './contracts.js';
import { ensure } from './errors.js';
import { type Model, type ModelBlock } from './model.js';
import { isBig, TYPES } from './types.js';

/**
 * The state machine that drives a heap and its model. Each command does one call, checks what it returned against the
 * contracts and the contents of what it touched, and leaves the model as the heap must be.
 */
export interface World {
  readonly heap: Heap;
  /** Whether a refusal for lack of memory is a legal answer. In a roomy heap it never is. */
  readonly tight: boolean;
  nextTag: number;
}

type HeapCommand = fc.Command<Model, World>;

/** The result of an allocation, or undefined if it was refused where it may be. */
function attempt<T>(world: World, allocation: () => T): T | undefined {
  try {
    return allocation();
  } catch (error) {
    if (world.tight && (error as { code?: string }).code === 'ERR_HEAP_OUT_OF_MEMORY') return undefined;
    throw error;
  }
}

function admit(model: Model, { heap }: World, address: number, bytes: number, tag: number): void {
  model.add({ address, bytes, usable: heap.usableSize(address), tag });
  stamp(heap.u8, address, bytes, tag);
}

function intact({ heap }: World, { address, bytes, tag }: ModelBlock, kept = bytes, at = address): void {
  const where = damage(heap.u8, at, kept, tag, bytes);
  ensure(where === -1, () => `block ${address} of ${bytes} bytes is damaged at byte ${where}`);
}

abstract class Base implements HeapCommand {
  constructor(readonly text: string) {}
  check(_model: Readonly<Model>): boolean {
    return true;
  }
  abstract act(model: Model, world: World): void;
  run(model: Model, world: World): void {
    this.act(model, world);
    conserved(world.heap, model);
  }
  toString(): string {
    return this.text;
  }
}

/** A command that needs a live block. */
abstract class OnBlock extends Base {
  override check(model: Readonly<Model>): boolean {
    return model.size > 0;
  }
}

class Allocate extends Base {
  constructor(
    readonly bytes: number,
    readonly alignment: number | undefined,
    readonly call: 'malloc' | 'calloc' | 'tryMalloc',
  ) {
    super(`${call}(${bytes}${alignment === undefined ? '' : `, ${alignment}`})`);
  }
  act(model: Model, world: World): void {
    const { heap } = world;
    const address = attempt(world, () => heap[this.call](this.bytes, this.alignment));
    if (address === undefined || (address === 0 && world.tight && this.call === 'tryMalloc')) return;
    aligned(address, this.bytes, Math.max(this.alignment ?? 0, this.bytes <= 8 ? 8 : 16));
    if (this.alignment === undefined) fits(this.bytes, heap.usableSize(address));
    if (this.call === 'calloc') ensure(nonZero(heap.u8, address, this.bytes) === -1, () => 'calloc left old bytes');
    admit(model, world, address, this.bytes, world.nextTag++);
  }
}

class Free extends OnBlock {
  constructor(readonly rank: number) {
    super(`free(#${rank})`);
  }
  act(model: Model, world: World): void {
    const block = model.remove(model.pick(this.rank).address);
    intact(world, block);
    world.heap.free(block.address);
  }
}

class FreeView extends OnBlock {
  constructor(readonly rank: number) {
    super(`free(view #${rank})`);
  }
  act(model: Model, { heap }: World): void {
    const block = model.remove(model.pick(this.rank).address);
    heap.free(heap.view(Uint8Array, block.address, block.bytes));
  }
}

class Reallocate extends OnBlock {
  constructor(
    readonly rank: number,
    readonly bytes: number,
  ) {
    super(`realloc(#${rank}, ${bytes})`);
  }
  act(model: Model, world: World): void {
    const block = model.pick(this.rank);
    const address = attempt(world, () => world.heap.realloc(block.address, this.bytes));
    if (address === undefined) {
      intact(world, block);
      return;
    }
    model.remove(block.address);
    intact(world, block, Math.min(block.bytes, this.bytes), address);
    aligned(address, Math.min(block.bytes, this.bytes));
    admit(model, world, address, this.bytes, world.nextTag++);
  }
}

class AllocateMany extends Base {
  constructor(
    readonly bytes: number,
    readonly count: number,
  ) {
    super(`mallocMany(${bytes}, ${count})`);
  }
  act(model: Model, world: World): void {
    const list = attempt(world, () => world.heap.mallocMany(this.bytes, this.count)) ?? [];
    for (const address of list) {
      aligned(address, this.bytes);
      admit(model, world, address, this.bytes, world.nextTag++);
    }
  }
}

class FreeMany extends OnBlock {
  constructor(readonly picks: readonly number[]) {
    super(`freeMany(${picks.map((rank) => `#${rank}`).join()})`);
  }
  act(model: Model, world: World): void {
    const addresses = new Set(this.picks.map((rank) => model.pick(rank).address));
    for (const address of addresses) intact(world, model.remove(address));
    world.heap.freeMany([...addresses]);
  }
}

class AllocateView extends Base {
  constructor(
    readonly type: number,
    readonly length: number,
    readonly call: 'alloc' | 'allocUnsafe',
  ) {
    super(`${call}(${TYPES[type].name}, ${length})`);
  }
  act(model: Model, world: World): void {
    const type = TYPES[this.type];
    const view = attempt(world, () => world.heap[this.call](type as typeof Uint8Array, this.length));
    if (view === undefined) return;
    ensure(view instanceof (type as typeof Uint8Array), () => `not a ${type.name}`);
    ensure(view.length === this.length, () => `${view.length} elements instead of ${this.length}`);
    const zero = (isBig(type) ? 0n : 0) as number;
    if (this.call === 'alloc')
      ensure(
        view.every((element) => element === zero),
        () => `${this.text} left old bytes`,
      );
    const address = world.heap.addressOf(view);
    admit(model, world, address, view.byteLength, world.nextTag++);
  }
}

class Resize extends OnBlock {
  constructor(
    readonly rank: number,
    readonly length: number,
  ) {
    super(`resize(#${rank}, ${length})`);
  }
  act(model: Model, world: World): void {
    const block = model.pick(this.rank);
    const { heap } = world;
    const old = heap.view(Uint8Array, block.address, block.bytes);
    const view = attempt(world, () => heap.resize(old, this.length));
    if (view === undefined) {
      intact(world, block);
      return;
    }
    ensure(view.length === this.length, () => `${view.length} elements instead of ${this.length}`);
    model.remove(block.address);
    const address = heap.addressOf(view);
    intact(world, block, Math.min(block.bytes, this.length), address);
    admit(model, world, address, this.length, world.nextTag++);
  }
}

class Collect extends Base {
  constructor() {
    super('collect()');
  }
  act(_model: Model, { heap }: World): void {
    const bytes = heap.collect();
    ensure(Number.isInteger(bytes) && bytes >= 0, () => `collect() returned ${bytes}`);
  }
}

/** A free that must be refused and change nothing. */
class Misuse extends Base {
  constructor(
    readonly rank: number,
    readonly off: number,
  ) {
    super(`free(#${rank} + ${off})`);
  }
  act(model: Model, { heap }: World): void {
    const near = model.size === 0 ? 65_536 : model.pick(this.rank).address;
    const address = near + this.off;
    if (model.get(address) !== undefined || address === 0) return;
    let code: string | undefined;
    try {
      heap.free(address);
    } catch (error) {
      code = (error as { code?: string }).code;
    }
    const isRight = code === 'ERR_HEAP_INVALID_FREE' || code === 'ERR_HEAP_DOUBLE_FREE';
    ensure(isRight, () => `free(${address}), which is no block, gave ${code ?? 'no error'}`);
  }
}

/** Sequences of calls with sizes up to `largest`. */
export function heapCommands(largest: number, maxCommands: number): fc.Arbitrary<Iterable<HeapCommand>> {
  const type = fc.nat({ max: TYPES.length - 1 });
  const length = sizes(Math.floor(largest / 8));
  const call = fc.constantFrom('malloc' as const, 'malloc' as const, 'calloc' as const, 'tryMalloc' as const);
  const kind = fc.constantFrom('alloc' as const, 'allocUnsafe' as const);
  const many = fc.integer({ min: 0, max: 40 });
  return fc.commands(
    [
      fc.tuple(sizes(largest), alignments(), call).map((args) => new Allocate(...args)),
      fc.tuple(sizes(largest), alignments(), call).map((args) => new Allocate(...args)),
      ranks().map((rank) => new Free(rank)),
      ranks().map((rank) => new Free(rank)),
      ranks().map((rank) => new FreeView(rank)),
      fc.tuple(ranks(), sizes(largest)).map((args) => new Reallocate(...args)),
      fc.tuple(sizes(Math.min(largest, 4096)), many).map((args) => new AllocateMany(...args)),
      fc.array(ranks(), { minLength: 1, maxLength: 60 }).map((picks) => new FreeMany(picks)),
      fc.tuple(type, length, kind).map((args) => new AllocateView(...args)),
      fc.tuple(ranks(), length).map((args) => new Resize(...args)),
      fc.constant(new Collect()),
      fc.tuple(ranks(), fc.integer({ min: -64, max: 8192 })).map((args) => new Misuse(...args)),
    ],
    { maxCommands, size: 'max' },
  );
}
