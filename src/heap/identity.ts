import * as atomics from '#atomics';
import { SlotWord } from '../layout/offsets.generated.js';
import type { Region } from '../memory/region.js';

let nextProbe = 1;

/**
 * Tells whether a SharedArrayBuffer object is the region's memory. A view that arrives in a message has a buffer object
 * of its own although the memory is the same, so objects can't be compared: a number written through one must be read
 * through the other. The word belongs to the asking worker's slot, so nobody else writes it meanwhile.
 */
export class Identity {
  private readonly region: Region;
  private readonly probe: number;
  private readonly known = new WeakMap<ArrayBufferLike, boolean>();

  constructor(region: Region, slot: number) {
    this.region = region;
    this.probe = region.slotWord(slot) + SlotWord.X_PROBE;
  }

  isSameMemory(buffer: ArrayBufferLike): boolean {
    if (buffer === this.region.buffer) return true;
    let same = this.known.get(buffer);
    if (same === undefined) this.known.set(buffer, (same = this.prove(buffer)));
    return same;
  }

  private prove(buffer: ArrayBufferLike): boolean {
    if (!(buffer instanceof SharedArrayBuffer) || buffer.byteLength < (this.probe + 1) * 4) return false;
    const other = new Int32Array(buffer, this.probe * 4, 1);
    const number = (nextProbe = (nextProbe + 0x9e3779b1) | 0);
    atomics.store(this.region.i32, this.probe, number);
    const first = atomics.load(other, 0);
    atomics.store(this.region.i32, this.probe, ~number);
    return first === number && atomics.load(other, 0) === ~number;
  }
}
