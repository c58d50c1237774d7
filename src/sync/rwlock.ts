import * as atomics from '#atomics';
import { type Heap } from '../index.js';
import {
  type AsyncLimit,
  block,
  checkMayBlock,
  checkRecord,
  checkTimeout,
  deadlock,
  Holder,
  HolderWaiter,
  Kind,
  later,
  makeRecord,
  notHolder,
  publishRecord,
  SharedObject,
  timedOut,
  type TimeLimit,
  Waiter,
  wrongArgument,
} from '../records/index.js';
import { Guard } from './guard.js';
import { CellBits, RwLockWord } from './layout.js';

const READERS_MOST = 1024;
/** The record takes 128 bytes. */
export const READERS_USUAL = 25;

export function checkReaders(call: string, readers: unknown): void {
  if (!Number.isInteger(readers) || (readers as number) < 1 || (readers as number) > READERS_MOST)
    throw wrongArgument(call, `readers is ${String(readers)}; it must be from 1 to ${READERS_MOST}`, { readers });
}

export interface RwLockOptions {
  /** Read guards at the same time, those waiting included; further readers wait. 1 to 1,024, 25 if not given; 4 bytes each. */
  readonly readers?: number;
}

/**
 * The cells of the readers. Each reader has one with its id in it, so one that dies can be found. Against a writer stands
 * Dekker's order: a reader enters itself and then looks for a writer, a writer takes its word and then looks for readers, so
 * at least one sees the other.
 *
 * Who reads waits for one writer at most: it marks its cell WANTS, and a writer that leaves takes the mark off, which lets
 * the reader in before the next writer has the word. (Brandenburg and Anderson, "Reader-writer synchronization for
 * shared-memory multiprocessor real-time systems", ECRTS 2009: phase-fair.)
 */
class Cells {
  private readonly at: number;
  private readonly first: number;
  private readonly count: number;

  constructor(
    private readonly heap: Heap,
    private readonly address: number,
  ) {
    this.at = address / 4;
    this.first = this.at + RwLockWord.X_CELLS;
    this.count = heap.i32[this.at + RwLockWord.CELLS];
  }

  /** The word on which those sleep that wait for a reader to leave. */
  get leftWord(): number {
    return this.at + RwLockWord.X_LEFT;
  }

  /** Announces that somebody waits for a reader to leave; returns the value on which to sleep if then none has. */
  awaitLeaving(): number {
    return atomics.or(this.heap.i32, this.leftWord, 1) | 1;
  }

  /** After a reader has left: wakes those that have announced themselves before they looked at its cell. */
  tellOfLeaving(): void {
    const words = this.heap.i32;
    const seen = atomics.load(words, this.leftWord);
    // If it has changed, somebody else has told them.
    if ((seen & 1) === 0 || atomics.compareExchange(words, this.leftWord, seen, (seen + 1) | 0) !== seen) return;
    atomics.notify(words, this.leftWord, Infinity);
  }

  /** Takes a free cell for a reader; 0 if there is none. */
  claim(me: number): number {
    const words = this.heap.i32;
    for (let cell = this.first; cell < this.first + this.count; cell++) {
      if (atomics.load(words, cell) !== 0) continue;
      this.raise(cell + 1 - this.first);
      if (atomics.compareExchange(words, cell, 0, me) === 0) return cell;
    }
    return 0;
  }

  private raise(count: number): void {
    const word = this.at + RwLockWord.X_HIGH;
    for (;;) {
      const seen = atomics.load(this.heap.i32, word);
      if (seen >= count || atomics.compareExchange(this.heap.i32, word, seen, count) === seen) return;
    }
  }

  /** Behind the last cell in which there may be a reader. */
  private end(): number {
    return this.first + atomics.load(this.heap.i32, this.at + RwLockWord.X_HIGH);
  }

  /** Frees the cells of readers that died. True if there were any. */
  clearDead(): boolean {
    let found = false;
    for (let cell = this.first, end = this.end(); cell < end; cell++) {
      const seen = atomics.load(this.heap.i32, cell);
      const reader = seen & CellBits.ID;
      if (reader === 0 || this.heap.isAttached(reader)) continue;
      if (atomics.compareExchange(this.heap.i32, cell, seen, 0) === seen) found = true;
    }
    return found;
  }

  /** A living reader that is inside; 0 if none is. Asked by a writer that has the word. */
  inside(): number {
    for (let cell = this.first, end = this.end(); cell < end; cell++) {
      const reader = atomics.load(this.heap.i32, cell);
      if (reader === 0 || (reader & CellBits.WANTS) !== 0) continue;
      if (this.heap.isAttached(reader)) return reader;
      atomics.compareExchange(this.heap.i32, cell, reader, 0);
    }
    return 0;
  }

  /** Whether this worker is inside as a reader, by another cell than this one. */
  isInside(me: number, but: number): boolean {
    for (let cell = this.first, end = this.end(); cell < end; cell++)
      if (cell !== but && atomics.load(this.heap.i32, cell) === me) return true;
    return false;
  }

  /** Lets the readers in that wait; said by a writer that still has the word, so none of the next writer's doing comes between. */
  letIn(): void {
    const wants = this.at + RwLockWord.X_WANTS;
    if (atomics.load(this.heap.i32, wants) === 0) return;
    // Before the look: who marks its cell after it sets the word again.
    atomics.store(this.heap.i32, wants, 0);
    this.change((seen) => seen & CellBits.ID);
  }

  /** Has the readers look again that marked their cells between letIn() and the release of the word. */
  nudge(): void {
    if (atomics.load(this.heap.i32, this.at + RwLockWord.X_WANTS) !== 0) this.change((seen) => seen | CellBits.NUDGED);
  }

  private change(next: (seen: number) => number): void {
    const words = this.heap.i32;
    for (let cell = this.first, end = this.end(); cell < end; cell++) {
      const seen = atomics.load(words, cell);
      if ((seen & CellBits.WANTS) === 0) continue;
      // The value differs from the one on which the reader sleeps or is about to.
      if (atomics.compareExchange(words, cell, seen, next(seen)) === seen) atomics.notify(words, cell, Infinity);
    }
  }

  /** A reader's cell is marked: it waits. */
  want(cell: number, me: number): void {
    // A writer may have seen the reader inside.
    if (atomics.compareExchange(this.heap.i32, cell, me, me | CellBits.WANTS) !== me)
      throw notHolder('read', this.address);
    atomics.store(this.heap.i32, this.at + RwLockWord.X_WANTS, 1);
    this.tellOfLeaving();
  }

  /** The reader enters by itself. False if a writer has let it in meanwhile. */
  enter(cell: number, me: number): boolean {
    for (;;) {
      const seen = atomics.load(this.heap.i32, cell);
      if (seen === me) return false;
      if ((seen & CellBits.ID) !== me) throw notHolder('read', this.address);
      if (atomics.compareExchange(this.heap.i32, cell, seen, me) === seen) return true;
    }
  }

  /** A reader leaves, wherever it is. Throws ERR_SYNC_NOT_HOLDER if the cell was taken from it as from a dead one. */
  leave(cell: number, me: number, call: string): void {
    for (;;) {
      const seen = atomics.load(this.heap.i32, cell);
      if ((seen & CellBits.ID) !== me) throw notHolder(call, this.address);
      // Publishes that it has read all it wanted to the writer that sees the cell empty.
      if (atomics.compareExchange(this.heap.i32, cell, seen, 0) === seen) break;
    }
    this.tellOfLeaving();
  }
}

/** Waits to be let in as a reader. */
class ReadWaiter extends Waiter {
  declare cell: number;
  declare private isWaiting: boolean;
  declare private readonly lock: RwLock;
  declare private readonly call: string | undefined;

  constructor(lock: RwLock, call: string | undefined) {
    super();
    this.lock = lock;
    this.call = call;
    this.cell = 0;
    this.isWaiting = false;
  }

  override attempt(): boolean {
    if (this.cell === 0 && !this.claim()) return false;
    const { cells, holder, heap } = this.lock;
    for (;;) {
      // After a wait: either a writer has let it in, whatever the word says, or it enters and looks.
      if (this.isWaiting && !cells.enter(this.cell, holder.me)) return true;
      // The cell says that it is inside; if no writer is seen now, any later one will see the cell.
      if (!this.isBarred()) return true;
      cells.want(this.cell, holder.me);
      this.isWaiting = true;
      // Looked at after the mark: a writer that leaves from now on sees it.
      if (!this.isBarred()) continue;
      this.refuseCircle(heap);
      this.word = this.cell;
      this.value = holder.me | CellBits.WANTS;
      return false;
    }
  }

  private claim(): boolean {
    const { cells, holder } = this.lock;
    this.cell = cells.claim(holder.me);
    if (this.cell !== 0) return true;
    this.word = cells.leftWord;
    this.value = cells.awaitLeaving();
    cells.clearDead();
    // Looked at after the announcement: a reader that leaves from now on sees that.
    this.cell = cells.claim(holder.me);
    return this.cell !== 0;
  }

  /** Whether there is a writer. One that died is no longer. */
  private isBarred(): boolean {
    const { holder, heap, cells } = this.lock;
    for (;;) {
      const writer = holder.current();
      if (writer === 0) return false;
      if (heap.isAttached(writer)) return true;
      if (!holder.bury(writer)) continue;
      cells.nudge();
      return false;
    }
  }

  /** The writer waits for all readers: one that blocks its thread while it is inside already would never leave. */
  private refuseCircle(heap: Heap): void {
    const { cells, holder, address } = this.lock;
    if (this.call === undefined) return;
    const isWriter = holder.current() === heap.workerId;
    if (!isWriter && !cells.isInside(holder.me, this.cell)) return;
    cells.leave(this.cell, holder.me, this.call);
    throw deadlock(this.call, address, `this worker holds the lock already, as a ${isWriter ? 'writer' : 'reader'}`);
  }

  override giveUp(): boolean {
    const { cells, holder } = this.lock;
    if (this.cell !== 0) cells.leave(this.cell, holder.me, 'read');
    return false;
  }

  override passOn(): void {
    // All that sleep on a word are woken together.
  }
}

/** Waits for the word, then for the readers inside to leave. */
class WriteWaiter extends HolderWaiter {
  declare private hasWord: boolean;
  declare private readonly lock: RwLock;

  constructor(lock: RwLock, call: string | undefined) {
    super(lock.holder, call);
    this.lock = lock;
    this.hasWord = false;
  }

  override attempt(): boolean {
    if (!this.hasWord) {
      this.word = this.holder.word;
      if (!super.attempt()) return false;
      this.hasWord = true;
    }
    const { cells } = this.lock;
    if (cells.inside() === 0) return true;
    this.word = cells.leftWord;
    this.value = cells.awaitLeaving();
    // Looked at after the announcement: a reader that leaves from now on sees that.
    const reader = cells.inside();
    if (reader === 0) return true;
    if (this.call === undefined || !cells.isInside(this.holder.me, 0)) return false;
    this.giveUp();
    throw deadlock(this.call, this.lock.address, 'this worker holds the lock already, as a reader');
  }

  override giveUp(): boolean {
    if (!this.hasWord) return super.giveUp();
    this.lock.leaveWrite('write');
    return false;
  }
}

/** A read-write lock that is held for reading. */
export class ReadGuard extends Guard {
  declare private readonly lock: RwLock;
  declare private readonly cell: number;

  /** @internal */
  constructor(lock: RwLock, cell: number) {
    super(lock.address);
    this.lock = lock;
    this.cell = cell;
  }

  /** @internal */
  protected release(): void {
    this.lock.cells.leave(this.cell, this.lock.holder.me, 'unlock');
  }
}

/** A read-write lock that is held for writing. */
export class WriteGuard extends Guard {
  declare private readonly lock: RwLock;

  /** @internal */
  constructor(lock: RwLock) {
    super(lock.address);
    this.lock = lock;
  }

  /** Says that what the lock guards is in order again after a writer died. */
  repaired(): void {
    this.check('repaired');
    this.lock.holder.repaired();
  }

  /** @internal */
  protected release(): void {
    this.lock.leaveWrite('unlock');
  }
}

/**
 * Many readers or one writer. Nobody starves: a writer keeps new readers out while it waits for those inside, and lets those
 * that wait in when it leaves.
 *
 * A reader that waits asynchronously may be let in while its thread is blocked elsewhere; then it is inside, and writers wait,
 * until that thread runs on.
 *
 * A reader that dies is forgotten. When a writer dies, everybody after it, readers too, gets OwnerDiedError together with a
 * guard, until a writer has said that it `repaired()`. It counts from the moment on at which it keeps readers out.
 */
export class RwLock extends SharedObject {
  /** @internal */
  readonly holder: Holder;
  /** @internal */
  readonly cells: Cells;

  /** Throws ERR_SYNC_ARGUMENT for a number of readers that can't be. */
  static create(heap: Heap, { readers = READERS_USUAL }: RwLockOptions = {}): RwLock {
    checkReaders('RwLock.create', readers);
    const address = makeRecord(heap, RwLockWord.X_CELLS + readers);
    heap.i32[address / 4 + RwLockWord.CELLS] = readers;
    publishRecord(heap, address, Kind.RWLOCK);
    return new RwLock(heap, address, true);
  }

  /** Opens the lock at an address. Throws ERR_HEAP_KIND if there is none. */
  static at(heap: Heap, address: number): RwLock {
    checkRecord(heap, address, Kind.RWLOCK, RwLockWord.X_CELLS + 1);
    return new RwLock(heap, address, false);
  }

  /** @internal What a field of a struct holds: the definition says what lies there, zero words are one that nobody uses. */
  static within(heap: Heap, address: number, readers: number): RwLock {
    // Everybody stores the same.
    atomics.store(heap.i32, address / 4 + RwLockWord.CELLS, readers);
    return new RwLock(heap, address, false);
  }

  private constructor(heap: Heap, address: number, isMaker: boolean) {
    super(heap, address, isMaker);
    this.holder = new Holder(heap, address, RwLockWord.X_STATE, RwLockWord.X_LOST);
    this.cells = new Cells(heap, address);
  }

  /** @internal */
  get kind(): Kind {
    return Kind.RWLOCK;
  }

  /** @internal */
  protected isInUse(): boolean {
    return this.holder.isHeld() || this.cells.inside() !== 0;
  }

  /** Blocks until no writer is inside. Errors as of Mutex.lock(). */
  read({ timeoutMs }: TimeLimit = {}): ReadGuard {
    checkMayBlock('read', 'readAsync or tryRead');
    checkTimeout('read', timeoutMs);
    const waiter = new ReadWaiter(this, 'read');
    if (!block(this.heap, waiter, timeoutMs)) throw timedOut('read', this.address, timeoutMs);
    return this.holder.told('read', new ReadGuard(this, waiter.cell));
  }

  /** The same without blocking the thread. */
  async readAsync(limit: AsyncLimit = {}): Promise<ReadGuard> {
    checkTimeout('readAsync', limit.timeoutMs);
    const waiter = new ReadWaiter(this, undefined);
    if (!(await later(this.heap, waiter, limit))) throw timedOut('readAsync', this.address, limit.timeoutMs);
    return this.holder.told('readAsync', new ReadGuard(this, waiter.cell));
  }

  /** Enters if there is no writer; else undefined. */
  tryRead(): ReadGuard | undefined {
    const waiter = new ReadWaiter(this, undefined);
    if (waiter.attempt()) return this.holder.told('tryRead', new ReadGuard(this, waiter.cell));
    waiter.giveUp();
    return undefined;
  }

  /** Blocks until nobody else is inside. Errors as of Mutex.lock(). */
  write({ timeoutMs }: TimeLimit = {}): WriteGuard {
    checkMayBlock('write', 'writeAsync or tryWrite');
    checkTimeout('write', timeoutMs);
    if (!block(this.heap, new WriteWaiter(this, 'write'), timeoutMs)) throw timedOut('write', this.address, timeoutMs);
    return this.holder.told('write', new WriteGuard(this));
  }

  /** The same without blocking the thread. */
  async writeAsync(limit: AsyncLimit = {}): Promise<WriteGuard> {
    checkTimeout('writeAsync', limit.timeoutMs);
    const waiter = new WriteWaiter(this, undefined);
    if (!(await later(this.heap, waiter, limit))) throw timedOut('writeAsync', this.address, limit.timeoutMs);
    return this.holder.told('writeAsync', new WriteGuard(this));
  }

  /** Enters if nobody is inside; else undefined. */
  tryWrite(): WriteGuard | undefined {
    if (!this.holder.tryTake()) return undefined;
    if (this.cells.inside() === 0) return this.holder.told('tryWrite', new WriteGuard(this));
    this.leaveWrite('tryWrite');
    return undefined;
  }

  /** @internal */
  leaveWrite(call: string): void {
    this.cells.letIn();
    this.holder.release(call);
    this.cells.nudge();
  }
}
