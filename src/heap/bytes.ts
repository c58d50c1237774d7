import type { Region } from '../memory/region.js';

/**
 * Zeroes part of a block, up to the next multiple of 8 behind it, which is still the block's. Eight bytes at a time: filling
 * shared memory by bytes takes eight times as long. Short runs by stores, which cost less than a call of fill.
 */
export function zeroFill(region: Region, address: number, bytes: number): void {
  const { u8, f64 } = region;
  const end = address + bytes;
  let from = address;
  while (from < end && from % 8 !== 0) u8[from++] = 0;
  const first = from / 8;
  const last = Math.ceil(end / 8);
  if (last - first > 16) f64.fill(0, first, last);
  else for (let word = first; word < last; word++) f64[word] = 0;
}

/** Bytes up to which single loads and stores take less time than a call of copyWithin. */
const COPY_BY_WORDS_MAX_BYTES = 64;

/** Copies from block to block. They begin and end on multiples of 16, so whole words may be copied. */
export function copyBlock(region: Region, from: number, to: number, bytes: number): void {
  if (region.isStale()) region.renew();
  if (bytes > COPY_BY_WORDS_MAX_BYTES) {
    region.f64.copyWithin(to / 8, from / 8, from / 8 + Math.ceil(bytes / 8));
    return;
  }
  const { i32 } = region;
  const [source, target, words] = [from >>> 2, to >>> 2, (bytes + 3) >>> 2];
  for (let word = 0; word < words; word++) i32[target + word] = i32[source + word];
}
