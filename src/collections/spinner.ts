import { wrongArgument } from '../records/index.js';
import type { ChannelCore } from './channel-core.js';
import type { ChannelWord } from './channel-layout.js';

/** Looks before a thread sleeps if nothing is said: about as long as it takes to wake a thread, so it costs twice that at worst. */
const SPIN_USUAL = 4000;
/** Of the looks that it may take, so many are left after being in vain again and again. */
const LEAST_SHARE = 1 / 64;

export function checkSpin(call: string, spin: number | undefined): void {
  if (spin === undefined || (Number.isInteger(spin) && spin >= 0)) return;
  throw wrongArgument(call, `spin is ${String(spin)}; it must be a whole number of looks from 0 on`, { spin });
}

/** Looks for a while before a thread goes to sleep, for as long as that has been worth it lately. */
export class Spinner {
  private readonly most: number;
  private looks: number;

  constructor(most = SPIN_USUAL) {
    this.most = most;
    this.looks = most;
  }

  /** True if it is worth another try. */
  spin(core: ChannelCore, place: ChannelWord.X_RECEIVERS | ChannelWord.X_SENDERS): boolean {
    for (let i = 0; i < this.looks; i++) {
      if (!core.isReadyFor(place)) continue;
      this.looks = Math.min(this.most, this.looks * 2);
      return true;
    }
    this.looks = Math.ceil(Math.max(this.most * LEAST_SHARE, this.looks / 2));
    return false;
  }
}
