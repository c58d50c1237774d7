import { vi } from 'vitest';

const WASM_PAGE = 65_536;

/** A growth as it was asked for first, and once more with just the bytes that are needed if that was refused. */
export interface Growth {
  /** From 1: of all growths since the supply was opened. */
  readonly number: number;
  /** Bytes that the memory would then have. */
  readonly bytes: number;
  readonly isSecondTry: boolean;
}

/**
 * Stands between every heap of this thread and the memory that the runtime grants. Counts growths and refuses those it is told
 * to, as the runtime does: with a RangeError.
 */
export class Supply {
  /** Growths so far. */
  growths = 0;
  refused = 0;
  /** Whether a growth is refused. */
  rule: (growth: Growth) => boolean = () => false;
  #refusedAt = -1;

  constructor() {
    const ask = this.#ask.bind(this);
    const { grow: growBuffer } = SharedArrayBuffer.prototype;
    vi.spyOn(SharedArrayBuffer.prototype, 'grow').mockImplementation(function (this: SharedArrayBuffer, bytes) {
      ask(this.byteLength, bytes ?? 0);
      growBuffer.call(this, bytes);
    });
    const { grow: growMemory } = WebAssembly.Memory.prototype;
    vi.spyOn(WebAssembly.Memory.prototype, 'grow').mockImplementation(function (this: WebAssembly.Memory, pages) {
      const { byteLength } = this.buffer;
      ask(byteLength, byteLength + pages * WASM_PAGE);
      return growMemory.call(this, pages);
    });
  }

  /** Refuses every growth of a call, which then doesn't count as one. */
  without<T>(call: () => T): T {
    const { growths, refused, rule } = this;
    this.rule = () => true;
    try {
      return call();
    } finally {
      Object.assign(this, { growths, refused, rule });
      this.#refusedAt = -1;
    }
  }

  #ask(have: number, bytes: number): void {
    // Asking for nothing is how a WebAssembly.Memory is made to look at what others have grown it to.
    if (bytes <= have) return;
    const isSecondTry = this.#refusedAt === have;
    if (!isSecondTry) this.growths++;
    this.#refusedAt = -1;
    if (!this.rule({ number: this.growths, bytes, isSecondTry })) return;
    this.refused++;
    if (!isSecondTry) this.#refusedAt = have;
    throw new RangeError('this growth is refused by the test');
  }
}
