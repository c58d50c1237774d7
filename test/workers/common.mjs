// What the tests and the worker scripts they start have in common. Plain JavaScript, so that node runs it as it is.

// By file: the entry sabmalloc/testing loads fast-check too, which a worker that lives for milliseconds can do without.
export { damage, nonZero, stamp } from '../../dist/testing/stamp.js';

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
