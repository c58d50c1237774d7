import { notHolder } from '../records/index.js';

/*
 * The fields of guards and waiters are only declared, and set in the constructor: one is made for each lock, and engines take
 * six times as long to make an object whose class defines its fields once there are a few such classes.
 */

/**
 * A lock that is held. Made by the call that took it, and used up by `unlock()` or at the end of its `using`, which does
 * nothing after an `unlock()`.
 */
export abstract class Guard {
  declare private isHeld: boolean;
  /** @internal */
  declare protected readonly address: number;

  /** @internal */
  constructor(address: number) {
    this.isHeld = true;
    this.address = address;
  }

  /** Gives the lock up. Throws ERR_SYNC_NOT_HOLDER if this guard has done so before, or was taken for dead. */
  unlock(): void {
    this.check('unlock');
    this.isHeld = false;
    this.release();
  }

  [Symbol.dispose](): void {
    if (this.isHeld) this.unlock();
  }

  /** @internal */
  check(call: string): void {
    if (!this.isHeld) throw notHolder(call, this.address);
  }

  /** @internal */
  protected abstract release(): void;
}
