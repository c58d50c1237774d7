import type { Region } from '../memory/region.js';

/** Words of 8 bytes up to which single stores take less time than a call of fill. */
const ZERO_BY_WORDS_MAX = 32;

/**
 * Zeroes `bytes` bytes from a multiple of 16 on, up to the next one, which is still of the block. By big integers: on V8
 * filling shared memory takes half the time that it takes by floats, and an eighth of that by bytes.
 */
export function zeroBlock(region: Region, address: number, bytes: number): void {
  const first = address >>> 3;
  const last = first + ((bytes + 7) >>> 3);
  if (last - first > ZERO_BY_WORDS_MAX) {
    region.i64.fill(0n, first, last);
    return;
  }
  const { f64 } = region;
  for (let word = first; word < last; word += 2) {
    f64[word] = 0;
    f64[word + 1] = 0;
  }
}

/** The same from any byte of a block on. */
export function zeroTail(region: Region, from: number, end: number): void {
  let at = from;
  while (at < end && (at & 15) !== 0) region.u8[at++] = 0;
  if (at < end) zeroBlock(region, at, end - at);
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
