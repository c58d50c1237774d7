/** Every byte up to here carries the pattern, behind it one of so many: large blocks cost little and still tell. */
const DENSE_BYTES = 4096;
const SPARSE_STEP = 61;

const byteAt = (tag: number, i: number): number => (Math.imul(tag + 1, 0x9e37) ^ (i * 167 + (i >>> 8) * 31)) & 0xff;
const after = (i: number): number => (i < DENSE_BYTES ? i + 1 : i + SPARSE_STEP);

/** Writes a pattern that `tag` and the position decide: every byte of the first 4 KiB, then samples, and the last byte. */
export function stamp(u8: Uint8Array, address: number, bytes: number, tag: number): void {
  for (let i = 0; i < bytes; i = after(i)) u8[address + i] = byteAt(tag, i);
  if (bytes > 0) u8[address + bytes - 1] = byteAt(tag, bytes - 1);
}

/** The first of `bytes` bytes that is not as `stamp` left it, or -1. `stamped` is how many were stamped, if more. */
export function damage(u8: Uint8Array, address: number, bytes: number, tag: number, stamped = bytes): number {
  for (let i = 0; i < bytes; i = after(i)) {
    if (u8[address + i] !== byteAt(tag, i)) return i;
  }
  const last = bytes - 1;
  return bytes > 0 && bytes === stamped && u8[address + last] !== byteAt(tag, last) ? last : -1;
}

/** The first of `bytes` bytes that is not 0, or -1. */
export function nonZero(u8: Uint8Array, address: number, bytes: number): number {
  for (let i = 0; i < bytes; i++) if (u8[address + i] !== 0) return i;
  return -1;
}
