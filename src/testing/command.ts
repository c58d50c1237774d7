import type fc from 'fast-check';
import { type Model, type ModelBlock } from './model.js';
import { type Party } from './party.js';
import { type World } from './world.js';

/** One step of a run. What it needs to know is in its fields, so that the same fields do the same again. */
export type HeapCommand = fc.AsyncCommand<Model, World>;

export abstract class Command implements HeapCommand {
  /** @param who any natural number: one of those attached */
  constructor(protected readonly who: number) {}

  check(_model: Readonly<Model>): boolean {
    return true;
  }

  protected abstract act(world: World, party: Party): Promise<void>;
  abstract toString(): string;

  async run(_model: Model, world: World): Promise<void> {
    const party = this.actor(world);
    world.log.push(`${party.name}: ${this.toString()}`);
    await this.act(world, party);
    world.settle();
  }

  protected actor(world: World): Party {
    return world.crew.pick(this.who);
  }
}

/** A command on a live block. */
export abstract class BlockCommand extends Command {
  /** @param rank any natural number: one of the live blocks */
  constructor(
    who: number,
    protected readonly rank: number,
  ) {
    super(who);
  }

  override check(model: Readonly<Model>): boolean {
    return model.size > 0;
  }

  protected override act(world: World, party: Party): Promise<void> {
    const block = world.model.pick(this.rank);
    world.note(`(block ${block.address} of ${block.bytes} bytes)`);
    return this.actOn(block, world, party);
  }

  protected abstract actOn(block: ModelBlock, world: World, party: Party): Promise<void>;
}
