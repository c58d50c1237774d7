import * as atomics from '#atomics';
import { Headers } from '../config/options.js';
import { TrailerWord } from '../layout/offsets.generated.js';
import type { Region } from '../memory/region.js';
import { Fill, countOther, firstOther } from './fill.js';

/*
 * What blocks carry at their end, so that a block begins where it begins without, and every look-up by address stays as it is.
 *
 * full:   | bytes asked for | slack, filled | trailer |        slack + trailer tell a write past the end by a single byte
 * light:  | bytes                       | canary |             written when a slab is carved, and never again
 *
 * The holder of a block writes its trailer, nobody else looks at it before the block was handed on. Several may free it at once, by
 * mistake: the one that gets its id into X_FREED_BY is the holder from then on.
 */

const TRAILER_BYTES = TrailerWord.WORDS * 4;
const CANARY_BYTES = 8;
/** Behind a guarded block: a page that no block uses. */
export const GUARD_BYTES = 4096;

/** Bytes that a block loses to what it carries. */
export function overheadBytes(headers: number): number {
  if (headers === Headers.FULL) return TRAILER_BYTES;
  return headers === Headers.LIGHT ? CANARY_BYTES : 0;
}

/** In X_STATE, above the byte: in somebody's quarantine. */
const HELD = 0x100;

/** What is known about a block. Places are numbers of the table of call sites. */
export interface History {
  /** A `Fill`; FRESH for a live block. */
  readonly state: number;
  readonly isHeld: boolean;
  readonly bytes: number;
  readonly serial: number;
  readonly allocatedBy: number;
  readonly allocatedAt: number;
  /** Worker id; negative while that worker frees the block, 0 if nobody has. */
  readonly freedBy: number;
  readonly freedAt: number;
}

function trailerWord(address: number, blockBytes: number): number {
  return (address + blockBytes - TRAILER_BYTES) / 4;
}

/** MurmurHash3's mixing step over the words that are written when the block is allocated; never 0, so that zeroed memory is no trailer. */
function checkOf(region: Region, at: number, address: number): number {
  let hash = address >>> 4;
  for (let word = at + TrailerWord.BYTES; word < at + TrailerWord.X_FREED_BY; word++) {
    const mixed = Math.imul(region.i32[word], 0xcc9e2d51);
    hash = Math.imul(hash ^ ((mixed << 15) | (mixed >>> 17)), 5) + 0xe6546b64;
  }
  hash ^= hash >>> 16;
  return hash | 1;
}

export function writeTrailer(
  region: Region,
  address: number,
  blockBytes: number,
  history: Omit<History, 'isHeld'>,
): void {
  const { i32 } = region;
  const at = trailerWord(address, blockBytes);
  i32[at + TrailerWord.BYTES] = history.bytes;
  i32[at + TrailerWord.SERIAL] = history.serial;
  i32[at + TrailerWord.ALLOCATED_BY] = history.allocatedBy;
  i32[at + TrailerWord.ALLOCATED_AT] = history.allocatedAt;
  atomics.store(i32, at + TrailerWord.X_FREED_BY, history.freedBy);
  i32[at + TrailerWord.FREED_AT] = history.freedAt;
  i32[at + TrailerWord.CHECK] = checkOf(region, at, address);
  atomics.store(i32, at + TrailerWord.X_STATE, history.state);
}

/** Makes the memory of a block nobody's: its bytes may be what other blocks left there. */
export function eraseTrailer(region: Region, address: number, blockBytes: number): void {
  const at = trailerWord(address, blockBytes);
  region.i32[at + TrailerWord.CHECK] = 0;
  atomics.store(region.i32, at + TrailerWord.X_FREED_BY, 0);
  atomics.store(region.i32, at + TrailerWord.X_STATE, Fill.UNENTERED);
}

/** What the trailer says; undefined if there is none, or if it was written over. */
export function readTrailer(region: Region, address: number, blockBytes: number): History | undefined {
  const at = trailerWord(address, blockBytes);
  return region.i32[at] === checkOf(region, at, address) ? wordsOfTrailer(region, address, blockBytes) : undefined;
}

/** The same without asking whether it is whole: what a write past the end may have left of it. */
export function wordsOfTrailer(region: Region, address: number, blockBytes: number): History {
  const { i32, u32 } = region;
  const at = trailerWord(address, blockBytes);
  const state = atomics.load(i32, at + TrailerWord.X_STATE);
  return {
    state: state & ~HELD,
    isHeld: (state & HELD) !== 0,
    bytes: u32[at + TrailerWord.BYTES],
    serial: i32[at + TrailerWord.SERIAL],
    allocatedBy: i32[at + TrailerWord.ALLOCATED_BY],
    allocatedAt: i32[at + TrailerWord.ALLOCATED_AT],
    freedBy: atomics.load(i32, at + TrailerWord.X_FREED_BY),
    freedAt: i32[at + TrailerWord.FREED_AT],
  };
}

/** Negative while the worker with that id frees the block, or if it was killed or cut short within that. */
export function loadFreer(region: Region, address: number, blockBytes: number): number {
  return atomics.load(region.i32, trailerWord(address, blockBytes) + TrailerWord.X_FREED_BY);
}

/** Changes it if it is still `from`. Nobody but the worker that made it negative writes to the block, and to the trailer. */
export function swapFreer(region: Region, address: number, blockBytes: number, from: number, to: number): boolean {
  const at = trailerWord(address, blockBytes) + TrailerWord.X_FREED_BY;
  return atomics.compareExchange(region.i32, at, from, to) === from;
}

/** Before anything else is changed in a block that is freed: what is in it from here on is no overrun. */
export function storeState(region: Region, address: number, blockBytes: number, fill: number): void {
  atomics.store(region.i32, trailerWord(address, blockBytes) + TrailerWord.X_STATE, fill);
}

/** Enters in a freed block that it is in a quarantine, or is no more, unless it has become another block meanwhile. */
export function setHeld(region: Region, address: number, blockBytes: number, fill: number, isHeld: boolean): void {
  const at = trailerWord(address, blockBytes) + TrailerWord.X_STATE;
  const [before, after] = isHeld ? [fill, fill | HELD] : [fill | HELD, fill];
  atomics.compareExchange(region.i32, at, before, after);
}

export function fillSlack(region: Region, address: number, bytes: number, blockBytes: number): void {
  region.u8.fill(Fill.SLACK, address + bytes, address + blockBytes - TRAILER_BYTES);
}

/** Fills a freed block, up to the trailer. */
export function fillFreed(region: Region, address: number, blockBytes: number, fill: number): void {
  region.u8.fill(fill, address, address + blockBytes - TRAILER_BYTES);
}

/** Bytes found changed. */
export interface Damage {
  readonly address: number;
  readonly bytes: number;
}

function damageIn(region: Region, from: number, end: number, byte: number): Damage | undefined {
  const address = firstOther(region, from, end, byte);
  return address < 0 ? undefined : { address, bytes: countOther(region, address, end, byte) };
}

/** Bytes written behind a live block whose trailer is whole. */
export function slackDamage(region: Region, address: number, blockBytes: number, bytes: number): Damage | undefined {
  return damageIn(region, address + bytes, address + blockBytes - TRAILER_BYTES, Fill.SLACK);
}

/** Bytes of a freed block written since. */
export function freedDamage(region: Region, address: number, blockBytes: number, fill: number): Damage | undefined {
  return damageIn(region, address, address + blockBytes - TRAILER_BYTES, fill);
}

function canaryOf(address: number): number {
  return Math.imul(address >>> 4, 0x9e3779b1) ^ 0x5ab0a110;
}

export function writeCanary(region: Region, address: number, blockBytes: number): void {
  const at = (address + blockBytes - CANARY_BYTES) / 4;
  region.i32[at] = canaryOf(address);
  region.i32[at + 1] = ~canaryOf(address);
}

export function isCanaryWhole(region: Region, address: number, blockBytes: number): boolean {
  const at = (address + blockBytes - CANARY_BYTES) / 4;
  return region.i32[at] === canaryOf(address) && region.i32[at + 1] === ~canaryOf(address);
}
