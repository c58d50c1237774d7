import { badArgument } from './arguments.js';
import type { ChannelCore } from './channel-core.js';
import type { ChannelWord } from './channel-layout.js';

/** Turns before a thread sleeps if nothing is said: about as long as it takes to wake one, so it costs twice that at worst. */
const SPIN_USUAL = 10_000;
/** Of the turns that it may take, so many are left after being in vain again and again. */
const LEAST_SHARE = 1 / 64;
/** Turns between two looks, at first and later: who looks all the time slows down whom it waits for. */
const PAUSE_FIRST = 16;
const PAUSE_LAST = 512;

export function checkSpin(call: string, spin: number | undefined): void {
  if (spin === undefined || (Number.isInteger(spin) && spin >= 0)) return;
  throw badArgument(call, `spin is ${String(spin)}; it must be a whole number of turns from 0 on`, { spin });
}

/** Keeps a thread busy for a while before it goes to sleep, for as long as that has been worth it lately. */
export class Spinner {
  private readonly most: number;
  private turns: number;
  /** What the empty turns come to, so that no engine leaves them out. */
  private idle = 0;

  constructor(most = SPIN_USUAL) {
    this.most = most;
    this.turns = most;
  }

  /** True if it is worth another try. */
  spin(core: ChannelCore, place: ChannelWord.X_RECEIVERS | ChannelWord.X_SENDERS): boolean {
    let pause = PAUSE_FIRST;
    for (let left = this.turns; left > 0; left -= pause) {
      for (let turn = 0; turn < pause; turn++) this.idle = (this.idle + turn) & 0xffff;
      if (core.isReadyFor(place)) {
        this.turns = Math.min(this.most, this.turns * 2);
        return true;
      }
      pause = Math.min(pause * 2, PAUSE_LAST);
    }
    this.turns = Math.ceil(Math.max(this.most * LEAST_SHARE, this.turns / 2));
    return false;
  }
}
