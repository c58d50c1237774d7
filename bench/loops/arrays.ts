import { type ArrayAllocator } from '../allocator.js';

/** Frees an array and puts a new one in its place, `pairs` times; writes all of it, or its first and last element. */
export function churnArrays(
  arrays: ArrayAllocator,
  kept: Float32Array[],
  length: number,
  fill: boolean,
  pairs: number,
): void {
  const count = kept.length;
  let slot = 0;
  for (let i = 0; i < pairs; i++) {
    arrays.free(kept[slot]);
    const array = arrays.alloc(length);
    if (fill) array.fill(i);
    array[0] = i;
    array[length - 1] = i;
    kept[slot] = array;
    slot = slot + 1 === count ? 0 : slot + 1;
  }
}
