import type { Region } from '../memory/region.js';

/** Bytes that fill memory, and say in a dump what happened to it last. */
export const enum Fill {
  /** Handed out and not written since. */
  FRESH = 0xfa,
  /** Freed by the worker that owns its slab. */
  FREED_HERE = 0xdf,
  /** Freed by another worker. */
  FREED_ELSEWHERE = 0xde,
  /** Came with a slab of a worker that left. */
  ADOPTED = 0xad,
  /** Between the bytes that were asked for and the end of the block. */
  SLACK = 0xca,
  /** Fills nothing. The trailer of a block says it until the block is handed out. */
  UNENTERED = 0x0e,
}

/** True for the bytes that stand for a block that was freed. */
export function isFreed(fill: number): boolean {
  return fill === Fill.FREED_HERE || fill === Fill.FREED_ELSEWHERE || fill === Fill.ADOPTED;
}

/** The first address from `from` to `end` that doesn't hold the byte; -1 if all do. */
export function firstOther(region: Region, from: number, end: number, byte: number): number {
  const { u8, i32 } = region;
  const word = Math.imul(byte, 0x01010101);
  let at = from;
  while (at < end && (at & 3) !== 0) {
    if (u8[at] !== byte) return at;
    at++;
  }
  while (at + 4 <= end && i32[at >>> 2] === word) at += 4;
  for (; at < end; at++) if (u8[at] !== byte) return at;
  return -1;
}

/** How many of these bytes are another one. */
export function countOther(region: Region, from: number, end: number, byte: number): number {
  let others = 0;
  for (let at = from; at < end; at++) if (region.u8[at] !== byte) others++;
  return others;
}
