import { BlockCommand, Command } from './command.js';
import { ensure } from './ensure.js';
import { type ModelBlock } from './model.js';
import { type Party } from './party.js';
import { refused } from './refusal.js';
import { TYPES } from './typed-arrays.js';
import { type World } from './world.js';

export const FREE_FORMS = ['address', 'view'] as const;

export class Free extends BlockCommand {
  constructor(
    who: number,
    rank: number,
    private readonly by: (typeof FREE_FORMS)[number],
  ) {
    super(who, rank);
  }

  override toString(): string {
    return `free(${this.by === 'view' ? 'view of ' : ''}#${this.rank})`;
  }

  protected override async actOn(block: ModelBlock, world: World, party: Party): Promise<void> {
    await world.intact(party, [block]);
    const { address, bytes } = block;
    const target =
      this.by === 'view' ? await party.call('view', { typedArray: 'Uint8Array' }, address, bytes) : address;
    world.retire(party, block);
    await party.call('free', target);
    world.countsRemoteFrees();
    if (this.by === 'view') world.reach('block freed by a view');
  }
}

/** Blocks that follow each other in memory, from the one of that rank on: most likely of the same slab. */
function neighbours(world: World, rank: number, count: number): ModelBlock[] {
  const blocks = world.model.blocks();
  const from = rank % blocks.length;
  return blocks.slice(from, from + count);
}

export class FreeMany extends BlockCommand {
  constructor(
    who: number,
    rank: number,
    private readonly count: number,
  ) {
    super(who, rank);
  }

  override toString(): string {
    return `freeMany(#${this.rank} and ${this.count - 1} more)`;
  }

  protected override async actOn(_: ModelBlock, world: World, party: Party): Promise<void> {
    const blocks = neighbours(world, this.rank, this.count);
    await world.intact(party, blocks);
    for (const block of blocks) world.retire(party, block);
    // Nothing is legal to free, in a batch as alone.
    await party.call('freeMany', [0, ...blocks.map(({ address }) => address), null, undefined]);
    world.countsRemoteFrees();
    world.reach('batch freed');
  }
}

export const WRONG_ENTRIES = ['one of them again', 'an interior address', 'a string'] as const;

/** Those before the wrong entry are free afterwards, those after it untouched. */
export class FreeManyUpToWrong extends BlockCommand {
  constructor(
    who: number,
    rank: number,
    private readonly count: number,
    private readonly wrong: (typeof WRONG_ENTRIES)[number],
  ) {
    super(who, rank);
  }

  override toString(): string {
    return `freeMany(#${this.rank} and ${this.count - 1} more, ${this.wrong} among them)`;
  }

  protected override async actOn(_: ModelBlock, world: World, party: Party): Promise<void> {
    const blocks = neighbours(world, this.rank, this.count);
    const at = Math.ceil(blocks.length / 2);
    const [first] = blocks;
    const isTwice = this.wrong === 'one of them again';
    const entry = isTwice ? first.address : this.wrong === 'a string' ? String(first.address) : first.address + 4;
    const list: unknown[] = blocks.map(({ address }) => address);
    list.splice(at, 0, entry);
    for (const block of blocks.slice(0, at)) world.retire(party, block);
    const code = isTwice ? 'ERR_HEAP_DOUBLE_FREE' : 'ERR_HEAP_INVALID_FREE';
    const { index } = await refused(code, party.call('freeMany', list), 'freeMany');
    ensure(index === at, () => `freeMany failed at its entry ${at}, the error says ${String(index)}`);
    world.reach('batch freed up to a wrong entry');
    if (isTwice) world.reach('misuse: double free within a batch');
    await world.intact(party, blocks.slice(at));
  }
}

/** 0, null, undefined and empty batches: legal, and change nothing. */
export class FreeNothing extends Command {
  override toString(): string {
    return 'free(0), free(null), free(undefined), freeMany([]), mallocMany(16, 0)';
  }

  protected override async act(_: World, party: Party): Promise<void> {
    for (const nothing of [0, null, undefined]) await party.call('free', nothing);
    await party.call('freeMany', []);
    const list = await party.call('mallocMany', 16, 0);
    ensure(list.length === 0, () => `mallocMany(16, 0) returned ${list.length} addresses`);
  }
}

export class Collect extends Command {
  override toString(): string {
    return 'collect()';
  }

  protected override async act(world: World, party: Party): Promise<void> {
    const bytes = await party.call('collect');
    const before = world.seen.stats.committedBytes;
    const after = world.heap.stats().committedBytes;
    ensure(bytes === before - after, () => {
      return `collect() returned ${bytes}, but committedBytes went from ${before} to ${after}`;
    });
    world.note(`-> ${bytes}`);
    if (bytes > 0) world.reach('collect returned bytes');
  }
}

/** What the heap says of a block: its usable size, its place in a view of any type, and the view's address. */
export class Inspect extends BlockCommand {
  constructor(
    who: number,
    rank: number,
    private readonly type: number,
  ) {
    super(who, rank);
  }

  override toString(): string {
    return `usableSize(#${this.rank}), addressOf(view(${TYPES[this.type].name}, #${this.rank}))`;
  }

  protected override async actOn({ address, bytes, usable }: ModelBlock, world: World, party: Party): Promise<void> {
    const type = TYPES[this.type];
    const now = await party.call('usableSize', address);
    ensure(now === usable, () => `usableSize(${address}) is ${now}, it was ${usable}`);
    const length = Math.floor(bytes / type.BYTES_PER_ELEMENT);
    const view = await party.call('view', { typedArray: type.name }, address, length);
    ensure(view.constructor === type, () => `a ${view.constructor.name} instead of a ${type.name}`);
    ensure(view.length === length, () => `a view of ${view.length} elements instead of ${length}`);
    const back = await party.call('addressOf', view);
    ensure(back === address && view.byteOffset === address, () => `a view of ${address} is at ${back}`);
    const inWalk = world.seen.blocks.get(address)?.size;
    ensure(inWalk === now, () => `usableSize(${address}) is ${now}, blocks() says ${inWalk ?? 'nothing'}`);
  }
}
