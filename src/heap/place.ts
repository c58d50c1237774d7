import { Geometry } from '../layout/geometry.js';

/** A block keeps its place while the new size uses at least this share of it. */
const KEEP_SHARE = 0.5;

/** True if a block of `have` bytes is neither too small nor far too big for `bytes`. */
export function keepsPlace(have: number, bytes: number): boolean {
  return bytes <= have && (bytes >= have * KEEP_SHARE || have <= Geometry.GRANULE_BYTES);
}
