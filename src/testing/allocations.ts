import { BlockCommand, Command } from './command.js';
import { aligned, fits } from './contracts.js';
import { ensure } from './ensure.js';
import { type ModelBlock } from './model.js';
import { type Party } from './party.js';
import { TYPES } from './typed-arrays.js';
import { type World } from './world.js';

const MID_BLOCK_MAX_BYTES = 32_768;

export const ALLOCATING_CALLS = ['malloc', 'calloc', 'tryMalloc'] as const;
export type AllocatingCall = (typeof ALLOCATING_CALLS)[number];

async function isZero(party: Party, address: number, bytes: number, what: string): Promise<void> {
  const byte = await party.nonZero(address, bytes);
  ensure(byte === -1, () => `${what} left byte ${byte} of ${bytes} as it was`);
}

export class Allocate extends Command {
  constructor(
    who: number,
    private readonly call: AllocatingCall,
    private readonly bytes: number,
    private readonly alignment: number | undefined,
  ) {
    super(who);
  }

  override toString(): string {
    return `${this.call}(${this.bytes}${this.alignment === undefined ? '' : `, ${this.alignment}`})`;
  }

  protected override async act(world: World, party: Party): Promise<void> {
    const { call, bytes, alignment } = this;
    const address = await world.attempt(party.call(call, bytes, alignment), 'request refused by a full heap');
    if (address === undefined) return;
    if (address === 0 && call === 'tryMalloc' && world.setting.isTight) {
      world.reach('request refused by a full heap');
      world.note('-> 0');
      return;
    }
    aligned(address, bytes, Math.max(alignment ?? 0, bytes <= 8 ? 8 : 16));
    if (alignment === undefined) fits(bytes, await party.call('usableSize', address));
    else world.reach(`block aligned to ${alignment}`);
    if (call === 'calloc') {
      await isZero(party, address, bytes, 'calloc');
      world.reach('zeroed block allocated');
    }
    await world.admit(party, [address], bytes);
  }
}

/** Where a batch is put: in a new list, or in one of the caller's. */
export const OUTS = ['new', 'Array', 'Uint32Array', 'Float64Array'] as const;
export type Out = (typeof OUTS)[number];

/** An `out` of shared memory, so that one filled by another thread can be read here. */
function makeOut(out: Out, count: number): number[] | Uint32Array | Float64Array | undefined {
  if (out === 'new') return undefined;
  if (out === 'Array') return [];
  return out === 'Uint32Array'
    ? new Uint32Array(new SharedArrayBuffer(4 * count))
    : new Float64Array(new SharedArrayBuffer(8 * count));
}

export class AllocateMany extends Command {
  constructor(
    who: number,
    private readonly bytes: number,
    private readonly count: number,
    private readonly out: Out,
  ) {
    super(who);
  }

  override toString(): string {
    return `mallocMany(${this.bytes}, ${this.count}${this.out === 'new' ? '' : `, ${this.out}`})`;
  }

  protected override async act(world: World, party: Party): Promise<void> {
    const { bytes, count } = this;
    const out = makeOut(this.out, count);
    const list = await world.attempt(party.call('mallocMany', bytes, count, out), 'batch refused by a full heap');
    if (list === undefined) return;
    ensure(list.length === count, () => `${list.length} addresses instead of ${count}`);
    if (out !== undefined && !Array.isArray(out)) {
      world.reach('batch allocated into out');
      ensure(
        list.every((address, i) => out[i] === address),
        () => 'the addresses in out differ from those returned',
      );
    }
    if (party === world.crew.main && out !== undefined) ensure(list === out, () => 'out was not returned');
    world.reach('batch allocated');
    for (const address of list) aligned(address, bytes);
    await world.admit(party, [...list], bytes);
  }
}

export const VIEW_CALLS = ['alloc', 'allocUnsafe'] as const;

export class AllocateView extends Command {
  constructor(
    who: number,
    private readonly call: (typeof VIEW_CALLS)[number],
    private readonly type: number,
    private readonly length: number,
  ) {
    super(who);
  }

  override toString(): string {
    return `${this.call}(${this.name}, ${this.length})`;
  }

  private get name(): string {
    return TYPES[this.type].name;
  }

  protected override async act(world: World, party: Party): Promise<void> {
    const { call, length, name } = this;
    const request = party.call(call, { typedArray: name }, length);
    const view = await world.attempt(request, 'request refused by a full heap');
    if (view === undefined) return;
    ensure(view.constructor === TYPES[this.type], () => `a ${view.constructor.name} instead of a ${name}`);
    ensure(view.length === length, () => `${view.length} elements instead of ${length}`);
    const address = await party.call('addressOf', view);
    aligned(address, view.byteLength, Math.max(view.BYTES_PER_ELEMENT, view.byteLength <= 8 ? 8 : 16));
    if (call === 'alloc') await isZero(party, address, view.byteLength, this.toString());
    world.reach('typed array allocated');
    await world.admit(party, [address], view.byteLength);
  }
}

export class Reallocate extends BlockCommand {
  constructor(
    who: number,
    rank: number,
    private readonly bytes: number,
  ) {
    super(who, rank);
  }

  override toString(): string {
    return `realloc(#${this.rank}, ${this.bytes})`;
  }

  protected override actOn(block: ModelBlock, world: World, party: Party): Promise<void> {
    return reallocate(world, party, block, this.bytes);
  }
}

async function reallocate(world: World, party: Party, block: ModelBlock, bytes: number): Promise<void> {
  const address = await world.attempt(party.call('realloc', block.address, bytes), 'realloc refused by a full heap');
  if (address === undefined) return world.intact(party, [block]);
  await moved(world, party, block, address, bytes, Math.min(block.bytes, bytes));
}

/** A large block by a share of its size, which may find room where it is. */
export class ReallocateSpan extends Command {
  constructor(
    who: number,
    private readonly rank: number,
    private readonly percent: number,
  ) {
    super(who);
  }

  override toString(): string {
    return `realloc(large #${this.rank}, to ${this.percent} %)`;
  }

  protected override async act(world: World, party: Party): Promise<void> {
    const large = world.model.blocks().filter(({ usable }) => usable > MID_BLOCK_MAX_BYTES);
    if (large.length === 0) return;
    const block = large[this.rank % large.length];
    const bytes = Math.min(world.setting.largest, Math.ceil((block.bytes * this.percent) / 100));
    world.note(`(block ${block.address} of ${block.bytes} bytes, to ${bytes})`);
    await reallocate(world, party, block, bytes);
  }
}

/** A block was resized, perhaps moved: what it kept must be as it was stamped. */
async function moved(
  world: World,
  party: Party,
  block: ModelBlock,
  address: number,
  bytes: number,
  kept: number,
): Promise<void> {
  if (address !== block.address) {
    world.reach('realloc moved the block');
    world.retire(party, block);
    aligned(address, bytes);
  } else {
    const isSpan = block.usable > MID_BLOCK_MAX_BYTES;
    if (!isSpan) world.reach('realloc kept the place in a slab');
    else if ((await party.call('usableSize', address)) !== block.usable) world.reach('realloc resized a span in place');
    world.model.remove(address);
  }
  await world.intact(party, [{ ...block, address, kept }]);
  await world.admit(party, [address], bytes);
}

/** `realloc(0, n)` is `malloc(n)`. */
export class ReallocateNothing extends Command {
  constructor(
    who: number,
    private readonly bytes: number,
  ) {
    super(who);
  }

  override toString(): string {
    return `realloc(0, ${this.bytes})`;
  }

  protected override async act(world: World, party: Party): Promise<void> {
    const { bytes } = this;
    const address = await world.attempt(party.call('realloc', 0, bytes), 'request refused by a full heap');
    if (address === undefined) return;
    aligned(address, bytes);
    fits(bytes, await party.call('usableSize', address));
    await world.admit(party, [address], bytes);
  }
}

export class Resize extends BlockCommand {
  constructor(
    who: number,
    rank: number,
    private readonly type: number,
    private readonly length: number,
  ) {
    super(who, rank);
  }

  override toString(): string {
    return `resize(${TYPES[this.type].name} over #${this.rank}, ${this.length})`;
  }

  protected override async actOn(block: ModelBlock, world: World, party: Party): Promise<void> {
    const type = TYPES[this.type];
    const elements = Math.floor(block.bytes / type.BYTES_PER_ELEMENT);
    const old = await party.call('view', { typedArray: type.name }, block.address, elements);
    const { byteLength } = old;
    const view = await world.attempt(party.call('resize', old, this.length), 'realloc refused by a full heap');
    if (view === undefined) return world.intact(party, [block]);
    ensure(view.constructor === type, () => `a ${view.constructor.name} instead of a ${type.name}`);
    ensure(view.length === this.length, () => `${view.length} elements instead of ${this.length}`);
    const address = await party.call('addressOf', view);
    const grown = view.byteLength - byteLength;
    if (grown > 0) await isZero(party, address + byteLength, grown, 'resize');
    world.reach('typed array resized');
    await moved(world, party, block, address, view.byteLength, Math.min(byteLength, view.byteLength));
  }
}

/** Until there is no room for another: then a request must throw, and a batch leave nothing behind. */
export class Exhaust extends Command {
  /** @param parts in how many parts, about, the whole region is taken */
  constructor(
    who: number,
    private readonly parts: number,
  ) {
    super(who);
  }

  override toString(): string {
    return `tryMalloc(maxBytes / ${this.parts}) until it returns 0`;
  }

  protected override async act(world: World, party: Party): Promise<void> {
    if (!world.setting.isTight) return;
    const bytes = Math.floor(world.seen.stats.maxBytes / this.parts);
    await world.admit(party, await party.fill(bytes), bytes);
    world.settle();
    const address = await world.attempt(party.call('malloc', bytes), 'request refused by a full heap');
    ensure(address === undefined, () => `after tryMalloc had found no room for ${bytes} bytes, malloc did`);
    // As much as the whole region, in smaller blocks: some fit, and must not stay.
    const batch = party.call('mallocMany', Math.ceil(bytes / 8), 8 * this.parts);
    const list = await world.attempt(batch, 'batch refused by a full heap');
    ensure(list === undefined, () => `a batch of ${8 * this.parts} blocks took more than there is`);
  }
}
