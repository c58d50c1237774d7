import type { HeapSettings } from '../../../src/config/options.js';
import { Kind, SlotState } from '../../../src/layout/format.js';
import { SliceWord, SlotWord } from '../../../src/layout/offsets.generated.js';
import type { Region } from '../../../src/memory/region.js';
import { sliceWord } from '../../../src/pages/descriptor.js';
import { stateOf } from '../../../src/registry/slots.js';
import { STOPPED, type Thread } from '../../../src/testing/explorer.js';
import type { Owner } from '../../../src/slabs/owner.js';
import type { Builds, SteppedHeap, Steps } from './builds.js';
import { Machine } from './machine.js';
import type { CrashPoint, Notice, Play, Production } from './play.js';
import { isExcused, RaceError } from './races.js';
import { findStranded } from './stranded.js';
import { RegionWords } from './words.js';

/** Runs a call of the stepped build in one go. */
export function now<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** What a method of the stepped build really returns: its type is that of the sources, where it is no generator. */
export const stepsOf = <T>(returned: T): Steps<T> => returned as unknown as Steps<T>;

/** The region of a scenario: sizes in slices of 4 KiB, and options that differ from the tiny ones. */
export interface StageOptions {
  /** Slices for blocks, beyond the tables and the control blocks of the workers that setup attaches. */
  readonly slices: number;
  readonly workers: number;
  readonly settings?: Partial<HeapSettings>;
}

/** Caches of two blocks, and nothing empty is kept unless a scenario says so. */
const TINY_SETTINGS: Partial<HeapSettings> = {
  cacheCapacity: 2,
  cacheBytes: 65536,
  magazineCapacity: 0,
  refillMax: 2,
  refillMaxHot: 2,
  spillHysteresis: 1,
  emptySlabsKept: 0,
};

/** A block as its holder sees it. `isLeaving`: a free or realloc of it is under way, so a kill leaves it live or not. */
interface Held {
  readonly bytes: number;
  readonly isLeaving: boolean;
}

/** Values of an object's own fields, to be put back before each schedule. */
class Frozen {
  private readonly parts: { object: object; values: object; arrays: [Int32Array, Int32Array][] }[] = [];

  add(object: object): void {
    const arrays = Object.values(object)
      .filter((value): value is Int32Array => value instanceof Int32Array && value.buffer instanceof ArrayBuffer)
      .map((array): [Int32Array, Int32Array] => [array, array.slice()]);
    this.parts.push({ object, values: { ...object }, arrays });
  }

  thaw(): void {
    for (const { object, values, arrays } of this.parts) {
      Object.assign(object, values);
      for (const [array, copy] of arrays) array.set(copy);
    }
  }
}

/** A worker on the stage. Its calls are generators and keep the ledger. */
export class Actor {
  constructor(
    readonly stage: Stage,
    readonly heap: SteppedHeap,
    readonly region: Region,
    readonly owner: Owner,
    readonly tag: number,
  ) {}

  *malloc(bytes: number, alignment?: number): Steps<number> {
    const address = yield* this.heap.malloc(bytes, alignment);
    this.stage.ledger.take(address, bytes);
    return address;
  }

  /** 0 if the heap is full, which is an answer here. */
  *tryMalloc(bytes: number): Steps<number> {
    const address = yield* this.heap.tryMalloc(bytes);
    if (address !== 0) this.stage.ledger.take(address, bytes);
    return address;
  }

  *free(address: number): Steps<void> {
    this.stage.ledger.leaving(address);
    yield* this.heap.free(address);
    this.stage.ledger.gone(address);
  }

  *realloc(address: number, bytes: number): Steps<number> {
    this.stage.ledger.leaving(address);
    const moved = yield* this.heap.realloc(address, bytes);
    this.stage.ledger.gone(address);
    this.stage.ledger.take(moved, bytes);
    return moved;
  }

  collect(): Steps<number> {
    return this.heap.collect();
  }

  detach(): Steps<void> {
    return this.heap.detach();
  }

  /** What a worker does that learns of a death: by an exit event, or by somebody's word, where the id is known. */
  *bury(tag: number, notice: 'exited' | 'by hand' = 'exited'): Steps<boolean> {
    const { builds, reservations, actors } = this.stage;
    const reserved = reservations.get(tag);
    const workerId = actors.find((actor) => actor.tag === tag)?.heap.workerId ?? reserved;
    if (notice === 'by hand' && workerId !== undefined)
      return yield* builds.stepped.reclaimWorker(this.owner, workerId, notice);
    const byThread = yield* builds.stepped.reclaimThread(this.owner, tag);
    if (reserved === undefined) return byThread;
    return (yield* builds.stepped.reclaimWorker(this.owner, reserved, 'exited')) || byThread;
  }

  /** In setup: a place for the thread with this tag. */
  reserveFor(tag: number): number {
    const workerId = now(this.stage.builds.stepped.reserveWorker(this.region, this.tag));
    this.stage.reservations.set(tag, workerId);
    return workerId;
  }
}

/** Who holds what, kept outside the heap. */
export class Ledger {
  private blocks = new Map<number, Held>();
  private readonly doubts = new Set<number>();

  take(address: number, bytes: number): void {
    for (const [other, held] of this.blocks) {
      if (other < address + Math.max(1, bytes) && address < other + Math.max(1, held.bytes) && !held.isLeaving)
        throw new Error(`block ${address} was handed out while ${other} of ${held.bytes} bytes is held`);
    }
    this.blocks.set(address, { bytes, isLeaving: false });
  }

  leaving(address: number): void {
    this.blocks.set(address, { bytes: this.blocks.get(address)?.bytes ?? 0, isLeaving: true });
  }

  gone(address: number): void {
    if (this.blocks.get(address)?.isLeaving === true) this.blocks.delete(address);
  }

  /** A call failed: the block is as before. */
  stays(address: number, bytes: number): void {
    this.blocks.set(address, { bytes, isLeaving: false });
  }

  /** Several workers use the block against the rules: it may be live or not. */
  unsure(address: number): void {
    this.blocks.set(address, { bytes: 0, isLeaving: true });
    this.doubts.add(address);
  }

  copy(): Map<number, Held> {
    return new Map(this.blocks);
  }

  restore(blocks: ReadonlyMap<number, Held>): void {
    this.blocks = new Map(blocks);
    this.doubts.clear();
  }

  /** Every block surely held is live, and at most `allowance` live ones are nobody's. */
  compare(live: ReadonlyMap<number, number>, allowance: number): void {
    for (const [address, { bytes, isLeaving }] of this.blocks) {
      const size = live.get(address);
      if (size === undefined && isLeaving) continue;
      if (size === undefined) throw new Error(`block ${address} is held, but not live any more`);
      if (size < bytes && !isLeaving) throw new Error(`block ${address} of ${bytes} bytes has shrunk to ${size}`);
    }
    const lost = [...live.keys()].filter((address) => !this.blocks.has(address));
    if (lost.length > allowance)
      throw new Error(`${lost.length} live blocks that nobody holds (${lost.join(', ')}), ${allowance} allowed`);
    const leaving = [...this.blocks].filter(([address, held]) => held.isLeaving && !this.doubts.has(address)).length;
    if (leaving > allowance) throw new Error(`${leaving} calls of free have not returned, ${allowance} allowed`);
  }
}

/** A region with several workers on one thread, whose every access goes through the machine. */
export class Stage {
  readonly region: Region;
  readonly settings: HeapSettings;
  readonly ledger = new Ledger();
  readonly actors: Actor[] = [];
  /** Worker ids reserved for threads, by their tags. */
  readonly reservations = new Map<number, number>();
  machine!: Machine;
  /** What the threads of this schedule noted, for the plot's verdict. */
  notes: string[] = [];
  /** Looks at the region with the sources as they are. */
  private readonly plain: Region;
  private nextTag = 1000;

  constructor(
    readonly builds: Builds,
    options: StageOptions,
    threads: number,
  ) {
    const { plain, stepped } = builds;
    const workers = options.workers + 1;
    const chosen = { ...TINY_SETTINGS, maxWorkers: workers, transferSlots: 0, ...options.settings };
    const asked = { preset: 'minimal', backing: 'growable' } as const;
    const tables = { ...plain.resolveOptions(asked).settings, ...chosen };
    const { headSlices } = plain.tableLayout(options.slices + workers + 4, tables);
    const regionSlices = headSlices + workers + options.slices;
    const resolved = plain.resolveOptions({ ...asked, maxBytes: regionSlices * 4096 });
    const settings = { ...resolved.settings, ...chosen };
    // Setup needs a machine too; it names no words yet.
    stepped.link(
      new Machine(
        { buffer: new SharedArrayBuffer(4), length: 1, isShared: () => false, name: noName },
        1,
        [1],
        () => true,
      ),
    );
    this.region = now(stepped.createRegion({ ...resolved, settings }));
    // Caches follow the size of the region too; here their own options decide.
    this.settings = { ...settings, maxBytes: 2 ** 26 };
    // Growth of the buffer can't be undone between schedules, so it has happened; growth of the limit is what is explored.
    this.region.buffer.grow(regionSlices * 4096);
    this.region.renew();
    this.plain = new plain.Region(this.region.memory, 0, regionSlices, settings);
    const { cacheWords } = plain.controlShape(settings);
    const tags = Array.from({ length: threads }, (_, i) => i + 1);
    this.machine = new Machine(new RegionWords(this.plain, cacheWords), threads, tags, (race) =>
      isExcused(race, builds.sites),
    );
    stepped.link(this.machine);
  }

  /** A region object of its own for each worker: views and limit are a worker's private matter. */
  private newRegion(): Region {
    const { memory, baseSlice, endSlice } = this.region;
    return new this.builds.stepped.Region(memory, baseSlice, endSlice - baseSlice, this.settings);
  }

  *attachSteps(tag: number, reserved?: number): Steps<Actor> {
    const region = this.newRegion();
    const membership = yield* this.builds.stepped.attachWorker(region, this.settings, tag, reserved);
    return new Actor(this, this.builds.stepped.newHeap(region, membership), region, membership.owner, tag);
  }

  /** In setup: a worker that is there when the threads begin. Its tag is that of thread 1, 2, ... in this order. */
  attach(tag = this.nextTag++): Actor {
    const actor = now(this.attachSteps(tag));
    this.actors.push(actor);
    return actor;
  }

  note(text: string): void {
    this.notes.push(text);
  }

  freeze(): Frozen {
    const frozen = new Frozen();
    for (const { heap, region, owner } of this.actors) {
      const { table, subHeaps } = heap.sharing;
      for (const part of [heap, heap.attachment, table, subHeaps, region, owner, owner.slices]) frozen.add(part);
    }
    return frozen;
  }

  /** Everyone at rest: all invariants, and the ledger. `undertaker` then empties the heap, and nothing may be left. */
  audit(undertaker: Actor, allowance: number): void {
    const { plain } = this.builds;
    plain.checkHeap(this.plain, undertaker.owner.shape, this.settings);
    const live = new Map([...plain.walkBlocks(this.plain)].map(({ address, size }) => [address, size]));
    this.ledger.compare(live, allowance);
    for (const address of live.keys()) now(undertaker.heap.free(address));
    for (const actor of this.actors) if (this.isAttached(actor)) now(actor.heap.collect());
    now(undertaker.heap.collect());
    this.expectEmpty();
  }

  /** Nobody has died, so nothing may wait for a look at the whole heap. */
  expectNothingStranded(): void {
    const stranded = findStranded(this.plain, this.settings.transferSlots);
    if (stranded.length > 0) throw new Error(stranded.join('; '));
  }

  private slotState(slot: number): SlotState {
    return stateOf(Atomics.load(this.plain.i32, this.plain.slotWord(slot) + SlotWord.X_STATE));
  }

  isAttached({ owner }: Actor): boolean {
    const word = Atomics.load(this.plain.i32, this.plain.slotWord(owner.slot) + SlotWord.X_STATE);
    const id = (word >>> 13) * 1024 + owner.slot;
    return stateOf(word) === SlotState.LIVE && id === owner.workerId;
  }

  /**
   * Only the tables, one control block for each live worker and the chunks of the handle table are claimed, and every other slot is free. One that was reclaimed
   * by hand may keep its control block: its worker may be alive.
   */
  private expectEmpty(): void {
    const { plain } = this.builds;
    let live = 0;
    for (let slot = 1; slot <= this.plain.maxWorkers; slot++) {
      const state = this.slotState(slot);
      const name = Atomics.load(this.plain.i32, this.plain.slotWord(slot) + SlotWord.X_THREAD);
      if (state === SlotState.FREE && name !== 0) throw new Error(`slot ${slot} is free, but bears the name ${name}`);
      const keepsControl = Atomics.load(this.plain.i32, this.plain.slotWord(slot) + SlotWord.X_CONTROL) !== 0;
      if (state === SlotState.LIVE || (state === SlotState.FREE && keepsControl)) live++;
      else if (state !== SlotState.FREE && state !== SlotState.RESERVED)
        throw new Error(`slot ${slot} is in state ${state} when everyone is at rest`);
    }
    const claimed = plain.countClaimed(this.plain);
    const expected = this.plain.firstSlice - this.plain.baseSlice + live + this.handleChunks();
    if (claimed !== expected) throw new Error(`${claimed} slices are claimed when all is free, not ${expected}`);
  }

  /** Chunks of the handle table never go, those included that a worker was killed over before it put them in its list. */
  private handleChunks(): number {
    const { plain } = this;
    let chunks = 0;
    for (let slice = plain.firstSlice; slice < plain.endSlice; slice++)
      if (plain.i32[sliceWord(plain, slice, SliceWord.X_STATE)] === Kind.CONTROL) chunks++;
    return chunks;
  }
}

const noName = (): { field: string; of: string } => ({ field: '', of: '' });

/** A scenario as it is written down: who does what on a region prepared by `setup`. */
export interface Plot<State = unknown> {
  readonly name: string;
  /** What is proved. */
  readonly about: string;
  readonly options: StageOptions;
  /** Attaches the workers of the threads, in their order, and prepares the region. */
  setup(stage: Stage): State;
  readonly threads: readonly ((stage: Stage, state: State) => Steps<void>)[];
  /** Tags of workers that died before the scenario begins. Everybody who watches learns of it, also when others die. */
  readonly dead?: readonly number[];
  /** The threads free a block twice: whoever is handed it next may lose it, so heirs don't allocate. */
  readonly isMisuse?: boolean;
  /** Whether what the threads noted is right; asked when none has crashed. */
  verdict?(notes: readonly string[]): boolean;
  /** What is left for a worker to do that outlives all others, when they are at rest. */
  close?(last: Actor, state: State): void;
}

/** A plot of the heap as a play. */
export const onStage = (plot: Plot): Play => ({
  name: plot.name,
  about: plot.about,
  threads: plot.threads.length,
  produce: (builds) => new StageProduction(builds, plot),
});

/** A plot on its stage, ready for the explorer. */
class StageProduction implements Production {
  readonly name: string;
  readonly maxSteps = 20_000;
  readonly stage: Stage;
  private readonly state: unknown;
  private readonly frozen: Frozen;
  private readonly held: Map<number, Held>;
  private readonly undertaker: Actor;
  /** Threads that may die in this schedule: the others wait for it when their own work is done, and take over. */
  private victims: readonly number[] = [];
  private notice: Notice = 'exited';
  readonly storesBeforeHeritage: number[] = [];
  /** Threads that have done all their work, or are dead. */
  private readonly over = new Set<number>();

  constructor(
    builds: Builds,
    private readonly plot: Plot,
  ) {
    this.name = plot.name;
    this.stage = new Stage(builds, plot.options, plot.threads.length);
    this.undertaker = this.stage.attach();
    this.state = plot.setup(this.stage);
    this.frozen = this.stage.freeze();
    this.held = this.stage.ledger.copy();
    this.stage.machine.keep();
  }

  get machine(): Machine {
    return this.stage.machine;
  }

  start(): readonly Thread[] {
    const { stage, plot, state } = this;
    const { machine } = stage;
    stage.builds.stepped.link(machine);
    machine.rewind();
    this.frozen.thaw();
    stage.ledger.restore(this.held);
    stage.notes = [];
    this.over.clear();
    machine.begin();
    return plot.threads.map((script, index) => this.thread(index, this.role(index, script(stage, state))));
  }

  /**
   * From the next schedule on thread `points[i].thread` stops for ever before its store number `points[i].at`, and the others
   * learn of it by an exit event or by hand.
   */
  crash(points: readonly CrashPoint[], notice: Notice): void {
    this.notice = notice;
    this.stage.machine.crashAt.fill(0);
    for (const { thread, at } of points) this.stage.machine.crashAt[thread] = at;
    this.victims = points.map(({ thread }) => thread);
    this.storesBeforeHeritage.length = 0;
  }

  /** The script of a thread; then, once the victims are dead or done, what an heir does. */
  private *role(index: number, script: Steps<void>): Steps<void> {
    yield* script;
    this.over.add(index);
    const { crashed } = this.stage.machine;
    const others = this.victims.filter((victim) => victim !== index);
    if (others.length === 0) return;
    yield () => others.some((victim) => crashed.has(victim)) || others.every((victim) => this.over.has(victim));
    const heir = this.stage.actors.find(({ tag }) => tag === index + 1);
    if (heir === undefined || !this.stage.isAttached(heir)) return;
    const { stores } = this.stage.machine;
    this.storesBeforeHeritage[index] = Math.min(this.storesBeforeHeritage[index] ?? Infinity, stores[index]);
    for (const victim of others) {
      if (!crashed.has(victim)) continue;
      this.stage.machine.learnOf(victim);
      yield* heir.bury(victim + 1, this.notice);
    }
    if (crashed.size > 0) for (const tag of this.plot.dead ?? []) yield* heir.bury(tag);
    const block = this.plot.isMisuse === true ? 0 : yield* heir.tryMalloc(1024);
    if (block !== 0) yield* heir.free(block);
    yield* heir.collect();
  }

  private thread(index: number, steps: Steps<void>): Thread {
    const { machine } = this.stage;
    return {
      next: () => {
        machine.current = index;
        const step = steps.next();
        if (step.value === STOPPED) this.over.add(index);
        return step;
      },
    };
  }

  finish(): void {
    const { machine } = this.stage;
    machine.rest();
    if (machine.race !== undefined) throw new RaceError(machine.race, this.stage.builds.sites);
    const { notes } = this.stage;
    if (machine.crashed.size === 0 && this.plot.verdict?.(notes) === false)
      throw new Error(`the threads noted ${notes.join(', ')}`);
    if (machine.crashed.size === 0 && this.plot.isMisuse !== true) this.stage.expectNothingStranded();
    if (machine.crashed.size > 0) {
      for (const thread of machine.crashed) now(this.undertaker.bury(thread + 1, this.notice));
      for (const tag of this.plot.dead ?? []) now(this.undertaker.bury(tag));
      now(this.undertaker.collect());
    }
    this.plot.close?.(this.undertaker, this.state);
    this.stage.audit(this.undertaker, machine.crashed.size);
  }
}
