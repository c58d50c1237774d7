import { Command } from './command.js';
import { ensure } from './ensure.js';
import { type Misuse, refuseAll } from './misuse.js';
import { type Party } from './party.js';
import { type World } from './world.js';

/** A mistake, and the proof that it left the heap as it was. */
export class Mistake extends Command {
  constructor(
    who: number,
    private readonly misuse: Misuse,
    private readonly rank: number,
    private readonly detail: number,
  ) {
    super(who);
  }

  override toString(): string {
    return `${this.misuse.name} (#${this.rank}, ${this.detail})`;
  }

  protected override async act(world: World, party: Party): Promise<void> {
    const { rank, detail, misuse } = this;
    const calls = await misuse.prepare({ world, party, rank, detail });
    if (calls.length === 0) return;
    world.note(`- ${calls.map(({ text }) => text).join(', ')}`);
    world.settle();
    await harmless(world, () => refuseAll(calls));
    world.reach(misuse.name);
  }
}

/** Runs wrong calls and compares the heap before and after: the blocks, their sizes, their contents. */
export async function harmless(world: World, calls: () => Promise<void>): Promise<void> {
  const { blocks, stats } = world.seen;
  await calls();
  world.settle();
  const now = world.seen;
  for (const { address, size } of blocks.values()) {
    const after = now.blocks.get(address)?.size;
    ensure(
      after === size,
      () => `block ${address} had ${size} bytes before the wrong call, now it has ${after ?? 'none'}`,
    );
  }
  ensure(now.stats.liveBytes === stats.liveBytes, () => {
    return `${stats.liveBytes} bytes were live before the wrong call, now ${now.stats.liveBytes} are`;
  });
  await world.intact(world.crew.main, world.model.blocks());
}
