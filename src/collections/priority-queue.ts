import * as atomics from '#atomics';
import { type Heap } from '../index.js';
import { Kind, Views, publishRecord } from '../records/index.js';
import { badArgument, valuesOf } from './arguments.js';
import { CHUNKS_MOST, Chunks, checkElements, shiftFor } from './chunks.js';
import { Guarded } from './guarded.js';
import { CollectionWord, checkCollection, makeCollection } from './record.js';
import { type ValueType, type Values } from './values.js';

const enum QueueWord {
  /** How many elements there are, for whoever asks without the lock. */
  X_LENGTH = CollectionWord.FIRST_OF_ITS_OWN,
  SHIFT,
  /** How many elements have been pushed, as a double. */
  PUSHED,
  PUSHED_HIGH,
  /** Addresses of the chunks. */
  X_CHUNKS,
  WORDS = X_CHUNKS + CHUNKS_MOST,
}

/** What holds one element. Behind the slots of a chunk lie as many words of the order. */
const enum SlotWord {
  /** 1 if there is an element: the store of it commits a push, that of 0 a pop. */
  X_STATE = 0,
  /** How many elements had been pushed before, as a double: of equal priorities the first comes first. */
  TURN = 2,
  PRIORITY = 4,
  LOW = 6,
  HIGH = 7,
  WORDS = 8,
}

const SLOT_BYTES = SlotWord.WORDS * 4;
/** A slot and its word of the order. */
const ELEMENT_BYTES = SLOT_BYTES + 4;

const CAPACITY = 16;

export interface PriorityQueueOptions {
  /** Elements for which there is room at first, 16 if not given; it grows by itself. */
  readonly capacity?: number;
}

const double = new Float64Array(1);
const doubleWords = new Int32Array(double.buffer);

/**
 * Values that are taken out by priority: the least number first, and of equal ones the first that was put in. What it holds is its own from `push`
 * until `pop` takes it out.
 *
 * Each element has a slot, whose state is one word. The order in which they are to come out is a binary heap of slots beside them, and is made anew from
 * the states after a death: a worker that is killed inside leaves each push and each pop done or not done, and at most one block that nobody frees.
 */
export class PriorityQueue<T> extends Guarded {
  private readonly values: Values<T>;
  private readonly views: Views;
  private readonly chunks: Chunks;
  private readonly word: number;
  /** For each chunk that the views reach over: index of the word of the order that a place in it would have were it the place 0. */
  private readonly orders: number[] = [];
  /** What `drop` took out. */
  private low = 0;
  private high = 0;

  /** Throws ERR_COLLECTION_ARGUMENT for a capacity that is none. */
  static create<T>(heap: Heap, type: ValueType<T>, options: PriorityQueueOptions = {}): PriorityQueue<T> {
    const shift = shiftFor('PriorityQueue.create', options, CAPACITY);
    const values = valuesOf('PriorityQueue.create', heap, type);
    const address = makeCollection(heap, QueueWord.WORDS, values);
    heap.i32[address / 4 + QueueWord.SHIFT] = shift;
    publishRecord(heap, address, Kind.PRIORITY_QUEUE);
    return new PriorityQueue(heap, address, values, true);
  }

  /** Opens the queue at an address. Throws ERR_HEAP_KIND if there is none, ERR_HEAP_DEFINITION if its values are of another type. */
  static at<T>(heap: Heap, address: number, type: ValueType<T>): PriorityQueue<T> {
    const values = valuesOf('PriorityQueue.at', heap, type);
    checkCollection(heap, address, Kind.PRIORITY_QUEUE, QueueWord.WORDS, values);
    return new PriorityQueue(heap, address, values, false);
  }

  private constructor(heap: Heap, address: number, values: Values<T>, isMaker: boolean) {
    super(heap, address, isMaker);
    this.values = values;
    this.word = address / 4;
    this.views = new Views(heap);
    this.views.cover(address + QueueWord.WORDS * 4);
    const shift = heap.i32[this.word + QueueWord.SHIFT];
    this.chunks = new Chunks(heap, this.views, this.word + QueueWord.X_CHUNKS, shift, ELEMENT_BYTES);
  }

  /** @internal */
  get kind(): Kind {
    return Kind.PRIORITY_QUEUE;
  }

  /** Number of elements at this moment. */
  get length(): number {
    return atomics.load(this.views.i32, this.word + QueueWord.X_LENGTH);
  }

  /** Puts a value in. Throws ERR_COLLECTION_ARGUMENT for a priority that is no number, ERR_COLLECTION_FULL from 2^30 elements on. */
  push(value: T, priority: number): void {
    if (typeof priority !== 'number' || Number.isNaN(priority))
      throw badArgument('push', `the priority is ${String(priority)}; it must be a number, and not NaN`, { priority });
    while (!this.tryPush(value, priority)) this.grow();
  }

  /** False, with nothing changed, if there is no room. */
  private tryPush(value: T, priority: number): boolean {
    const { values } = this;
    values.encode(value);
    const { low, high } = values;
    let isStored = false;
    try {
      this.enter('push');
      let isWhole = false;
      try {
        const count = this.begin();
        if (this.chunks.hasRoom(count)) {
          const slot = this.slotAt(count);
          this.write(slot, priority, low, high);
          // Commits.
          atomics.store(this.views.i32, slot + SlotWord.X_STATE, 1);
          isStored = true;
          this.setCount(count + 1);
          this.ascend(count, slot);
        }
        isWhole = true;
        return isStored;
      } finally {
        this.lock.leave(isWhole);
      }
    } finally {
      if (!isStored) values.undo(low, high);
    }
  }

  private grow(): void {
    this.enter('push');
    try {
      this.reserve(this.begin() + 1);
    } finally {
      // Also where it was refused: room is all that it changes.
      this.lock.leave(true);
    }
  }

  private write(slot: number, priority: number, low: number, high: number): void {
    const { i32, f64 } = this.views;
    const turn = f64[(this.word + QueueWord.PUSHED) / 2];
    double[0] = turn;
    i32[slot + SlotWord.TURN] = doubleWords[0];
    i32[slot + SlotWord.TURN + 1] = doubleWords[1];
    double[0] = priority;
    i32[slot + SlotWord.PRIORITY] = doubleWords[0];
    i32[slot + SlotWord.PRIORITY + 1] = doubleWords[1];
    i32[slot + SlotWord.LOW] = low;
    i32[slot + SlotWord.HIGH] = high;
    this.setPushed(turn + 1);
  }

  private setPushed(pushed: number): void {
    const { i32 } = this.views;
    double[0] = pushed;
    i32[this.word + QueueWord.PUSHED] = doubleWords[0];
    i32[this.word + QueueWord.PUSHED + 1] = doubleWords[1];
  }

  /**
   * Takes out the value of the least priority; undefined if there is none, or none of a priority up to `upTo`. With deadlines for priorities
   * `pop(now)` is what is due.
   */
  pop(upTo = Infinity): T | undefined {
    return this.drop('pop', upTo) ? this.values.take(this.low, this.high) : undefined;
  }

  /** Takes out all values, one by one, and frees what they own; other workers may come in between. */
  clear(): void {
    while (this.drop('clear', Infinity)) if (this.values.isOwning) this.values.free(this.low, this.high);
  }

  private drop(call: string, upTo: number): boolean {
    this.enter(call);
    let isWhole = false;
    try {
      const count = this.begin();
      const slot = this.firstOf(count);
      const isThere = slot !== 0 && this.views.f64[(slot + SlotWord.PRIORITY) / 2] <= upTo;
      if (isThere) this.takeOut(slot, count);
      isWhole = true;
      return isThere;
    } finally {
      this.lock.leave(isWhole);
    }
  }

  private takeOut(slot: number, count: number): void {
    const { i32 } = this.views;
    this.low = i32[slot + SlotWord.LOW];
    this.high = i32[slot + SlotWord.HIGH];
    // Commits.
    atomics.store(i32, slot + SlotWord.X_STATE, 0);
    this.setCount(count - 1);
    const last = this.slotAt(count - 1);
    this.seat(count - 1, slot);
    if (count > 1) this.descend(0, last, count - 1);
  }

  /** The value that is to come out next, which stays in; undefined if there is none. */
  peek(): T | undefined {
    this.enter('peek');
    let isWhole = false;
    try {
      const slot = this.firstOf(this.begin());
      const { i32 } = this.views;
      // Read under the lock: afterwards it may be taken out and freed.
      const value = slot === 0 ? undefined : this.values.peek(i32[slot + SlotWord.LOW], i32[slot + SlotWord.HIGH]);
      isWhole = true;
      return value;
    } finally {
      this.lock.leave(isWhole);
    }
  }

  /** The least priority; undefined if the queue is empty. */
  peekPriority(): number | undefined {
    this.enter('peekPriority');
    let isWhole = false;
    try {
      const slot = this.firstOf(this.begin());
      isWhole = true;
      return slot === 0 ? undefined : this.views.f64[(slot + SlotWord.PRIORITY) / 2];
    } finally {
      this.lock.leave(isWhole);
    }
  }

  /** Number of elements, once the views reach over all of them. */
  private begin(): number {
    const count = this.chunks.count();
    for (let chunk = this.orders.length; chunk < count; chunk++) {
      const start = this.chunks.startOf(chunk);
      const size = this.chunks.sizeOf(chunk);
      this.views.cover(start + size * ELEMENT_BYTES);
      this.orders.push(start / 4 + size * SlotWord.WORDS - this.chunks.firstOf(chunk));
    }
    return atomics.load(this.views.i32, this.word + QueueWord.X_LENGTH);
  }

  private setCount(count: number): void {
    atomics.store(this.views.i32, this.word + QueueWord.X_LENGTH, count);
  }

  private reserve(elements: number): void {
    checkElements('push', elements);
    if (this.chunks.hasRoom(elements - 1)) return;
    const chunk = this.chunks.chunkOf(elements - 1);
    const size = this.chunks.sizeOf(chunk);
    const start = this.heap.calloc(size * ELEMENT_BYTES);
    this.views.cover(start + size * ELEMENT_BYTES);
    const slots = start / 4;
    const { i32 } = this.views;
    for (let i = 0; i < size; i++) i32[slots + size * SlotWord.WORDS + i] = slots + i * SlotWord.WORDS;
    this.chunks.add(chunk, start);
  }

  /** The slot at a place: index of its first word. Slots with an element come first, as a heap; then those without. */
  private slotAt(place: number): number {
    return this.views.i32[this.orders[this.chunks.chunkOf(place)] + place];
  }

  private seat(place: number, slot: number): void {
    this.views.i32[this.orders[this.chunks.chunkOf(place)] + place] = slot;
  }

  private firstOf(count: number): number {
    return count === 0 ? 0 : this.slotAt(0);
  }

  private isBefore(slot: number, other: number): boolean {
    const { f64 } = this.views;
    const a = f64[(slot + SlotWord.PRIORITY) >>> 1];
    const b = f64[(other + SlotWord.PRIORITY) >>> 1];
    return a < b || (a === b && f64[(slot + SlotWord.TURN) >>> 1] < f64[(other + SlotWord.TURN) >>> 1]);
  }

  /** Puts a slot at a free place of the heap, or above it. */
  private ascend(from: number, slot: number): void {
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >>> 1;
      const other = this.slotAt(parent);
      if (!this.isBefore(slot, other)) break;
      this.seat(place, other);
      place = parent;
    }
    this.seat(place, slot);
  }

  /** Puts a slot at a free place of a heap of so many, or below it. */
  private descend(from: number, slot: number, count: number): void {
    let place = from;
    for (let child = 2 * place + 1; child < count; child = 2 * place + 1) {
      let least = this.slotAt(child);
      if (child + 1 < count) {
        const right = this.slotAt(child + 1);
        if (this.isBefore(right, least)) {
          least = right;
          child++;
        }
      }
      if (!this.isBefore(least, slot)) break;
      this.seat(place, least);
      place = child;
    }
    this.seat(place, slot);
  }

  /** @internal Makes the order, and the counts, from the states of the slots. */
  protected override repair(): void {
    this.begin();
    const { i32, f64 } = this.views;
    const slots = this.allSlots();
    let [count, free, pushed] = [0, slots.length, 0];
    for (const slot of slots) {
      if (atomics.load(i32, slot + SlotWord.X_STATE) === 0) this.seat(--free, slot);
      else {
        this.seat(count++, slot);
        pushed = Math.max(pushed, f64[(slot + SlotWord.TURN) >>> 1] + 1);
      }
    }
    for (let place = (count >>> 1) - 1; place >= 0; place--) this.descend(place, this.slotAt(place), count);
    this.setPushed(pushed);
    this.setCount(count);
  }

  private allSlots(): number[] {
    const slots: number[] = [];
    for (let chunk = 0; chunk < this.orders.length; chunk++) {
      const first = this.chunks.startOf(chunk) / 4;
      for (let i = 0; i < this.chunks.sizeOf(chunk); i++) slots.push(first + i * SlotWord.WORDS);
    }
    return slots;
  }

  /** @internal */
  protected override freeContents(): void {
    const { i32 } = this.views;
    this.begin();
    for (const slot of this.values.isOwning ? this.allSlots() : [])
      if (i32[slot + SlotWord.X_STATE] !== 0) this.values.free(i32[slot + SlotWord.LOW], i32[slot + SlotWord.HIGH]);
    this.chunks.free();
  }
}
