import { HeapError, type Heap } from '../index.js';
import {
  type AsyncLimit,
  block,
  checkMayBlock,
  checkTimeout,
  Kind,
  later,
  now,
  publishRecord,
  SharedObject,
  timedOut,
  type TimeLimit,
} from '../records/index.js';
import { badArgument, checkOptions, valuesOf } from './arguments.js';
import { ChannelCore, Taken } from './channel-core.js';
import { ChannelWord } from './channel-layout.js';
import { ReceiveWaiter, SendWaiter } from './channel-waiters.js';
import { checkCollection, makeCollection } from './record.js';
import { checkSpin, Spinner } from './spinner.js';
import type { Values, ValueType } from './values.js';

/** Values that a channel holds at most if nothing is said. */
const CAPACITY_USUAL = 1024;
/** A ring of more cells than these has no place in 4 GiB, so this stands for no limit. */
const CAPACITY_MOST = 2 ** 28;
/** Cells that a channel without a limit begins with. */
export const CELLS_FIRST = 64;

/** How one worker uses a channel. */
export interface ChannelUse {
  /**
   * Turns of a loop, about a nanosecond each, that a thread takes at most before it goes to sleep: to wake it takes some microseconds.
   * Fewer where they were in vain lately; 0 for none. 10,000 if not given.
   */
  readonly spin?: number;
}

export interface ChannelOptions extends ChannelUse {
  /**
   * Values that it holds at most, 1 to 2^28: who sends more waits. 1,024 if not given. `Infinity` for a channel that grows as long as
   * the heap has room; what it has grown to it keeps.
   */
  readonly capacity?: number;
}

/**
 * A queue between workers: any of them sends, any of them receives, and each value is received once, in the order in which values
 * were sent. What is in it is the channel's own; what is received is the receiver's.
 *
 * A sender that is killed has sent its value or not. A receiver that is killed has taken its value out, which is lost with it,
 * or left it. Either may leave one block behind that nobody knows. Nobody waits for the dead.
 */
export class Channel<T> extends SharedObject {
  /** @internal */
  readonly core: ChannelCore;
  private readonly values: Values<T>;
  /** The words of one value, for calls that don't wait in between. */
  private readonly pair = new Int32Array(2);
  private readonly sending: Spinner;
  private readonly receiving: Spinner;

  /** Throws ERR_COLLECTION_ARGUMENT for options that make no sense. */
  static create<T>(heap: Heap, type: ValueType<T>, options: ChannelOptions = {}): Channel<T> {
    checkOptions('Channel.create', options, ['capacity', 'spin']);
    const { capacity = CAPACITY_USUAL } = options;
    checkCapacity(capacity);
    checkSpin('Channel.create', options.spin);
    const values = valuesOf('Channel.create', heap, type);
    const address = makeCollection(heap, ChannelWord.WORDS, values);
    const channel = new Channel(heap, address, values, options, true);
    const isBounded = capacity !== Infinity;
    try {
      const cells = isBounded ? 2 ** Math.ceil(Math.log2(capacity)) : CELLS_FIRST;
      channel.core.setUp(isBounded ? capacity : CAPACITY_MOST, cells);
    } catch (error) {
      heap.free(address);
      throw error;
    }
    publishRecord(heap, address, Kind.CHANNEL);
    return channel;
  }

  /** Opens the channel at an address. Throws ERR_HEAP_KIND if there is none, ERR_HEAP_DEFINITION if it holds other values. */
  static at<T>(heap: Heap, address: number, type: ValueType<T>, use: ChannelUse = {}): Channel<T> {
    checkSpin('Channel.at', use.spin);
    const values = valuesOf('Channel.at', heap, type);
    checkCollection(heap, address, Kind.CHANNEL, ChannelWord.WORDS, values);
    return new Channel(heap, address, values, use, false);
  }

  private constructor(heap: Heap, address: number, values: Values<T>, { spin }: ChannelUse, isMaker: boolean) {
    super(heap, address, isMaker);
    this.core = new ChannelCore(heap, address);
    this.values = values;
    this.sending = new Spinner(spin);
    this.receiving = new Spinner(spin);
  }

  /** @internal */
  get kind(): Kind {
    return Kind.CHANNEL;
  }

  /** @internal */
  protected isInUse(): boolean {
    return this.core.isInUse();
  }

  /** @internal */
  protected override freeContents(): void {
    this.undo(this.core.drain(), 0, true);
  }

  /** Values in it at this moment. */
  get length(): number {
    return this.core.count();
  }

  /** Whether `close()` was called. There may be values in it still. */
  get isClosed(): boolean {
    return this.core.load(ChannelWord.X_CLOSED) !== 0;
  }

  /**
   * Says that nothing will be sent any more: senders get ERR_COLLECTION_CLOSED, those that wait included; receivers get what is
   * in it, and `undefined` from then on. Closing it again does nothing.
   */
  close(): void {
    this.core.close();
  }

  /**
   * Sends a value; blocks while the channel is full. Throws ERR_SYNC_TIMEOUT, ERR_COLLECTION_CLOSED, ERR_HEAP_VALUE for what is no
   * such value, ERR_HEAP_OUT_OF_MEMORY, and ERR_SYNC_MAY_NOT_BLOCK on a browser's main thread; the value is the caller's then.
   */
  send(value: T, { timeoutMs }: TimeLimit = {}): void {
    checkMayBlock('send', 'sendAsync or trySend');
    checkTimeout('send', timeoutMs);
    this.encode(value, this.pair);
    this.sendPairs('send', this.pair, timeoutMs);
  }

  /** The same without blocking the thread. Rejects with the signal's reason when that is aborted. */
  async sendAsync(value: T, limit: AsyncLimit = {}): Promise<void> {
    checkTimeout('sendAsync', limit.timeoutMs);
    // Of its own: the next call may come before this one is done.
    const pair = new Int32Array(2);
    this.encode(value, pair);
    await this.sendPairsLater('sendAsync', pair, limit);
  }

  /** Sends a value if there is room and nobody else is sending at this instant. False if not. Never waits. */
  trySend(value: T): boolean {
    this.encode(value, this.pair);
    return this.putPairs('trySend', this.pair) === 1;
  }

  /**
   * Sends values in their order; blocks whenever the channel is full. What was sent when an error ends it stays sent: `sent` of the
   * error says how many. The rest are the caller's.
   */
  sendMany(values: Iterable<T>, { timeoutMs }: TimeLimit = {}): void {
    checkMayBlock('sendMany', 'sendManyAsync or trySendMany');
    checkTimeout('sendMany', timeoutMs);
    this.sendPairs('sendMany', this.encodeAll(values), timeoutMs);
  }

  /** The same without blocking the thread. */
  async sendManyAsync(values: Iterable<T>, limit: AsyncLimit = {}): Promise<void> {
    checkTimeout('sendManyAsync', limit.timeoutMs);
    await this.sendPairsLater('sendManyAsync', this.encodeAll(values), limit);
  }

  /** Sends as many of the values as there is room for, from the first on; how many. Never waits. */
  trySendMany(values: Iterable<T>): number {
    return this.putPairs('trySendMany', this.encodeAll(values));
  }

  /**
   * Receives a value; blocks while there is none. `undefined` once the channel is closed and empty. Throws ERR_SYNC_TIMEOUT, and
   * ERR_SYNC_MAY_NOT_BLOCK on a browser's main thread.
   */
  receive({ timeoutMs }: TimeLimit = {}): T | undefined {
    checkMayBlock('receive', 'receiveAsync or tryReceive');
    checkTimeout('receive', timeoutMs);
    return this.receivePairs('receive', this.pair, timeoutMs) > 0 ? this.decode(this.pair, 0) : undefined;
  }

  /** The same without blocking the thread. Rejects with the signal's reason when that is aborted. */
  async receiveAsync(limit: AsyncLimit = {}): Promise<T | undefined> {
    checkTimeout('receiveAsync', limit.timeoutMs);
    const pair = new Int32Array(2);
    return (await this.receivePairsLater('receiveAsync', pair, limit)) > 0 ? this.decode(pair, 0) : undefined;
  }

  /** A value if there is one and nobody else is receiving at this instant; else undefined. Never waits. */
  tryReceive(): T | undefined {
    return this.core.take('tryReceive', this.pair, 1, false) > 0 ? this.decode(this.pair, 0) : undefined;
  }

  /** Receives up to so many values; blocks while there is none. Empty once the channel is closed and empty. */
  receiveMany(most: number, { timeoutMs }: TimeLimit = {}): T[] {
    checkMayBlock('receiveMany', 'receiveManyAsync or tryReceiveMany');
    checkTimeout('receiveMany', timeoutMs);
    const pairs = this.pairsFor('receiveMany', most);
    return this.decodeAll(pairs, this.receivePairs('receiveMany', pairs, timeoutMs));
  }

  /** The same without blocking the thread. */
  async receiveManyAsync(most: number, limit: AsyncLimit = {}): Promise<T[]> {
    checkTimeout('receiveManyAsync', limit.timeoutMs);
    const pairs = this.pairsFor('receiveManyAsync', most);
    return this.decodeAll(pairs, await this.receivePairsLater('receiveManyAsync', pairs, limit));
  }

  /** Up to so many of the values that are there. Never waits. */
  tryReceiveMany(most: number): T[] {
    const pairs = this.pairsFor('tryReceiveMany', most);
    return this.decodeAll(pairs, this.core.take('tryReceiveMany', pairs, pairs.length / 2, false));
  }

  /** Receives until the channel is closed and empty, and takes out each value when it is asked for: what a loop leaves stays in it. */
  [Symbol.iterator](): IterableIterator<T, undefined> {
    const iterator: IterableIterator<T, undefined> = {
      next: () => resultOf(this.receive()),
      [Symbol.iterator]: () => iterator,
    };
    return iterator;
  }

  /** The same without blocking the thread. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined> {
    const iterator: AsyncIterableIterator<T, undefined> = {
      next: async () => resultOf(await this.receiveAsync()),
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  private encode(value: T, pair: Int32Array): void {
    this.values.encode(value);
    pair[0] = this.values.low;
    pair[1] = this.values.high;
  }

  /** All or none. */
  private encodeAll(values: Iterable<T>): Int32Array {
    const list = [...values];
    const pairs = new Int32Array(2 * list.length);
    for (let i = 0; i < list.length; i++) {
      try {
        this.values.encode(list[i]);
      } catch (error) {
        this.undo(pairs.subarray(0, 2 * i), 0, false);
        throw error;
      }
      pairs[2 * i] = this.values.low;
      pairs[2 * i + 1] = this.values.high;
    }
    return pairs;
  }

  /** @internal The value that was taken out, which is the caller's. */
  decode(pairs: Int32Array, at: number): T {
    return this.values.take(pairs[2 * at], pairs[2 * at + 1]);
  }

  private decodeAll(pairs: Int32Array, count: number): T[] {
    const list: T[] = [];
    for (let i = 0; i < count; i++) list.push(this.decode(pairs, i));
    return list;
  }

  /** Frees what was allocated for the values from one on; with `isOwned` what they own too. */
  private undo(pairs: Int32Array, from: number, isOwned: boolean): void {
    for (let i = from; i < pairs.length / 2; i++) {
      if (isOwned) this.values.free(pairs[2 * i], pairs[2 * i + 1]);
      else this.values.undo(pairs[2 * i], pairs[2 * i + 1]);
    }
  }

  private pairsFor(call: string, most: unknown): Int32Array {
    if (!Number.isInteger(most) || (most as number) < 1)
      throw badArgument(call, `${String(most)} values; it must be a whole number from 1 on`, { most });
    // No more than there can be at a time.
    return new Int32Array(2 * Math.max(1, Math.min(most as number, Math.max(this.length, 64))));
  }

  private putPairs(call: string, pairs: Int32Array): number {
    let sent = 0;
    try {
      const total = pairs.length / 2;
      for (let count = 1; sent < total && count > 0; sent += count)
        count = this.core.insert(call, pairs, sent, total, false);
    } finally {
      this.undo(pairs, sent, false);
    }
    return sent;
  }

  private sendPairs(call: string, pairs: Int32Array, timeoutMs: number | undefined): void {
    let waiter: SendWaiter | undefined;
    try {
      const sent = this.core.insert(call, pairs, 0, pairs.length / 2, true);
      if (sent === pairs.length / 2) return;
      waiter = new SendWaiter(this.core, call, pairs, sent);
      const deadline = now() + (timeoutMs ?? Infinity);
      while (!waiter.isDone) {
        if (this.sending.spin(this.core, ChannelWord.X_SENDERS) && waiter.attempt()) continue;
        if (!block(this.heap, waiter, deadline - now())) throw timedOut(call, this.address, timeoutMs);
      }
    } catch (error) {
      throw this.unsent(pairs, waiter?.next ?? 0, error);
    }
  }

  private async sendPairsLater(call: string, pairs: Int32Array, { timeoutMs, signal }: AsyncLimit): Promise<void> {
    const waiter = new SendWaiter(this.core, call, pairs, 0);
    const deadline = now() + (timeoutMs ?? Infinity);
    try {
      signal?.throwIfAborted();
      while (!waiter.isDone) {
        const limit = { timeoutMs: deadline - now(), ...(signal === undefined ? {} : { signal }) };
        if (!(await later(this.heap, waiter, limit))) throw timedOut(call, this.address, timeoutMs);
      }
    } catch (error) {
      throw this.unsent(pairs, waiter.next, error);
    }
  }

  /** An error that ended a call, which says how many values were sent by then; the rest are the caller's again. */
  private unsent(pairs: Int32Array, sent: number, error: unknown): unknown {
    this.undo(pairs, sent, false);
    return error instanceof HeapError ? Object.assign(error, { sent }) : error;
  }

  private receivePairs(call: string, pairs: Int32Array, timeoutMs: number | undefined): number {
    const most = pairs.length / 2;
    let count = this.core.take(call, pairs, most, true);
    if (count !== Taken.NONE) return count;
    if (this.receiving.spin(this.core, ChannelWord.X_RECEIVERS)) {
      count = this.core.take(call, pairs, most, true);
      if (count !== Taken.NONE) return count;
    }
    const waiter = new ReceiveWaiter(this.core, call, pairs, most);
    if (!block(this.heap, waiter, timeoutMs)) throw timedOut(call, this.address, timeoutMs);
    return waiter.count;
  }

  private async receivePairsLater(call: string, pairs: Int32Array, limit: AsyncLimit): Promise<number> {
    limit.signal?.throwIfAborted();
    const count = this.core.take(call, pairs, pairs.length / 2, true);
    if (count !== Taken.NONE) return count;
    const waiter = new ReceiveWaiter(this.core, call, pairs, pairs.length / 2);
    if (!(await later(this.heap, waiter, limit))) throw timedOut(call, this.address, limit.timeoutMs);
    return waiter.count;
  }
}

const resultOf = <T>(value: T | undefined): IteratorResult<T, undefined> =>
  value === undefined ? { done: true, value: undefined } : { done: false, value };

function checkCapacity(capacity: unknown): void {
  const isRight = Number.isInteger(capacity) && (capacity as number) >= 1 && (capacity as number) <= CAPACITY_MOST;
  if (isRight || capacity === Infinity) return;
  throw badArgument(
    'Channel.create',
    `capacity is ${String(capacity)}; it must be from 1 to ${CAPACITY_MOST}, or Infinity`,
    { capacity },
  );
}
