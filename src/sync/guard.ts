import { notHolder } from './errors.js';

/**
 * A lock that is held. Made by the call that took it, and used up by `unlock()` or at the end of its `using`, which does
 * nothing after an `unlock()`.
 */
export abstract class Guard {
  private isHeld = true;

  /** @internal */
  constructor(protected readonly address: number) {}

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
