import { resolveOptions } from '../config/index.js';
import { HeapError, type BlockInfo, type CreateOptions, type Heap } from '../index.js';
import { conserved, empty, type Observation } from './contracts.js';
import { ensure } from './ensure.js';
import { type Guest, Guests } from './guest.js';
import { Model, type ModelBlock } from './model.js';
import { Crew, type Party, type Wrap } from './party.js';
import { type PathName, type Reached } from './paths.js';
import { type Stamped } from './task.js';
import { type ThreadPool } from './thread.js';

/** Blocks up to here are tiny; mid up to the next; large up to the third; then huge. */
const TINY_BYTES = 1024;
const MID_BYTES = 32_768;
const HUGE_BYTES = 1_048_576;

const LISTED_MOST = 5;

function listed(addresses: readonly number[]): string {
  const first = addresses.slice(0, LISTED_MOST).join(', ');
  return addresses.length <= LISTED_MOST ? first : `${first} ... (${addresses.length})`;
}

/** The kind of heap that a run works on. */
export interface Setting {
  readonly options: CreateOptions;
  /** Largest request of the run. */
  readonly largest: number;
  /** Small enough that some requests must be refused. In a roomy heap none may be. */
  readonly isTight: boolean;
}

export interface Surroundings {
  readonly setting: Setting;
  readonly workers: number;
  readonly pool: ThreadPool;
  readonly reached: Reached;
  readonly wrap?: Wrap | undefined;
  readonly guest?: ((heap: Heap) => Guest | Promise<Guest>) | undefined;
}

/** One heap, everybody attached to it, and what is known of it: what the commands of one run work on. */
export class World {
  /** The blocks that the commands hold. */
  readonly model = new Model();
  readonly setting: Setting;
  readonly crew: Crew;
  readonly guests: Guests;
  /** As it was after the last command. */
  seen: Observation;
  private readonly reached: Reached;
  private readonly hasMagazine: boolean;
  private readonly maxWorkers: number;
  /** Owners of the slabs in which blocks were first seen, by address. */
  private readonly firstOwners = new Map<number, number>();
  /** Of the command under way: blocks that their own slab's owner freed, and those of other workers' slabs. */
  private freed: BlockInfo[] = [];
  private remotelyFreed = 0;
  private nextTag = 1;

  private constructor(
    { setting, workers, pool, reached, wrap = (heap) => heap }: Surroundings,
    /** What was done, a line each. */
    readonly log: string[],
  ) {
    this.setting = setting;
    this.reached = reached;
    const { magazineCapacity, maxWorkers } = resolveOptions(setting.options).settings;
    this.hasMagazine = magazineCapacity > 0;
    this.maxWorkers = maxWorkers;
    this.crew = new Crew(setting.options, wrap, workers, pool);
    this.guests = new Guests();
    this.seen = empty(this.heap);
  }

  /** Makes the heap and lets everybody in. */
  static async open(surroundings: Surroundings, log: string[]): Promise<World> {
    const world = new World(surroundings, log);
    try {
      await world.crew.gather();
      if (surroundings.guest !== undefined) await world.guests.enter(world.heap, surroundings.guest);
      world.settle();
    } catch (error) {
      await world.close();
      throw error;
    }
    return world;
  }

  /** The heap as the main thread holds it. */
  get heap(): Heap {
    return this.crew.main.heap;
  }

  /** Slots that another worker could take. */
  get freeSlots(): number {
    return this.maxWorkers - this.crew.attached().length - this.crew.unreclaimed.length;
  }

  reach(path: PathName, times = 1): void {
    if (times > 0) this.reached.add(path, times);
  }

  /** Adds to the last line of the log. */
  note(text: string): void {
    this.log[this.log.length - 1] += ` ${text}`;
  }

  /** The result of a request, or undefined if it was refused where it may be. */
  async attempt<Result>(request: Promise<Result>, path: PathName): Promise<Result | undefined> {
    try {
      return await request;
    } catch (error) {
      if (!(error instanceof HeapError && error.code === 'ERR_HEAP_OUT_OF_MEMORY' && this.setting.isTight)) throw error;
      this.reach(path);
      this.note('-> refused, the heap is full');
      return undefined;
    }
  }

  /** Stamps new blocks of so many bytes and enters them in the model. */
  async admit(party: Party, addresses: readonly number[], bytes: number): Promise<void> {
    this.note(`-> ${listed(addresses)}`);
    const blocks = addresses.map((address): Stamped => ({ address, bytes, tag: this.nextTag++ }));
    const usable = await party.stamp(blocks);
    for (const [i, { address, tag }] of blocks.entries()) {
      this.model.add({ address, bytes, usable: usable[i], tag });
      this.reach(this.kindOf(usable[i]));
    }
  }

  private kindOf(usable: number): PathName {
    if (usable <= TINY_BYTES) return 'tiny block allocated';
    if (usable <= MID_BYTES) return 'mid block allocated';
    return usable < HUGE_BYTES ? 'large block allocated' : 'huge block allocated';
  }

  /** What was stamped must be there, for the party and for the main thread. */
  async intact(party: Party, blocks: readonly Stamped[]): Promise<void> {
    for (const viewer of new Set([party, this.crew.main])) {
      const found = await viewer.inspect(blocks);
      if (found === undefined) continue;
      const [index, byte] = found;
      const { address, bytes } = blocks[index];
      ensure(false, () => `block ${address} of ${bytes} bytes is damaged at byte ${byte}, as ${viewer.name} sees it`);
    }
  }

  /** Takes a block that the party is about to free out of the model, and counts what kind of free it will be. */
  retire(party: Party, { address }: ModelBlock): void {
    this.model.remove(address);
    const info = this.seen.blocks.get(address);
    const firstOwner = this.firstOwners.get(address);
    this.firstOwners.delete(address);
    if (info === undefined) return;
    const isOwn = info.owner === party.workerId;
    if (info.class === 0) {
      this.reach(isOwn ? 'own span freed' : 'span of another worker freed', isOwn || this.isCrewed ? 1 : 0);
      if (info.size >= HUGE_BYTES) this.reach('huge span freed');
      return;
    }
    if (isOwn) this.freed.push(info);
    else this.remotelyFreed++;
    if (info.owner === 0) this.reach('block of a slab that nobody owns freed');
    else if (!isOwn) this.reach('block of another worker freed');
    if (info.owner !== 0 && info.owner !== firstOwner) this.reach('block of an adopted slab freed');
  }

  /** After a command that does nothing but free: what is another worker's waits for its owner, and is counted. A quarantine may hold it back. */
  countsRemoteFrees(): void {
    const now = this.heap.stats();
    const { counters } = now;
    const { stats } = this.seen;
    const isHeldBack = now.quarantinedBlocks + stats.quarantinedBlocks > 0;
    const remoteFreesPending = isHeldBack ? stats.remoteFreesPending + this.remotelyFreed : now.remoteFreesPending;
    const [pending, total] = [stats.remoteFreesPending, stats.counters.remoteFrees].map((n) => n + this.remotelyFreed);
    ensure(remoteFreesPending === pending && counters.remoteFrees === total, () => {
      return `${remoteFreesPending} of ${counters.remoteFrees} remote frees are pending; there must be ${pending} of ${total}`;
    });
  }

  private get isCrewed(): boolean {
    return this.crew.workers.length > 0;
  }

  /** After every command: the heap equals its model. Counts what can be told from how its statistics changed. */
  settle(): void {
    const before = this.seen.stats;
    const { model, guests, firstOwners } = this;
    this.seen = conserved(this.heap, model, guests.model);
    const { blocks, stats } = this.seen;
    for (const address of firstOwners.keys()) if (!blocks.has(address)) firstOwners.delete(address);
    for (const { address, owner } of blocks.values()) if (!firstOwners.has(address)) firstOwners.set(address, owner);
    this.reach('region grown', stats.counters.growths - before.counters.growths);
    this.reach('slab adopted', stats.counters.adoptions - before.counters.adoptions);
    if (this.isCrewed) {
      const home = before.remoteFreesPending + this.remotelyFreed - stats.remoteFreesPending;
      this.reach('remote free brought home', home);
    }
    this.countSpills(before);
    this.freed = [];
    this.remotelyFreed = 0;
  }

  private countSpills(before: Observation['stats']): void {
    if (this.freed.length === 0) return;
    const spillsOf = (stats: Observation['stats']): number =>
      stats.workers.reduce((sum, { cacheSpills }) => sum + cacheSpills, 0);
    const spills = spillsOf(this.seen.stats) - spillsOf(before);
    if (spills <= 0) this.reach('own block freed into the cache', this.freed.length);
    else this.reach('own blocks freed by a spill of the cache', spills);
    const isMid = this.freed.every(({ size }) => size > TINY_BYTES);
    if (isMid && this.hasMagazine) this.reach('mid blocks spilled into the magazine', spills);
  }

  /** Frees everything in turns, lets everybody leave, and proves that the heap is as empty as it was in the beginning. */
  async finish(): Promise<void> {
    this.log.push('the end:');
    this.note('the guest closes');
    await this.guests.leave(this.heap, this.model);
    this.note('- all blocks are freed');
    await this.intact(this.crew.main, this.model.blocks());
    const parties = this.crew.attached();
    const blocks = this.model.blocks();
    for (const [i, party] of parties.entries()) {
      const share = blocks.filter((_, j) => j % parties.length === i);
      for (const block of share) this.retire(party, block);
      await party.call(
        'freeMany',
        share.map(({ address }) => address),
      );
    }
    this.settle();
    this.note('- all collect and leave');
    for (const workerId of this.crew.unreclaimed) await this.crew.main.call('reclaim', workerId);
    for (const party of parties) await party.call('collect');
    empty(this.heap);
    for (const worker of this.crew.workers) if (worker.isAttached) await worker.detach();
    await this.crew.main.call('collect');
    const { committedBytes, metadataBytes } = empty(this.heap).stats;
    ensure(
      committedBytes === metadataBytes,
      () => `${committedBytes - metadataBytes} bytes are still committed for blocks, though none is live`,
    );
  }

  async close(): Promise<void> {
    for (const worker of this.crew.workers) await worker.release();
    await this.crew.main.leave();
  }
}
