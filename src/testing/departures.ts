import { HeapError, type HeapToken } from '../index.js';
import { Command } from './command.js';
import { ensure } from './ensure.js';
import { callsAfterDetach, refuseAll, type WrongCall } from './misuse.js';
import { type Party, type WorkerParty } from './party.js';
import { refused } from './refusal.js';
import { type Ending } from './task.js';
import { type World } from './world.js';

/** Calls that must be refused once the party has left; made before, because a view is needed for some. */
async function lastCalls(world: World, party: Party): Promise<WrongCall[]> {
  const address = world.model.size === 0 ? 65_536 : world.model.pick(0).address;
  const view = await party.call('view', { typedArray: 'Uint8Array' }, world.heap.buffer.byteLength - 4096, 16);
  return callsAfterDetach(party, address, view);
}

/** Attaches a worker. False if it was refused where it may be: no slot, or no room for its control block. */
async function enters(world: World, worker: WorkerParty, token: HeapToken): Promise<boolean> {
  try {
    await worker.attach(token);
  } catch (error) {
    const code = error instanceof HeapError ? error.code : undefined;
    const isFull = code === 'ERR_HEAP_OUT_OF_MEMORY' && world.setting.isTight;
    if (!isFull && !(code === 'ERR_HEAP_WORKERS' && world.freeSlots === 0)) throw error;
    world.note(`-> ${worker.name} is refused: ${code}`);
    return false;
  }
  const { workerId } = worker;
  await worker.attach(token);
  ensure(worker.workerId === workerId, () => `attaching twice gave worker ids ${workerId} and ${worker.workerId}`);
  return true;
}

/** Leaves; what it calls then is refused. The main thread, through which the heap is watched, comes back at once. */
export class Leave extends Command {
  override toString(): string {
    return 'detach()';
  }

  protected override async act(world: World, party: Party): Promise<void> {
    const { main } = world.crew;
    // The guest goes on using the heap it was given.
    if (party === main && world.guests.isHere) return;
    const { token } = world.heap;
    const calls = await lastCalls(world, party);
    const { workerId } = party;
    await party.detach();
    await party.call('detach');
    await refuseAll(calls);
    world.reach('misuse: call after detach');
    if (party !== main) {
      world.reach('worker left');
      return;
    }
    await main.attach(token);
    ensure(main.workerId !== workerId, () => `worker id ${workerId} was given twice`);
    world.reach('left and came back');
  }
}

/** Somebody who is away comes (back), with the token of the heap or with one reserved for it. */
export class Come extends Command {
  constructor(
    who: number,
    private readonly rank: number,
    private readonly isReserved: boolean,
  ) {
    super(who);
  }

  override toString(): string {
    return this.isReserved ? 'a worker comes with reserve().token' : 'a worker comes';
  }

  protected override async act(world: World, party: Party): Promise<void> {
    const worker = world.crew.pickAway(this.rank);
    if (worker === undefined) return;
    world.note(`(${worker.name})`);
    if (!this.isReserved || world.freeSlots === 0) {
      await enters(world, worker, world.heap.token);
      return;
    }
    const reservation = await party.call('reserve');
    if (!(await enters(world, worker, reservation.token))) return;
    const { workerId } = worker;
    ensure(workerId === reservation.workerId, () => `reserved ${reservation.workerId}, got worker id ${workerId}`);
    world.reach('worker came with a reservation');
    await worker.detach();
    await refused('ERR_HEAP_TOKEN', worker.attach(reservation.token), 'attaching with a used reservation');
    world.reach('misuse: reservation used twice');
    await enters(world, worker, world.heap.token);
  }
}

export const NOTICES = ['watched', 'reclaimed by hand', 'reclaimed later'] as const;

/** A worker's thread ends without having left the heap: what it held is live, what it owned is taken over. */
export class End extends Command {
  constructor(
    who: number,
    private readonly rank: number,
    private readonly ending: Ending,
    private readonly notice: (typeof NOTICES)[number],
  ) {
    super(who);
  }

  override toString(): string {
    return `a worker ${this.ending}, ${this.notice}`;
  }

  protected override async act(world: World): Promise<void> {
    const { crew } = world;
    const worker = crew.pickWorker(this.rank);
    if (worker === undefined) return;
    world.note(`(${worker.name})`);
    const { workerId } = worker;
    if (this.notice === 'watched') await crew.main.call('watch', worker.watchable);
    await worker.end(this.ending);
    world.reach(`worker ${this.ending}`);
    if (this.notice === 'watched') {
      const isLeft = await crew.main.call('reclaim', workerId);
      ensure(!isLeft, () => `its exit left something of worker id ${workerId} to reclaim`);
      world.reach('dead worker reclaimed by its exit');
    } else {
      crew.unreclaimed.push(workerId);
      if (this.notice === 'reclaimed by hand') await bury(world, crew.pick(this.who), workerId);
    }
  }
}

async function bury(world: World, party: Party, workerId: number): Promise<void> {
  const { unreclaimed } = world.crew;
  unreclaimed.splice(unreclaimed.indexOf(workerId), 1);
  ensure(await party.call('reclaim', workerId), () => `reclaim(${workerId}) says there was nothing to do`);
  ensure(!(await party.call('reclaim', workerId)), () => `reclaim(${workerId}) did something a second time`);
  world.reach('dead worker reclaimed by hand');
}

/** Reclaims a worker that ended a while ago; meanwhile others have freed its blocks. */
export class Bury extends Command {
  constructor(
    who: number,
    private readonly rank: number,
  ) {
    super(who);
  }

  override toString(): string {
    return 'reclaim(a dead worker)';
  }

  protected override async act(world: World, party: Party): Promise<void> {
    const { unreclaimed } = world.crew;
    if (unreclaimed.length > 0) await bury(world, party, unreclaimed[this.rank % unreclaimed.length]);
  }
}

/** Reclaims a worker that is alive: it learns of it from its next call, and may come back. */
export class Silence extends Command {
  constructor(
    who: number,
    private readonly rank: number,
  ) {
    super(who);
  }

  override toString(): string {
    return 'reclaim(a living worker)';
  }

  protected override async act(world: World, party: Party): Promise<void> {
    const victim = world.crew.pickWorker(this.rank);
    if (victim === undefined || victim === party) return;
    world.note(`(${victim.name})`);
    const { workerId } = victim;
    const calls = await lastCalls(world, victim);
    // Something in its cache, which it must not hand out any more.
    await victim.call('free', await victim.call('tryMalloc', 16));
    ensure(await party.call('reclaim', workerId), () => `reclaim(${workerId}) says there was nothing to do`);
    victim.isAttached = false;
    await refuseAll(calls);
    world.reach('living worker reclaimed by mistake');
    world.reach('misuse: call after being reclaimed');
    if (!(await enters(world, victim, world.heap.token))) return;
    ensure(victim.workerId !== workerId, () => `worker id ${workerId} was given twice`);
  }
}

/** Watches a worker that never was, for which a slot was reserved, until its exit. */
async function watchUntilExit(party: Party, workerId: number): Promise<void> {
  const listeners: (() => void)[] = [];
  const worker = { threadId: -1, once: (_: string, listener: () => void) => listeners.push(listener) };
  await party.call('watch', worker, workerId);
  ensure(listeners.length === 1, () => `watch() listens ${listeners.length} times`);
  for (const exited of listeners) exited();
}

/** Reserves every slot that is left, is refused one more, and takes all back unused. */
export class ReserveAll extends Command {
  override toString(): string {
    return 'reserve() until it is refused, and reclaim all';
  }

  protected override async act(world: World, party: Party): Promise<void> {
    const { freeSlots } = world;
    const reserved: number[] = [];
    for (let i = 0; i < freeSlots; i++) reserved.push((await party.call('reserve')).workerId);
    await refused('ERR_HEAP_WORKERS', party.call('reserve'), 'reserving one slot too many');
    world.reach('slots used up');
    const [first] = reserved;
    // Only where the heap is: a worker that is watched can't be sent.
    if (party === world.crew.main && reserved.length > 0) {
      await watchUntilExit(party, first);
      world.reach('reservation taken back by an exit');
    }
    for (const workerId of reserved) {
      const isLeft = await party.call('reclaim', workerId);
      const isTaken = party === world.crew.main && workerId === first;
      ensure(isLeft !== isTaken, () => `reclaim(${workerId}), a reservation, returned ${isLeft}`);
      ensure(!(await party.call('reclaim', workerId)), () => `the reservation ${workerId} was reclaimed twice`);
      if (isLeft) world.reach('reservation taken back by hand');
    }
  }
}
