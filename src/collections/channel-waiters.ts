import { Waiter } from '../records/index.js';
import { Taken, type ChannelCore } from './channel-core.js';
import { ChannelWord } from './channel-layout.js';

/** Waits until there is something to receive. */
export class ReceiveWaiter extends Waiter {
  /** How many it got, or Taken.ENDED. */
  declare count: number;
  declare readonly pairs: Int32Array;
  declare private readonly core: ChannelCore;
  declare private readonly call: string;
  declare private readonly most: number;

  constructor(core: ChannelCore, call: string, pairs: Int32Array, most: number) {
    super();
    this.core = core;
    this.call = call;
    this.pairs = pairs;
    this.most = most;
    this.count = Taken.NONE;
    this.word = core.wordAt(ChannelWord.X_RECEIVERS);
    this.value = 1;
  }

  override attempt(): boolean {
    this.core.ask(ChannelWord.X_RECEIVERS);
    this.count = this.core.take(this.call, this.pairs, this.most, true);
    if (this.count === Taken.NONE) return false;
    this.core.passOn(ChannelWord.X_RECEIVERS);
    return true;
  }

  override giveUp(): boolean {
    this.core.passOn(ChannelWord.X_RECEIVERS);
    return false;
  }

  override passOn(): void {
    this.core.passOn(ChannelWord.X_RECEIVERS);
  }
}

/** Waits until there is room for one value at least, and puts in what there is room for. */
export class SendWaiter extends Waiter {
  /** Place of the next value to be sent. */
  declare next: number;
  declare private readonly pairs: Int32Array;
  declare private readonly core: ChannelCore;
  declare private readonly call: string;

  constructor(core: ChannelCore, call: string, pairs: Int32Array, next: number) {
    super();
    this.core = core;
    this.call = call;
    this.pairs = pairs;
    this.next = next;
    this.word = core.wordAt(ChannelWord.X_SENDERS);
    this.value = 1;
  }

  /** Whether all is sent. */
  get isDone(): boolean {
    return this.next === this.pairs.length / 2;
  }

  override attempt(): boolean {
    this.core.ask(ChannelWord.X_SENDERS);
    const count = this.core.insert(this.call, this.pairs, this.next, this.pairs.length / 2, true);
    if (count === 0) return false;
    this.next += count;
    this.core.passOn(ChannelWord.X_SENDERS);
    return true;
  }

  override giveUp(): boolean {
    this.core.passOn(ChannelWord.X_SENDERS);
    return false;
  }

  override passOn(): void {
    this.core.passOn(ChannelWord.X_SENDERS);
  }
}
