// What the tests and the worker scripts they start have in common. Plain JavaScript, so that node runs it as it is.

/** Seeded generator (Mulberry32, Tommy Ettinger): the same seed gives the same test on every machine. */
export class Random {
  constructor(seed) {
    this.seed = seed >>> 0;
    this.state = this.seed;
  }

  /** An unsigned 32-bit number. */
  next() {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** An integer from min to max, both included. */
  int(min, max) {
    return min + (this.next() % (max - min + 1));
  }

  /** True once in `times`. */
  oneIn(times) {
    return this.next() % times === 0;
  }

  pick(list) {
    return list[this.next() % list.length];
  }

  /** An integer from min to max, each power of two as likely as the others: what allocation sizes look like. */
  size(min, max) {
    const low = Math.log2(min + 1);
    const high = Math.log2(max + 2);
    return Math.min(max, Math.floor(2 ** (low + ((high - low) * this.next()) / 2 ** 32)) - 1);
  }

  shuffle(list) {
    for (let i = list.length - 1; i > 0; i--) {
      const j = this.int(0, i);
      [list[i], list[j]] = [list[j], list[i]];
    }
    return list;
  }
}

const DENSE_BYTES = 4096;
const SPARSE_STEP = 61;

const byteAt = (tag, i) => (Math.imul(tag + 1, 0x9e37) ^ (i * 167 + (i >>> 8) * 31)) & 0xff;
const after = (i) => (i < DENSE_BYTES ? i + 1 : i + SPARSE_STEP);

/** Writes a pattern that `tag` and the position decide: every byte of the first 4 KiB, then samples, and the last byte. */
export function stamp(u8, address, bytes, tag) {
  for (let i = 0; i < bytes; i = after(i)) u8[address + i] = byteAt(tag, i);
  if (bytes > 0) u8[address + bytes - 1] = byteAt(tag, bytes - 1);
}

/** The first of `bytes` bytes that is not as `stamp` left it, or -1. `stamped` is how many were stamped, if more. */
export function damage(u8, address, bytes, tag, stamped = bytes) {
  for (let i = 0; i < bytes; i = after(i)) {
    if (u8[address + i] !== byteAt(tag, i)) return i;
  }
  const last = bytes - 1;
  return bytes > 0 && bytes === stamped && u8[address + last] !== byteAt(tag, last) ? last : -1;
}

/** The first of `bytes` bytes that is not 0, or -1. */
export function nonZero(u8, address, bytes) {
  for (let i = 0; i < bytes; i++) if (u8[address + i] !== 0) return i;
  return -1;
}
