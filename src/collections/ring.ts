import * as atomics from '#atomics';
import { type Heap, type TypedArray, type TypedArrayConstructor } from '../index.js';
import {
  type AsyncLimit,
  block,
  checkMayBlock,
  checkTimeout,
  Kind,
  later,
  publishRecord,
  SharedObject,
  timedOut,
  type TimeLimit,
  Waiter,
} from '../records/index.js';
import { badArgument, checkHeap } from './arguments.js';
import { checkCollection, makeCollection } from './record.js';

/** Words of a ring. Those of the producer and those of the consumer are on cache lines of their own. */
const enum RingBufferWord {
  /* CollectionWord; nobody takes its lock. */
  /** Elements that there is room for, a power of two. */
  CAPACITY = 4,
  /** How many elements were written, ever, modulo 2^32: the store that commits them. */
  X_WRITTEN = 16,
  /** 1 if the consumer may be asleep on this word. */
  X_CONSUMER = 17,
  /** How many were read, ever. */
  X_READ = 32,
  /** 1 if the producer may be asleep on this word. */
  X_PRODUCER = 33,
  FIRST_ELEMENT = 48,
}

/** Elements up to which a loop is faster than a copy by the engine, which needs an object for each part, and leaves no garbage. */
const LOOP_MOST = 256;
const CAPACITY_MOST = 2 ** 30;

/** What elements can be read from: any array of them. */
export type Source<View extends RingView> = ArrayLike<View[number]>;

/** What elements can be written to. */
export interface Target<View extends RingView> {
  readonly length: number;
  [index: number]: View[number];
}

/** A typed array, as the type of a ring. */
export interface RingView extends TypedArray {
  [index: number]: number | bigint;
}

/** How the copies see all of them: bigints are not converted either. */
type Elements = Float64Array;

/** Waits until the ring has so many elements to read, or room to write them. */
class RingWaiter extends Waiter {
  declare private readonly heap: Heap;
  declare private readonly ring: Ring<RingView>;
  declare private readonly isConsumer: boolean;
  declare private readonly wanted: number;

  constructor(ring: Ring<RingView>, isConsumer: boolean, wanted: number) {
    super();
    this.heap = ring.heap;
    this.ring = ring;
    this.isConsumer = isConsumer;
    this.wanted = wanted;
    this.word = ring.address / 4 + (isConsumer ? RingBufferWord.X_CONSUMER : RingBufferWord.X_PRODUCER);
    this.value = 1;
  }

  private isReady(): boolean {
    const there = this.isConsumer ? this.ring.readable() : this.ring.writable();
    return there >= this.wanted;
  }

  override attempt(): boolean {
    if (this.isReady()) return true;
    // Before another look, so what the other side commits after it wakes.
    atomics.store(this.heap.i32, this.word, 1);
    return this.isReady();
  }

  override giveUp(): boolean {
    return false;
  }

  override passOn(): void {
    atomics.notify(this.heap.i32, this.word, 1);
  }
}

/**
 * Elements of one typed array type that one thread writes and one reads, for audio and the like. Neither ever waits for the other unless it asks
 * to: every call but the `wait` ones ends after a bounded number of steps, allocates nothing on the heap, and wakes the other side only if
 * that sleeps. That there is one producer and one consumer at a time is up to the program.
 *
 * The producer may be killed at any instant: the consumer sees what was committed, and a new producer goes on from there. A new
 * consumer begins with what the former one had not committed as read.
 */
export class Ring<View extends RingView> extends SharedObject {
  /** Elements that there is room for. */
  readonly capacity: number;
  private readonly type: TypedArrayConstructor<View>;
  /** The region as elements of the type. */
  private readonly words: Elements;
  /** Index of the first element in it. */
  private readonly first: number;
  private readonly base: number;
  /** What this side knows of the other one: it may have come further. */
  private readSeen = 0;
  private writtenSeen = 0;

  /** Room for so many elements at least: the next power of two. Throws ERR_COLLECTION_ARGUMENT unless that is from 1 to 2^30. */
  static create<View extends RingView>(heap: Heap, type: TypedArrayConstructor<View>, capacity: number): Ring<View> {
    if (!Number.isInteger(capacity) || capacity < 1 || capacity > CAPACITY_MOST)
      throw badArgument('Ring.create', `capacity is ${String(capacity)}; it must be from 1 to ${CAPACITY_MOST}`, {
        capacity,
      });
    checkHeap('Ring.create', heap);
    checkType('Ring.create', type);
    const elements = 2 ** Math.ceil(Math.log2(capacity));
    const words = RingBufferWord.FIRST_ELEMENT + Math.ceil((elements * type.BYTES_PER_ELEMENT) / 4);
    const address = makeCollection(heap, words, { text: type.name });
    heap.i32[address / 4 + RingBufferWord.CAPACITY] = elements;
    publishRecord(heap, address, Kind.RING);
    return new Ring(heap, address, type, elements, true);
  }

  /** Opens the ring at an address. Throws ERR_HEAP_KIND if there is none, ERR_HEAP_DEFINITION if it is of another type. */
  static at<View extends RingView>(heap: Heap, address: number, type: TypedArrayConstructor<View>): Ring<View> {
    checkType('Ring.at', type);
    checkCollection(heap, address, Kind.RING, RingBufferWord.FIRST_ELEMENT, { text: type.name });
    return new Ring(heap, address, type, heap.i32[address / 4 + RingBufferWord.CAPACITY], false);
  }

  private constructor(
    heap: Heap,
    address: number,
    type: TypedArrayConstructor<View>,
    capacity: number,
    isMaker: boolean,
  ) {
    super(heap, address, isMaker);
    this.capacity = capacity;
    this.type = type;
    this.base = address / 4;
    this.first = (address + RingBufferWord.FIRST_ELEMENT * 4) / type.BYTES_PER_ELEMENT;
    // It reaches as far as the ring does, which stays where it is.
    this.words = new type(heap.buffer, 0, this.first + capacity) as unknown as Elements;
    this.readSeen = this.load(RingBufferWord.X_READ);
    this.writtenSeen = this.load(RingBufferWord.X_WRITTEN);
  }

  /** @internal */
  get kind(): Kind {
    return Kind.RING;
  }

  /** @internal */
  protected isInUse(): boolean {
    return false;
  }

  /** Elements that can be read at this moment. */
  get available(): number {
    return this.readable();
  }

  /** Elements that can be written at this moment. */
  get space(): number {
    return this.writable();
  }

  /** @internal */
  readable(): number {
    const read = this.load(RingBufferWord.X_READ);
    return Math.min(this.capacity, (this.load(RingBufferWord.X_WRITTEN) - read) | 0);
  }

  /** @internal */
  writable(): number {
    return this.capacity - this.readable();
  }

  private load(place: RingBufferWord): number {
    return atomics.load(this.heap.i32, this.base + place);
  }

  /** Copies as many of the elements in as there is room for, from the first on; how many. For the producer. */
  write(source: Source<View>): number {
    const written = this.load(RingBufferWord.X_WRITTEN);
    const count = Math.min(source.length, this.spaceFor(written, source.length));
    this.copyIn(source as ArrayLike<number>, written, count);
    if (count > 0) this.advance(RingBufferWord.X_WRITTEN, written + count, RingBufferWord.X_CONSUMER);
    return count;
  }

  /** Copies as many elements out as there are, to the first places of the array; how many. For the consumer. */
  read(target: Target<View>): number {
    const read = this.load(RingBufferWord.X_READ);
    const count = Math.min(target.length, this.thereFor(read, target.length));
    this.copyOut(target as Elements, read, count);
    if (count > 0) this.advance(RingBufferWord.X_READ, read + count, RingBufferWord.X_PRODUCER);
    return count;
  }

  /**
   * Room for up to so many elements, to be written in place; `commit` hands them to the consumer. A view never goes around the end of the
   * ring: what is left of the room comes with the next call. Blocks that divide the capacity are never cut.
   */
  reserve(most: number): View {
    checkCount('reserve', most, Infinity);
    const written = this.load(RingBufferWord.X_WRITTEN);
    return this.part(written, Math.min(most, this.spaceFor(written, most)));
  }

  /** Hands the first so many reserved elements to the consumer. Throws ERR_COLLECTION_ARGUMENT for more than there is room for. */
  commit(count: number): void {
    const written = this.load(RingBufferWord.X_WRITTEN);
    checkCount('commit', count, this.spaceFor(written, count));
    if (count > 0) this.advance(RingBufferWord.X_WRITTEN, written + count, RingBufferWord.X_CONSUMER);
  }

  /** Up to so many elements, to be read in place; `consume` gives their room back. Cut at the end of the ring, as with `reserve`. */
  peek(most: number): View {
    checkCount('peek', most, Infinity);
    const read = this.load(RingBufferWord.X_READ);
    return this.part(read, Math.min(most, this.thereFor(read, most)));
  }

  /** Gives the room of so many elements back to the producer. Throws ERR_COLLECTION_ARGUMENT for more than there are. */
  consume(count: number): void {
    const read = this.load(RingBufferWord.X_READ);
    checkCount('consume', count, this.thereFor(read, count));
    if (count > 0) this.advance(RingBufferWord.X_READ, read + count, RingBufferWord.X_PRODUCER);
  }

  /** Blocks until so many elements can be read, 1 if not said; how many can. Throws ERR_SYNC_TIMEOUT. For the consumer. */
  waitReadable(count = 1, limit: TimeLimit = {}): number {
    return this.wait('waitReadable', true, count, limit);
  }

  /** The same without blocking the thread. Rejects with the signal's reason when that is aborted. */
  waitReadableAsync(count = 1, limit: AsyncLimit = {}): Promise<number> {
    return this.waitLater('waitReadableAsync', true, count, limit);
  }

  /** Blocks until so many elements can be written, 1 if not said; how many can. For the producer. */
  waitWritable(count = 1, limit: TimeLimit = {}): number {
    return this.wait('waitWritable', false, count, limit);
  }

  /** The same without blocking the thread. */
  waitWritableAsync(count = 1, limit: AsyncLimit = {}): Promise<number> {
    return this.waitLater('waitWritableAsync', false, count, limit);
  }

  private wait(call: string, isConsumer: boolean, count: number, { timeoutMs }: TimeLimit): number {
    checkMayBlock(call, `${call}Async or ${isConsumer ? 'available' : 'space'}`);
    checkTimeout(call, timeoutMs);
    checkCount(call, count, this.capacity);
    const waiter = new RingWaiter(this, isConsumer, count);
    if (!block(this.heap, waiter, timeoutMs)) throw timedOut(call, this.address, timeoutMs);
    return isConsumer ? this.readable() : this.writable();
  }

  private async waitLater(call: string, isConsumer: boolean, count: number, limit: AsyncLimit): Promise<number> {
    checkTimeout(call, limit.timeoutMs);
    checkCount(call, count, this.capacity);
    const waiter = new RingWaiter(this, isConsumer, count);
    if (!(await later(this.heap, waiter, limit))) throw timedOut(call, this.address, limit.timeoutMs);
    return isConsumer ? this.readable() : this.writable();
  }

  /** Room behind what was written; looks at the other side only if what is known is not enough. */
  private spaceFor(written: number, wanted: number): number {
    if (this.capacity - ((written - this.readSeen) | 0) < wanted) this.readSeen = this.load(RingBufferWord.X_READ);
    return this.capacity - ((written - this.readSeen) | 0);
  }

  private thereFor(read: number, wanted: number): number {
    const known = (this.writtenSeen - read) | 0;
    if (known < wanted) this.writtenSeen = this.load(RingBufferWord.X_WRITTEN);
    return (this.writtenSeen - read) | 0;
  }

  /** Publishes what was copied, or gives the room back, and wakes the other side if it sleeps. */
  private advance(place: RingBufferWord, value: number, sleeper: RingBufferWord): void {
    const { i32 } = this.heap;
    atomics.store(i32, this.base + place, value | 0);
    if (atomics.load(i32, this.base + sleeper) === 0) return;
    atomics.store(i32, this.base + sleeper, 0);
    atomics.notify(i32, this.base + sleeper, 1);
  }

  private part(n: number, count: number): View {
    const at = n & (this.capacity - 1);
    const place = (this.first + at) * this.type.BYTES_PER_ELEMENT;
    return new this.type(this.heap.buffer, place, Math.min(count, this.capacity - at));
  }

  private copyIn(source: ArrayLike<number>, n: number, count: number): void {
    const { words, first } = this;
    const mask = this.capacity - 1;
    if (count <= LOOP_MOST || !ArrayBuffer.isView(source)) {
      for (let i = 0; i < count; i++) words[first + ((n + i) & mask)] = source[i];
      return;
    }
    const fromArray = source as unknown as Elements;
    const before = Math.min(count, this.capacity - (n & mask));
    words.set(fromArray.subarray(0, before), first + (n & mask));
    words.set(fromArray.subarray(before, count), first);
  }

  private copyOut(target: Elements, n: number, count: number): void {
    const { words, first } = this;
    const mask = this.capacity - 1;
    if (count <= LOOP_MOST || !ArrayBuffer.isView(target)) {
      for (let i = 0; i < count; i++) target[i] = words[first + ((n + i) & mask)];
      return;
    }
    const begin = first + (n & mask);
    const before = Math.min(count, this.capacity - (n & mask));
    target.set(words.subarray(begin, begin + before));
    target.set(words.subarray(first, first + count - before), before);
  }
}

function checkCount(call: string, count: unknown, most: number): void {
  if (Number.isInteger(count) && (count as number) >= 0 && (count as number) <= most) return;
  throw badArgument(call, `${String(count)} elements; it must be a whole number from 0 to ${most}`, { count, most });
}

function checkType(call: string, type: unknown): void {
  if (typeof (type as { BYTES_PER_ELEMENT?: unknown } | null | undefined)?.BYTES_PER_ELEMENT === 'number') return;
  throw badArgument(call, 'no type of typed arrays; pass Float32Array or the like', {});
}
