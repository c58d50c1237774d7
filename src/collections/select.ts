import * as atomics from '#atomics';
import { type Heap } from '../index.js';
import {
  type AsyncLimit,
  block,
  checkMayBlock,
  checkTimeout,
  later,
  timedOut,
  type TimeLimit,
  Waiter,
} from '../records/index.js';
import { badArgument } from './arguments.js';
import type { Channel } from './channel.js';
import { type ChannelCore, Taken } from './channel-core.js';
import { ChannelWord, NodeWord, SelectWord } from './channel-layout.js';

type OneOf<C> = C extends Channel<infer T> ? { readonly channel: C; readonly value: T } : never;

/** What was received, and from which of the channels. */
export type Selected<Channels extends readonly Channel<unknown>[]> = OneOf<Channels[number]>;

/**
 * Waits for several channels at once. A block of its own, with a bell, is linked into the list of each of them as long as it waits; whoever
 * sends rings it. No channel holds on to memory of another one, so each may be disposed of by itself.
 */
class SelectWaiter extends Waiter {
  /** Which of the channels it got a value from; -1 if all have ended. */
  declare chosen: number;
  declare readonly pair: Int32Array;
  declare readonly heap: Heap;
  declare private readonly call: string;
  declare private readonly cores: readonly ChannelCore[];
  declare private block: number;

  constructor(heap: Heap, call: string, cores: readonly ChannelCore[]) {
    super();
    this.heap = heap;
    this.call = call;
    this.cores = cores;
    this.pair = new Int32Array(2);
    this.chosen = -1;
    this.block = 0;
  }

  /** One look at all of them. True if a value was had, or none will ever be. */
  look(): boolean {
    const { cores } = this;
    // Begins one further after each value, whoever took it, so no channel waits for ever behind a busy one.
    let first = 0;
    for (let i = 0; i < cores.length; i++) first = (first + cores[i].load(ChannelWord.X_HEAD)) >>> 0;
    let ended = 0;
    for (let i = 0; i < cores.length; i++) {
      const at = (first + i) % cores.length;
      const count = cores[at].take(this.call, this.pair, 1, true);
      if (count > 0) {
        this.chosen = at;
        return true;
      }
      if (count === Taken.ENDED) ended++;
    }
    return ended === cores.length;
  }

  /** Has the channels ring. */
  enrol(): void {
    const { heap, cores } = this;
    this.block = heap.calloc((SelectWord.FIRST_NODE + cores.length * NodeWord.WORDS) * 4);
    heap.i32[this.block / 4 + SelectWord.WORKER] = heap.workerId;
    this.word = this.block / 4 + SelectWord.X_BELL;
    for (let i = 0; i < cores.length; i++) cores[i].enrol(this.call, this.nodeOf(i), this.block);
  }

  /** Nobody rings any more. */
  withdraw(): void {
    if (this.block === 0) return;
    for (let i = 0; i < this.cores.length; i++) this.cores[i].withdraw(this.call, this.nodeOf(i));
    this.heap.free(this.block);
    this.block = 0;
  }

  private nodeOf(i: number): number {
    return this.block + (SelectWord.FIRST_NODE + i * NodeWord.WORDS) * 4;
  }

  override attempt(): boolean {
    // Before the look: what is sent after it rings.
    atomics.store(this.heap.i32, this.word, 0);
    return this.look();
  }

  override giveUp(): boolean {
    return false;
  }

  override passOn(): void {
    // The block may be another's by now, and somebody else asleep there.
    atomics.notify(this.heap.i32, this.word, 1);
  }
}

function waiterFor(call: string, channels: readonly Channel<unknown>[]): SelectWaiter {
  if (channels.length === 0) throw badArgument(call, 'no channels; pass one at least', {});
  const [{ heap }] = channels;
  if (channels.some((channel) => channel.heap !== heap))
    throw badArgument(call, 'channels of several heaps; pass such as were opened with one Heap object', {});
  return new SelectWaiter(
    heap,
    call,
    channels.map(({ core }) => core),
  );
}

function selected<Channels extends readonly Channel<unknown>[]>(
  channels: Channels,
  { chosen, pair }: SelectWaiter,
): Selected<Channels> | undefined {
  if (chosen < 0) return undefined;
  const channel = channels[chosen];
  return { channel, value: channel.decode(pair, 0) } as Selected<Channels>;
}

/**
 * Receives a value from whichever of the channels has one; blocks while none has. Those that have are served by turns. `undefined` once all
 * are closed and empty. Throws ERR_SYNC_TIMEOUT, and ERR_SYNC_MAY_NOT_BLOCK on a browser's main thread.
 */
export function select<const Channels extends readonly Channel<unknown>[]>(
  channels: Channels,
  { timeoutMs }: TimeLimit = {},
): Selected<Channels> | undefined {
  checkMayBlock('select', 'selectAsync');
  checkTimeout('select', timeoutMs);
  const waiter = waiterFor('select', channels);
  if (!waiter.look()) {
    try {
      waiter.enrol();
      if (!block(waiter.heap, waiter, timeoutMs)) throw timedOut('select', channels[0].address, timeoutMs);
    } finally {
      waiter.withdraw();
    }
  }
  return selected(channels, waiter);
}

/** The same without blocking the thread. Rejects with the signal's reason when that is aborted. */
export async function selectAsync<const Channels extends readonly Channel<unknown>[]>(
  channels: Channels,
  limit: AsyncLimit = {},
): Promise<Selected<Channels> | undefined> {
  checkTimeout('selectAsync', limit.timeoutMs);
  limit.signal?.throwIfAborted();
  const waiter = waiterFor('selectAsync', channels);
  if (!waiter.look()) {
    try {
      waiter.enrol();
      if (!(await later(waiter.heap, waiter, limit)))
        throw timedOut('selectAsync', channels[0].address, limit.timeoutMs);
    } finally {
      waiter.withdraw();
    }
  }
  return selected(channels, waiter);
}
