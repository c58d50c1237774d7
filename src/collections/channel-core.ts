import * as atomics from '#atomics';
import { HeapError, type Heap } from '../index.js';
import { ShortLock, Views } from '../records/index.js';
import { ChannelWord, NodeWord, RingWord, SelectWord } from './channel-layout.js';
import { CollectionWord } from './record.js';

/** What `take` says beside how many values it took. */
export const enum Taken {
  NONE = 0,
  /** Closed, and everything that was sent is taken. */
  ENDED = -1,
}

/**
 * The words of a channel as one worker sees them: values are two words each, and what they mean is not asked here.
 *
 * The queue with two locks of Michael and Scott (PODC 1996) over a ring: senders under one, receivers under the other, a store
 * of the tail commits what was put in, one of the head what was taken out, and nothing else has to agree with these two. So
 * whoever takes a lock over from the dead finds nothing to repair. A ring that is to grow is replaced under both locks.
 */
export class ChannelCore {
  readonly heap: Heap;
  readonly address: number;
  private readonly views: Views;
  private readonly base: number;
  private readonly sendLock: ShortLock;
  private readonly receiveLock: ShortLock;

  constructor(heap: Heap, address: number) {
    this.heap = heap;
    this.address = address;
    this.views = new Views(heap);
    this.base = address / 4;
    this.sendLock = new ShortLock(heap, address, CollectionWord.X_LOCK, CollectionWord.X_LOST);
    this.receiveLock = new ShortLock(heap, address, ChannelWord.X_RECEIVE_LOCK, ChannelWord.X_RECEIVE_LOST);
  }

  /** Index of a word of the channel. */
  wordAt(place: ChannelWord): number {
    return this.base + place;
  }

  load(place: ChannelWord): number {
    return atomics.load(this.views.i32, this.base + place);
  }

  private store(place: ChannelWord, value: number): void {
    atomics.store(this.views.i32, this.base + place, value);
  }

  private plain(place: ChannelWord): number {
    return this.views.i32[this.base + place];
  }

  /** For the maker, before anybody else knows the channel: its first ring. Throws ERR_HEAP_OUT_OF_MEMORY. */
  setUp(limit: number, cells: number): void {
    const ring = this.heap.malloc((RingWord.FIRST_CELL + 2 * cells) * 4);
    this.coverRing(ring, cells);
    this.views.i32[ring / 4 + RingWord.CELLS] = cells;
    this.views.i32[this.base + ChannelWord.LIMIT] = limit;
    this.views.i32[this.base + ChannelWord.RING] = ring | 0;
  }

  isInUse(): boolean {
    return this.sendLock.isHeld() || this.receiveLock.isHeld();
  }

  /** Values in it at this moment. */
  count(): number {
    const head = this.load(ChannelWord.X_HEAD);
    return Math.max(0, (this.load(ChannelWord.X_TAIL) - head) | 0);
  }

  /** Takes a lock, or gives up at once where it may not wait. Who died inside has left nothing to repair. */
  private enter(lock: ShortLock, call: string, mayWait: boolean): boolean {
    if (!mayWait) return lock.tryTake() !== undefined;
    lock.take(call);
    return true;
  }

  private coverRing(ring: number, cells: number): void {
    this.views.cover(ring + (RingWord.FIRST_CELL + 2 * cells) * 4);
  }

  /** Index of the first cell. For holders of a lock. */
  private ring(): number {
    const ring = this.plain(ChannelWord.RING) >>> 0;
    this.views.cover(ring + RingWord.FIRST_CELL * 4);
    this.coverRing(ring, this.views.i32[ring / 4 + RingWord.CELLS]);
    return ring / 4 + RingWord.FIRST_CELL;
  }

  private cells(): number {
    return this.views.i32[this.ring() - RingWord.FIRST_CELL + RingWord.CELLS];
  }

  /**
   * Puts as many of the values `from` to `to` in as there is room for, in their order and with no other between them. 0 where
   * there is none, or where the lock would have to be waited for and may not. Throws ERR_COLLECTION_CLOSED, and
   * ERR_HEAP_OUT_OF_MEMORY where a larger ring has no place.
   */
  insert(call: string, pairs: Int32Array, from: number, to: number, mayWait: boolean): number {
    for (;;) {
      if (!this.enter(this.sendLock, call, mayWait)) return 0;
      let count: number;
      let cells: number;
      try {
        this.checkOpen(call);
        count = this.append(pairs, from, to);
        cells = count > 0 ? 0 : this.cellsWanted();
      } finally {
        this.sendLock.leave(true);
      }
      if (count > 0) {
        this.wake(ChannelWord.X_RECEIVERS, count);
        return count;
      }
      if (cells === 0 || !this.grow(call, cells, mayWait)) return 0;
    }
  }

  private checkOpen(call: string): void {
    if (this.plain(ChannelWord.X_CLOSED) === 0) return;
    throw new HeapError(
      'ERR_COLLECTION_CLOSED',
      `${call}: the channel at ${this.address} is closed; what is in it can still be received, and nothing sent any more`,
      { address: this.address },
    );
  }

  private append(pairs: Int32Array, from: number, to: number): number {
    const first = this.ring();
    const { i32 } = this.views;
    const cells = i32[first - RingWord.FIRST_CELL + RingWord.CELLS];
    const limit = Math.min(cells, this.plain(ChannelWord.LIMIT));
    // Only holders of this lock store it.
    const tail = this.plain(ChannelWord.X_TAIL);
    let room = limit - ((tail - this.plain(ChannelWord.HEAD_SEEN)) | 0);
    if (room < to - from) {
      const head = this.load(ChannelWord.X_HEAD);
      i32[this.base + ChannelWord.HEAD_SEEN] = head;
      room = limit - ((tail - head) | 0);
    }
    const count = Math.min(room, to - from);
    if (count <= 0) return 0;
    for (let i = 0; i < count; i++) {
      const cell = first + 2 * ((tail + i) & (cells - 1));
      i32[cell] = pairs[2 * (from + i)];
      i32[cell + 1] = pairs[2 * (from + i) + 1];
    }
    // Publishes the cells to receivers.
    this.store(ChannelWord.X_TAIL, (tail + count) | 0);
    if (this.plain(ChannelWord.SELECTORS) !== 0) this.ringBells();
    return count;
  }

  /** How many cells the next ring is to have; 0 if there are enough. */
  private cellsWanted(): number {
    const cells = this.cells();
    return cells < this.plain(ChannelWord.LIMIT) ? cells * 2 : 0;
  }

  /** Replaces a full ring by one of so many cells. False where a lock would have to be waited for and may not. */
  private grow(call: string, cells: number, mayWait: boolean): boolean {
    let useless = this.heap.malloc((RingWord.FIRST_CELL + 2 * cells) * 4);
    try {
      if (!this.enter(this.sendLock, call, mayWait)) return false;
      try {
        // Somebody else may have been faster.
        if (this.cells() * 2 !== cells) return true;
        if (!this.enter(this.receiveLock, call, mayWait)) return false;
        try {
          useless = this.replaceRing(useless, cells);
        } finally {
          this.receiveLock.leave(true);
        }
      } finally {
        this.sendLock.leave(true);
      }
    } finally {
      this.heap.free(useless);
    }
    return true;
  }

  /** Under both locks. Returns the ring that serves no more. */
  private replaceRing(fresh: number, cells: number): number {
    this.coverRing(fresh, cells);
    const from = this.ring();
    const { i32 } = this.views;
    const had = i32[from - RingWord.FIRST_CELL + RingWord.CELLS];
    const to = fresh / 4 + RingWord.FIRST_CELL;
    i32[fresh / 4 + RingWord.CELLS] = cells;
    const tail = this.load(ChannelWord.X_TAIL);
    for (let n = this.load(ChannelWord.X_HEAD); n !== tail; n = (n + 1) | 0) {
      const [source, target] = [from + 2 * (n & (had - 1)), to + 2 * (n & (cells - 1))];
      i32[target] = i32[source];
      i32[target + 1] = i32[source + 1];
    }
    i32[this.base + ChannelWord.RING] = fresh | 0;
    return (from - RingWord.FIRST_CELL) * 4;
  }

  /** Takes up to so many values out, into `pairs`: how many, or Taken. 0 also where the lock may not be waited for. */
  take(call: string, pairs: Int32Array, most: number, mayWait: boolean): number {
    if (!this.enter(this.receiveLock, call, mayWait)) return Taken.NONE;
    let count: number;
    try {
      count = this.remove(pairs, most);
    } finally {
      this.receiveLock.leave(true);
    }
    if (count > 0) this.wake(ChannelWord.X_SENDERS, count);
    return count;
  }

  private remove(pairs: Int32Array, most: number): number {
    const head = this.plain(ChannelWord.X_HEAD);
    let there = (this.plain(ChannelWord.TAIL_SEEN) - head) | 0;
    if (there < most) {
      there = this.lookAtTail(head);
      if (there === 0) {
        if (this.load(ChannelWord.X_CLOSED) === 0) return Taken.NONE;
        // What was sent before it was closed is seen now.
        there = this.lookAtTail(head);
        if (there === 0) return Taken.ENDED;
      }
    }
    const count = Math.min(there, most);
    const first = this.ring();
    this.copyOut(pairs, first, head, count);
    // Gives the cells to senders.
    this.store(ChannelWord.X_HEAD, (head + count) | 0);
    return count;
  }

  /** How many values there are behind the head. For the holder of the receivers' lock. */
  private lookAtTail(head: number): number {
    const tail = this.load(ChannelWord.X_TAIL);
    this.views.i32[this.base + ChannelWord.TAIL_SEEN] = tail;
    return (tail - head) | 0;
  }

  private copyOut(pairs: Int32Array, first: number, head: number, count: number): void {
    const { i32 } = this.views;
    const mask = i32[first - RingWord.FIRST_CELL + RingWord.CELLS] - 1;
    for (let i = 0; i < count; i++) {
      const cell = first + 2 * ((head + i) & mask);
      pairs[2 * i] = i32[cell];
      pairs[2 * i + 1] = i32[cell + 1];
    }
  }

  /** Closes it, and wakes all that wait. */
  close(): void {
    this.sendLock.take('close');
    try {
      this.store(ChannelWord.X_CLOSED, 1);
      this.ringBells();
    } finally {
      this.sendLock.leave(true);
    }
    this.wake(ChannelWord.X_RECEIVERS, Infinity);
    this.wake(ChannelWord.X_SENDERS, Infinity);
  }

  /** What is still in it, and the block that holds it, for the one who disposes of it. */
  drain(): Int32Array {
    const pairs = new Int32Array(2 * this.count());
    const first = this.ring();
    this.copyOut(pairs, first, this.load(ChannelWord.X_HEAD), pairs.length / 2);
    this.heap.free((first - RingWord.FIRST_CELL) * 4);
    return pairs;
  }

  /*
   * Who finds nothing stores 1, looks once more, and sleeps while the word is 1. Who brings something and finds 1 stores 0 and
   * wakes as many. Whoever was woken is not the only one that slept: it stores 1 again before it looks, and wakes the next
   * one if it leaves something. So at any time somebody is on the way who will wake the next. Only a death breaks this
   * chain, and then those asleep look for themselves (LOOK_EVERY_MS).
   */

  /** Says that the caller is about to sleep. */
  ask(place: ChannelWord): void {
    this.store(place, 1);
  }

  private wake(place: ChannelWord, count: number): void {
    if (this.load(place) === 0) return;
    this.store(place, 0);
    atomics.notify(this.views.i32, this.base + place, count);
  }

  /** Whether a receiver, or a sender, would find what it waits for. */
  isReadyFor(place: ChannelWord.X_RECEIVERS | ChannelWord.X_SENDERS): boolean {
    if (this.load(ChannelWord.X_CLOSED) !== 0) return true;
    const limit = atomics.load(this.views.i32, this.base + ChannelWord.LIMIT);
    return place === ChannelWord.X_RECEIVERS ? this.count() > 0 : this.count() < limit;
  }

  /** Said by one that was woken or could have been, and goes: what it leaves is for others. */
  passOn(place: ChannelWord.X_RECEIVERS | ChannelWord.X_SENDERS): void {
    // Not by a wake-up alone: somebody may have looked before, and be about to sleep.
    if (this.isReadyFor(place)) this.wake(place, 1);
  }

  /** Wakes all that wait for several channels, this one among them. Under the senders' lock. */
  private ringBells(): void {
    let link = this.base + ChannelWord.SELECTORS;
    for (;;) {
      const node = this.views.i32[link] >>> 0;
      if (node === 0) return;
      this.views.cover(node + NodeWord.WORDS * 4);
      const block = this.views.i32[node / 4 + NodeWord.BLOCK] >>> 0;
      this.views.cover(block + SelectWord.FIRST_NODE * 4);
      const { i32 } = this.views;
      if (this.heap.isAttached(i32[block / 4 + SelectWord.WORKER])) {
        atomics.store(i32, block / 4 + SelectWord.X_BELL, 1);
        atomics.notify(i32, block / 4 + SelectWord.X_BELL, Infinity);
        link = node / 4 + NodeWord.NEXT;
      } else {
        i32[link] = i32[node / 4 + NodeWord.NEXT];
      }
    }
  }

  /** From now on the block that the node belongs to is rung when something is put in. */
  enrol(call: string, node: number, block: number): void {
    this.views.cover(node + NodeWord.WORDS * 4);
    this.sendLock.take(call);
    try {
      const { i32 } = this.views;
      i32[node / 4 + NodeWord.NEXT] = this.plain(ChannelWord.SELECTORS);
      i32[node / 4 + NodeWord.BLOCK] = block | 0;
      i32[this.base + ChannelWord.SELECTORS] = node | 0;
    } finally {
      this.sendLock.leave(true);
    }
  }

  /** Takes a node out of the list. */
  withdraw(call: string, node: number): void {
    this.sendLock.take(call);
    try {
      let link = this.base + ChannelWord.SELECTORS;
      for (;;) {
        const next = this.views.i32[link] >>> 0;
        if (next === 0) return;
        this.views.cover(next + NodeWord.WORDS * 4);
        const after = next / 4 + NodeWord.NEXT;
        if (next === node) {
          this.views.i32[link] = this.views.i32[after];
          return;
        }
        link = after;
      }
    } finally {
      this.sendLock.leave(true);
    }
  }
}
