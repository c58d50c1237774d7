/** Set bits of a 32-bit word (Warren, "Hacker's Delight", 5-1). */
export function popcount(word: number): number {
  let v = word - ((word >>> 1) & 0x55555555);
  v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
  return Math.imul((v + (v >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Index of the lowest set bit; `word` must not be 0. */
export function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}

/** `count` ones starting at bit `start`; `start + count <= 32`, `count >= 1`. */
export function maskOf(start: number, count: number): number {
  return (0xffffffff >>> (32 - count)) << start;
}

/** Bits i such that bits i .. i + count - 1 of `free` are all set: a run of `count` starts there. */
export function runStarts(free: number, count: number): number {
  let starts = free;
  let have = 1;
  while (have < count && starts !== 0) {
    const step = Math.min(have, count - have);
    starts &= starts >>> step;
    have += step;
  }
  return starts;
}

export function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}

export function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(value) && value > 0 && Math.log2(value) % 1 === 0;
}

/** FNV-1a over the text: a fingerprint that tells two layouts apart, not a defence against forgery. */
export function fingerprint(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash | 0;
}
