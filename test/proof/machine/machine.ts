import { STOPPED } from '../../../src/testing/explorer.js';

/** What a word of the region is: for reports, and for the list of argued exceptions. */
export interface WordName {
  /** Record and field, `SliceWord.X_STATE`, or the name of a table. */
  readonly field: string;
  /** Which one: slice, slot, class. */
  readonly of: string;
}

/** Where each word belongs; made once for a region. */
export interface WordMap {
  readonly buffer: SharedArrayBuffer;
  readonly length: number;
  /** Words that several workers touch: plain accesses to them are points too. */
  isShared(word: number): boolean;
  name(word: number): WordName;
}

const enum Access {
  PLAIN_READ = 0,
  PLAIN_WRITE = 1,
  ATOMIC_READ = 2,
  ATOMIC_WRITE = 3,
}
const KINDS = 4;
const KIND_NAMES = ['plain read', 'plain write', 'atomic read', 'atomic write'];

/** What a kind of access conflicts with: at least one write, at least one of the two plain. */
const CONFLICTS: readonly (readonly Access[])[] = [
  [Access.PLAIN_WRITE, Access.ATOMIC_WRITE],
  [Access.PLAIN_READ, Access.PLAIN_WRITE, Access.ATOMIC_READ, Access.ATOMIC_WRITE],
  [Access.PLAIN_WRITE],
  [Access.PLAIN_READ, Access.PLAIN_WRITE],
];

/** Two accesses that nothing orders. */
export interface Race {
  readonly word: number;
  readonly name: WordName;
  readonly kinds: readonly [string, string];
  readonly sites: readonly [number, number];
}

/** An access to the watched word, with its stack. */
export interface Sighting {
  readonly kind: string;
  readonly site: number;
  readonly thread: number;
  readonly stack: string;
}

/** A thread that sleeps on a word. `mayGoOn` is what it yields: the explorer moves it when that is true. */
export interface Sleeper {
  readonly word: number;
  readonly thread: number;
  readonly milliseconds: number;
  isWoken: boolean;
  readonly mayGoOn: () => boolean;
}

/** Sleeps of so many milliseconds are naps: nobody ends them but their time. */
const NAP_MS = 1;

/**
 * What the stepped build of the heap runs on. It performs every access to the region, and for each
 *
 * - tells whether others may move before it (`loadPoint`, `storePoint`),
 * - keeps vector clocks (Lamport 1978; Mattern 1989; for races as in Flanagan and Freund, "FastTrack", PLDI 2009) by the
 *   rules of JavaScript's memory model: an atomic read synchronises with the atomic write it reads, nothing else does,
 * - counts stores, and stops a chosen thread before its k-th,
 * - notes the old value, so that the next schedule finds the region as this one found it.
 */
export class Machine {
  /** What the next point yields: STOPPED where the moving thread dies. */
  signal: typeof STOPPED | undefined = undefined;
  current = 0;
  /** Each thread stops for ever before its store of this number; 0 for never. */
  readonly crashAt: Int32Array;
  /** Threads that a crash has stopped in this schedule. */
  readonly crashed = new Set<number>();
  /** Stores of each thread in this schedule, the one before which it stopped included. */
  readonly stores: Int32Array;
  /** Every race found so far, by sites and kinds; true if it is excused. */
  readonly races = new Map<number, boolean>();
  /** The first race of this schedule that is not excused. */
  race: Race | undefined;
  /** A word whose every access is to be seen with its stack. */
  watched = -1;
  sightings: Sighting[] = [];
  /** Accesses in all. */
  accesses = 0;
  /** Milliseconds that have passed: those of sleeps that timed out. */
  clock = 0;

  /** Who sleeps, the longest first. */
  private sleepers: Sleeper[] = [];
  /** Deaths that were noticed, and how many of them each thread's last look came after. */
  private notices = 0;
  /** Whether every thread that is not at its end sleeps. */
  areAllAsleep = (): boolean => false;
  private readonly noticesSeen: Int32Array;
  private readonly looks: Int32Array;

  private isRecording = false;
  private readonly buffer: SharedArrayBuffer;
  private readonly words: Int32Array;
  private readonly shared: Uint8Array;
  private readonly undoWords: number[] = [];
  private readonly undoValues: number[] = [];
  private run = 0;
  private readonly stamps: Int32Array;
  /** Clock and site of the last access of each word, kind and thread. */
  private readonly clocks: Int32Array;
  private readonly sites: Int32Array;
  /** What each thread knows of the others, and what the last atomic write of a word published. */
  private readonly known: Int32Array;
  private readonly published: Int32Array;

  constructor(
    private readonly map: WordMap,
    private readonly threads: number,
    private readonly tags: readonly number[],
    private readonly isExcused: (race: Race) => boolean,
  ) {
    this.buffer = map.buffer;
    this.words = new Int32Array(map.buffer);
    this.stores = new Int32Array(threads);
    this.crashAt = new Int32Array(threads);
    this.noticesSeen = new Int32Array(threads);
    this.looks = new Int32Array(threads);
    this.shared = Uint8Array.from({ length: map.length }, (_, word) => (map.isShared(word) ? 1 : 0));
    this.stamps = new Int32Array(map.length);
    this.clocks = new Int32Array(map.length * KINDS * threads);
    this.sites = new Int32Array(map.length * KINDS * threads);
    this.published = new Int32Array(map.length * threads);
    this.known = new Int32Array(threads * threads);
  }

  /** Identity of the moving thread, as `platform/host` would say it. */
  threadTag(): number {
    return this.tags[this.current];
  }

  /** Begins a schedule: from here on accesses are recorded, and `rewind` undoes them. */
  begin(): void {
    this.run++;
    this.known.fill(0);
    for (let thread = 0; thread < this.threads; thread++) this.known[thread * this.threads + thread] = 1;
    this.stores.fill(0);
    this.crashed.clear();
    this.signal = undefined;
    this.race = undefined;
    this.sightings = [];
    this.sleepers = [];
    this.notices = 0;
    this.noticesSeen.fill(0);
    this.looks.fill(0);
    this.clock = 0;
    this.isRecording = true;
  }

  /** Ends the recording; what follows (checks, burials) can still be rewound. */
  rest(): void {
    this.isRecording = false;
  }

  /** Everything since `begin` is undone. */
  rewind(): void {
    const { undoWords, undoValues, words } = this;
    for (let i = undoWords.length - 1; i >= 0; i--) words[undoWords[i]] = undoValues[i];
    this.keep();
  }

  /** What happened so far is the state that `rewind` goes back to. */
  keep(): void {
    this.undoWords.length = 0;
    this.undoValues.length = 0;
    this.isRecording = false;
  }

  /** The moving thread learns of another one's end, as by an exit event: all that one did happened before. */
  learnOf(thread: number): void {
    for (let i = 0; i < this.threads; i++) {
      const at = this.current * this.threads + i;
      this.known[at] = Math.max(this.known[at], this.known[thread * this.threads + i]);
    }
  }

  /** A death has been noticed: whoever sleeps looks once more, as it would when its time is over. */
  notice(): void {
    this.notices++;
  }

  /**
   * Puts the moving thread to sleep. A sleep without a limit ends by a wake-up, once after each death that is noticed, and, if there
   * was one, when all are asleep: what the dead owed to others may hold somebody up who comes later. So
   * a wake-up that is lost without a death is a schedule in which threads wait for each other. One with a limit may end at any
   * time, a nap when its word has changed, for otherwise it would nap again.
   */
  sleep(array: Int32Array, word: number, milliseconds: number): Sleeper {
    const thread = this.current;
    const value = array[word];
    const isOver = (): boolean => (milliseconds === NAP_MS ? array[word] !== value : milliseconds < Infinity);
    const sleeper: Sleeper = {
      word,
      thread,
      milliseconds,
      isWoken: false,
      mayGoOn: () =>
        sleeper.isWoken ||
        this.notices > this.noticesSeen[thread] ||
        (this.notices > 0 && this.areAllAsleep() && this.isTurnOf(thread)) ||
        isOver(),
    };
    this.sleepers.push(sleeper);
    return sleeper;
  }

  /** Of those that look again because all are asleep, each does so as often as the others. */
  private isTurnOf(thread: number): boolean {
    return this.sleepers.every((sleeper) => this.looks[sleeper.thread] >= this.looks[thread]);
  }

  isAsleep(thread: number): boolean {
    return this.sleepers.some((sleeper) => sleeper.thread === thread);
  }

  rise(sleeper: Sleeper): 'ok' | 'timed-out' {
    this.noticesSeen[sleeper.thread] = this.notices;
    this.looks[sleeper.thread]++;
    if (sleeper.isWoken) return 'ok';
    this.sleepers.splice(this.sleepers.indexOf(sleeper), 1);
    if (sleeper.milliseconds < Infinity) this.clock += sleeper.milliseconds;
    return 'timed-out';
  }

  wake(word: number, count: number): number {
    const woken = this.sleepers.filter((sleeper) => sleeper.word === word).slice(0, count);
    for (const sleeper of woken) sleeper.isWoken = true;
    this.sleepers = this.sleepers.filter((sleeper) => !sleeper.isWoken);
    return woken.length;
  }

  private isMine(array: Int32Array): boolean {
    return array.buffer === this.buffer && array.byteOffset === 0;
  }

  loadPoint(array: Int32Array, word: number): boolean {
    this.signal = undefined;
    return this.isRecording && this.shared[word] === 1 && this.isMine(array);
  }

  storePoint(array: Int32Array, word: number): boolean {
    this.signal = undefined;
    if (!this.isRecording || !this.isMine(array)) return false;
    const { current } = this;
    if (++this.stores[current] === this.crashAt[current]) {
      this.signal = STOPPED;
      this.crashed.add(current);
      return true;
    }
    return this.shared[word] === 1;
  }

  read(array: Int32Array, word: number, site: number): number {
    if (this.isRecording && this.isMine(array)) this.note(word, Access.PLAIN_READ, site);
    return array[word];
  }

  write(array: Int32Array, word: number, value: number, site: number): number {
    if (this.isMine(array)) {
      if (this.isRecording) {
        this.note(word, Access.PLAIN_WRITE, site);
        // A later atomic read that sees this value synchronises with nothing.
        this.forget(word);
      }
      this.log(array, word);
    }
    array[word] = value;
    return value;
  }

  *fill(array: Int32Array, site: number, value: number, from: number, to: number): Generator<unknown, void, undefined> {
    for (let word = from; word < to; word++) {
      if (this.storePoint(array, word)) yield this.signal;
      this.write(array, word, value, site);
    }
  }

  *copyWithin(
    array: Int32Array,
    site: number,
    to: number,
    from: number,
    end: number,
  ): Generator<unknown, void, undefined> {
    for (let i = 0; i < end - from; i++) {
      const value = this.read(array, from + i, site);
      if (this.storePoint(array, to + i)) yield this.signal;
      this.write(array, to + i, value, site);
    }
  }

  load(array: Int32Array, word: number, site: number): number {
    if (this.isRecording && this.isMine(array)) {
      this.note(word, Access.ATOMIC_READ, site);
      this.acquire(word);
    }
    return Atomics.load(array, word);
  }

  /** An atomic store, and with `isUpdate` a read and a store in one. */
  store(array: Int32Array, word: number, value: number, site: number, isUpdate: boolean): void {
    if (this.isMine(array)) {
      if (this.isRecording) {
        if (isUpdate) this.acquire(word);
        this.note(word, Access.ATOMIC_WRITE, site);
        this.release(word);
      }
      this.log(array, word);
    }
    Atomics.store(array, word, value);
  }

  update(array: Int32Array, word: number, value: number, site: number): number {
    const old = Atomics.load(array, word);
    this.store(array, word, value, site, true);
    return old;
  }

  compareExchange(array: Int32Array, word: number, expected: number, value: number, site: number): number {
    const old = Atomics.load(array, word);
    if (old === expected) this.store(array, word, value, site, true);
    else this.load(array, word, site);
    return old;
  }

  private log(array: Int32Array, word: number): void {
    this.undoWords.push(word);
    this.undoValues.push(array[word]);
  }

  /** Slots of a word's clocks that an earlier schedule left are forgotten when the word is first met in this one. */
  private refresh(word: number): void {
    if (this.stamps[word] === this.run) return;
    this.stamps[word] = this.run;
    const size = KINDS * this.threads;
    for (let i = word * size; i < (word + 1) * size; i++) this.clocks[i] = 0;
    this.forget(word);
  }

  private forget(word: number): void {
    for (let i = word * this.threads; i < (word + 1) * this.threads; i++) this.published[i] = 0;
  }

  private acquire(word: number): void {
    const mine = this.current * this.threads;
    const from = word * this.threads;
    for (let i = 0; i < this.threads; i++)
      if (this.published[from + i] > this.known[mine + i]) this.known[mine + i] = this.published[from + i];
  }

  private release(word: number): void {
    const mine = this.current * this.threads;
    const to = word * this.threads;
    for (let i = 0; i < this.threads; i++) this.published[to + i] = this.known[mine + i];
    this.known[mine + this.current]++;
  }

  private note(word: number, kind: Access, site: number): void {
    this.accesses++;
    this.refresh(word);
    const { threads, current } = this;
    const base = word * KINDS * threads;
    for (const other of CONFLICTS[kind]) {
      for (let thread = 0; thread < threads; thread++) {
        const at = base + other * threads + thread;
        if (thread !== current && this.clocks[at] > this.known[current * threads + thread])
          this.report(word, other, this.sites[at], kind, site);
      }
    }
    const at = base + kind * threads + current;
    this.clocks[at] = this.known[current * threads + current];
    this.sites[at] = site;
    if (word === this.watched) this.see(kind, site);
  }

  private report(word: number, firstKind: Access, firstSite: number, secondKind: Access, secondSite: number): void {
    const key = ((firstKind * KINDS + secondKind) * 1024 + firstSite) * 1024 + secondSite;
    let isExcused = this.races.get(key);
    if (isExcused === true) return;
    const kinds = [KIND_NAMES[firstKind], KIND_NAMES[secondKind]] as const;
    const race: Race = { word, name: this.map.name(word), kinds, sites: [firstSite, secondSite] };
    this.races.set(key, (isExcused ??= this.isExcused(race)));
    if (!isExcused) this.race ??= race;
  }

  private see(kind: Access, site: number): void {
    const stack = new Error().stack ?? '';
    this.sightings.push({ kind: KIND_NAMES[kind], site, thread: this.current, stack });
  }
}
