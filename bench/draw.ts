import { type Spec } from './spec.js';

/**
 * The pseudo-random sequence of one worker: xorshift32. The loops copy its fields into locals, step it inline and write
 * them back; `bench/native/bench.c` does the same, so that both candidates do the same work, which `checksum` proves.
 *
 * One step serves one free and one malloc: its low half picks the slot, its high half the size. Both are scaled by
 * multiplication, as a division would cost as much as a malloc.
 */
export class Draw {
  x: number;
  /** Sum of the sizes asked for. */
  sum = 0;
  readonly sizeMin: number;
  /** Sizes are sizeMin + (0 .. sizeCount - 1) << sizeShift. The shift is 0 unless the range is wider than 64 KiB. */
  readonly sizeCount: number;
  readonly sizeShift: number;

  constructor(spec: Spec, worker: number) {
    // An odd multiplier keeps different pairs of seed and worker apart; 0 is the one state that xorshift never leaves.
    this.x = Math.imul(spec.seed + worker * 0x10001, 0x9e3779b1) || 1;
    const range = spec.sizeMax - spec.sizeMin + 1;
    this.sizeShift = Math.max(0, Math.ceil(Math.log2(range / 65536)));
    this.sizeMin = spec.sizeMin;
    this.sizeCount = range >>> this.sizeShift;
  }

  /** A step for its size alone: for loops that have no slot to pick and are not measured. */
  nextSize(): number {
    let { x } = this;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.x = x;
    const size = this.sizeMin + ((Math.imul(x >>> 16, this.sizeCount) >>> 16) << this.sizeShift);
    this.sum = (this.sum + size) | 0;
    return size;
  }

  get checksum(): number {
    return Math.imul(this.sum ^ this.x, 0x9e3779b1) >>> 0;
  }
}
