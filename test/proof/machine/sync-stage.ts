import { type HeapError, type Heap } from '../../../src/index.js';
import { STOPPED, type Thread } from '../../../src/testing/explorer.js';
import type { Builds, Steps, SyncModules } from './builds.js';
import { Machine, type WordMap } from './machine.js';
import type { CrashPoint, Play, Production } from './play.js';
import { RaceError } from './races.js';
import { now } from './stage.js';

const enum Place {
  /** Word of each thread: 1 while it is attached. As with the slots of a heap, one atomic load says so. */
  LIVE = 1,
  /** What locks guard in the scenarios. */
  DATA = 8,
  /** The first block; each begins on a cache line of its own. */
  BLOCKS = 16,
  LINE_WORDS = 16,
  WORDS = 2048,
}

/** Generation 1 of slot 1, 2, ... */
const workerIdOf = (thread: number): number => 1024 + thread + 1;

/** What the words of a block hold once it is freed: whoever uses them is seen to. */
const FREED_WORD = 0x7eedf00d;

/**
 * The heap's public face as far as the rooms `sync` and `collections` use it, over a few words. Its calls step like those of
 * the real one, but what the heap itself does is proved elsewhere: a block is there, or gone, in one instant.
 */
class TinyHeap {
  readonly workerId: number;

  constructor(
    private readonly stage: SyncStage,
    thread: number,
    readonly i32: Int32Array,
  ) {
    this.workerId = workerIdOf(thread);
  }

  get buffer(): ArrayBufferLike {
    return this.i32.buffer;
  }

  // eslint-disable-next-line require-yield
  *malloc(bytes: number): Steps<number> {
    return this.stage.place(Math.ceil(bytes / 4)) * 4;
  }

  // eslint-disable-next-line require-yield
  *calloc(bytes: number): Steps<number> {
    const words = Math.ceil(bytes / 4);
    const at = this.stage.place(words);
    this.stage.fill(at, words, 0);
    return at * 4;
  }

  // eslint-disable-next-line require-yield
  *free(address: number): Steps<void> {
    if (address !== 0) this.stage.displace(address / 4);
  }

  // eslint-disable-next-line require-yield
  *intern(text: string): Steps<number> {
    const { texts } = this.stage;
    return texts.includes(text) ? texts.indexOf(text) : texts.push(text) - 1;
  }

  // eslint-disable-next-line require-yield
  *interned(number: number): Steps<string | undefined> {
    return this.stage.texts[number];
  }

  // eslint-disable-next-line require-yield
  *usableSize(): Steps<number> {
    return Place.WORDS * 4;
  }

  *isAttached(workerId: number): Steps<boolean> {
    const word = Place.LIVE + workerId - workerIdOf(0);
    return (yield* this.stage.modules.load(this.i32, word)) === 1;
  }
}

/** What a thread of a scenario can do beside the calls that are proved. */
export class SyncActor {
  readonly heap: Heap;
  /** What this thread noted, for the verdict. */
  notes: string[] = [];

  constructor(
    readonly stage: SyncStage,
    readonly thread: number,
  ) {
    this.heap = new TinyHeap(stage, thread, stage.words) as unknown as Heap;
  }

  /** Raises a word by plain accesses: nobody else may do so meanwhile, and the race detector sees whether it is ordered. */
  *raise(word = 0): Steps<number> {
    const value = (yield* this.read(word)) + 1;
    yield* this.write(word, value);
    return value;
  }

  /** The same in one instant, and nobody dies in it. */
  raiseNow(): void {
    const { machine, words, site } = this.stage;
    machine.write(words, Place.DATA, machine.read(words, Place.DATA, site) + 1, site);
  }

  *read(word = 0): Steps<number> {
    const { machine, words, site } = this.stage;
    if (machine.loadPoint(words, Place.DATA + word)) yield machine.signal;
    return machine.read(words, Place.DATA + word, site);
  }

  *write(word: number, value: number): Steps<void> {
    const { machine, words, site } = this.stage;
    if (machine.storePoint(words, Place.DATA + word)) yield machine.signal;
    machine.write(words, Place.DATA + word, value, site);
  }

  /** What is done under a lock: nobody else may be inside, and whoever follows one that died inside must have been told. */
  *inside(isTold: boolean, others: 'none' | 'readers' = 'none'): Steps<void> {
    this.stage.enter(this, isTold, others);
    if (others === 'none') yield* this.raise();
    else yield* this.read();
    this.stage.leave(this);
  }

  /** Runs a call that may be refused with one of these codes; undefined if it was, with a note. */
  *unless<T>(codes: readonly string[], steps: Steps<T>): Steps<T | undefined> {
    try {
      return yield* steps;
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error) || !codes.includes(String(error.code))) throw error;
      this.notes.push(String(error.code));
      return undefined;
    }
  }

  /** Takes a lock and says whether somebody died inside. */
  *taking<Held>(steps: Steps<Held>): Steps<{ guard: Held; isTold: boolean }> {
    try {
      return { guard: yield* steps, isTold: false };
    } catch (error) {
      const { code, guard } = error as HeapError;
      if (code !== 'ERR_SYNC_OWNER_DIED') throw error;
      this.notes.push(code);
      return { guard: guard as Held, isTold: true };
    }
  }
}

/** A few words, and threads that synchronise by what lies in them. */
export class SyncStage {
  readonly words = new Int32Array(new SharedArrayBuffer(Place.WORDS * 4));
  readonly machine: Machine;
  readonly modules: SyncModules;
  readonly actors: readonly SyncActor[];
  /** For accesses by the scenario itself. */
  readonly site: number;
  /** Who is inside, and how. */
  readonly present = new Map<SyncActor, 'none' | 'readers'>();
  /** What collections hold, by the numbers that name it in them. */
  readonly texts: string[] = [];
  private nextBlock = Place.BLOCKS as number;
  /** Words of the blocks that are there, by their first. */
  private blocks = new Map<number, number>();
  private kept: { readonly nextBlock: number; readonly blocks: ReadonlyMap<number, number> } | undefined;

  constructor(
    readonly builds: Builds,
    threads: number,
  ) {
    this.modules = builds.sync;
    this.site = builds.sites.length;
    const map: WordMap = {
      buffer: this.words.buffer,
      length: Place.WORDS,
      isShared: () => true,
      name: (word) => ({ field: `word ${word}`, of: 'the sync stage' }),
    };
    const tags = Array.from({ length: threads + 1 }, (_, i) => i + 1);
    this.machine = new Machine(map, threads + 1, tags, () => false);
    builds.stepped.link(this.machine);
    this.words.fill(1, Place.LIVE, Place.LIVE + threads);
    this.actors = Array.from({ length: threads }, (_, thread) => new SyncActor(this, thread));
    // Asks the engine once for all schedules.
    const ask: (...words: string[]) => unknown = this.modules.checkMayBlock;
    now(ask('', '') as Steps<void>);
  }

  /** Words for a block. No place serves twice, so that whoever holds on to a block that is gone finds what it was freed with. */
  place(words: number): number {
    const at = this.nextBlock;
    this.nextBlock += Math.max(1, Math.ceil(words / Place.LINE_WORDS)) * Place.LINE_WORDS;
    if (this.nextBlock > Place.WORDS) throw new RangeError('the stage is too small for these blocks');
    this.blocks.set(at, words);
    return at;
  }

  displace(at: number): void {
    const words = this.blocks.get(at);
    if (words === undefined) throw new Error(`word ${at} is freed, and is no block`);
    this.blocks.delete(at);
    // Atomically: who reads without a lock, and looks afterwards whether it was right to, may still look at the words.
    for (let word = at; word < at + words; word++) this.machine.store(this.words, word, FREED_WORD, this.site, false);
  }

  fill(at: number, words: number, value: number): void {
    for (let word = at; word < at + words; word++) this.machine.write(this.words, word, value, this.site);
  }

  /** Number of blocks that are there. */
  get liveBlocks(): number {
    return this.blocks.size;
  }

  /** What there is now is what every schedule begins with. */
  keep(): void {
    this.machine.keep();
    this.kept = { nextBlock: this.nextBlock, blocks: new Map(this.blocks) };
  }

  rewind(): void {
    this.machine.rewind();
    if (this.kept === undefined) return;
    this.nextBlock = this.kept.nextBlock;
    this.blocks = new Map(this.kept.blocks);
  }

  data(word = 0): number {
    return this.words[Place.DATA + word];
  }

  enter(actor: SyncActor, isTold: boolean, others: 'none' | 'readers'): void {
    for (const [other, kind] of this.present) {
      const isDead = this.machine.crashed.has(other.thread);
      if (isDead && (isTold || kind === 'readers')) this.present.delete(other);
      else if (isDead) throw new Error(`thread ${actor.thread} was not told that ${other.thread} died inside`);
      else if (others === 'none' || kind === 'none')
        throw new Error(`threads ${other.thread} and ${actor.thread} are inside at once`);
    }
    this.present.set(actor, others);
  }

  leave(actor: SyncActor): void {
    this.present.delete(actor);
  }

  /** What the others learn of a death: the slot is no longer attached, and who sleeps looks again. */
  *bury(thread: number): Steps<void> {
    this.machine.learnOf(thread);
    yield* this.modules.store(this.words, Place.LIVE + thread, 0);
    this.machine.notice();
  }
}

export interface SyncPlot<Cast> {
  readonly name: string;
  readonly about: string;
  /** Makes the records and opens them for each thread. */
  setup(stage: SyncStage): readonly Cast[];
  readonly scripts: readonly ((actor: SyncActor, cast: Cast) => Steps<void>)[];
  /** Threads that may die without leaving others to wait for what only they could do; all if not given. */
  readonly mortals?: readonly number[];
  /** Throws if the outcome is wrong; asked after every schedule. */
  verdict?(stage: SyncStage, casts: readonly Cast[]): void;
}

class SyncProduction<Cast> implements Production {
  readonly name: string;
  readonly maxSteps = 3000;
  readonly storesBeforeHeritage: number[];
  private readonly stage: SyncStage;
  private readonly casts: readonly Cast[];
  private victims: readonly number[] = [];
  private readonly over = new Set<number>();

  constructor(
    private readonly builds: Builds,
    private readonly plot: SyncPlot<Cast>,
  ) {
    this.name = plot.name;
    this.stage = new SyncStage(builds, plot.scripts.length);
    this.casts = plot.setup(this.stage);
    this.storesBeforeHeritage = plot.scripts.map(() => 0);
    this.stage.keep();
  }

  get machine(): Machine {
    return this.stage.machine;
  }

  crash(points: readonly CrashPoint[]): void {
    this.machine.crashAt.fill(0);
    for (const { thread, at } of points) this.machine.crashAt[thread] = at;
    this.victims = points.map(({ thread }) => thread);
  }

  start(): readonly Thread[] {
    const { stage, plot, casts, machine } = this;
    this.builds.stepped.link(machine);
    stage.rewind();
    stage.present.clear();
    this.over.clear();
    machine.begin();
    const scripts = plot.scripts.map((script, index) => {
      stage.actors[index].notes = [];
      return script(stage.actors[index], casts[index]);
    });
    return [...scripts, this.watch()].map((steps, index) => this.thread(index, steps));
  }

  /** One more thread, which learns of deaths as `heap.watch` does. */
  private *watch(): Steps<void> {
    const { crashed } = this.machine;
    const buried = new Set<number>();
    while (this.victims.length > 0) {
      const isOver = (): boolean => this.plot.scripts.every((_, index) => this.over.has(index));
      const next = (): number | undefined => [...crashed].find((thread) => !buried.has(thread));
      yield () => next() !== undefined || isOver();
      const dead = next();
      if (dead === undefined) return;
      buried.add(dead);
      yield* this.stage.bury(dead);
    }
  }

  private thread(index: number, steps: Steps<void>): Thread {
    return {
      next: () => {
        this.machine.current = index;
        const step = steps.next();
        if (step.done === true || step.value === STOPPED) this.over.add(index);
        return step;
      },
    };
  }

  finish(): void {
    const { machine, stage, builds } = this;
    machine.rest();
    const sites = [...builds.sites, { place: 'the scenario', inside: 'the scenario' }];
    if (machine.race !== undefined) throw new RaceError(machine.race, sites);
    this.plot.verdict?.(stage, this.casts);
  }
}

export const onSyncStage = <Cast>(plot: SyncPlot<Cast>): Play => ({
  name: plot.name,
  about: plot.about,
  threads: plot.scripts.length,
  isShort: true,
  ...(plot.mortals === undefined ? {} : { mortals: plot.mortals }),
  produce: (builds) => new SyncProduction(builds, plot),
});
