import * as atomics from '#atomics';
import type { Views } from '../records/index.js';

/**
 * Copies what lies in a block into memory of this thread's own. Word by word and atomically, so that a reader without a lock may look
 * afterwards whether it was right to: atomic loads stay in their order on every processor.
 */
export class BlockCopy {
  private copied = new Int32Array(64);
  /** The copy, until the next one. */
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(this.copied.buffer);

  constructor(private readonly views: Views) {}

  /** Copies so many bytes from an address, both perhaps nonsense. False if there is no such memory. */
  copy(low: number, high: number): boolean {
    const [address, length] = [low >>> 0, high >>> 0];
    if (!this.views.cover(address + length)) return false;
    if (length > this.bytes.length) {
      this.copied = new Int32Array(2 ** Math.ceil(Math.log2(length / 4)));
      this.bytes = new Uint8Array(this.copied.buffer);
    }
    const { i32 } = this.views;
    const { copied } = this;
    const first = address >>> 2;
    for (let i = 0; i * 4 < length; i++) copied[i] = atomics.load(i32, first + i);
    return true;
  }
}
