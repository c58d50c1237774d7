import { HeapError, show, type HeapErrorCode } from '../base/errors.js';
import { CLASS_BYTES } from '../layout/classes.js';
import { Kind, MapBits } from '../layout/format.js';
import { Geometry } from '../layout/geometry.js';
import { SliceWord } from '../layout/offsets.generated.js';
import { nameOf, type Region } from '../memory/region.js';
import { isHeard, publish } from '../platform/diagnostics.js';
import { headOf, sliceWord } from '../pages/descriptor.js';
import { isSpan, spanSlices } from '../pages/spans.js';
import { bitsWord, slabCapacity } from '../slabs/slab.js';

/** What an address is. `interior`, `free` and `wild` are the ways of not being a live block's start. */
export type AddressKind = 'block' | 'span' | 'interior' | 'free' | 'wild';

function mapOf(region: Region, slice: number): number {
  return region.i32[region.map + slice];
}

/** Slice of an address; -1 for anything that is no address within what exists of the region behind its tables. */
export function sliceOfAddress(region: Region, address: unknown): number {
  if (typeof address !== 'number' || address >>> 0 !== address) return -1;
  const slice = address >>> Geometry.SLICE_SHIFT;
  return slice >= region.firstSlice && slice < region.endSlice ? slice : -1;
}

export function granuleOf(address: number): number {
  return address >>> Geometry.GRANULE_SHIFT;
}

/** Live and not freed by another worker. The plain reads are of bits that change only if somebody else frees this block too. */
export function isLive(region: Region, granule: number): boolean {
  const word = bitsWord(region, granule);
  return (region.i32[word] & ~region.i32[word + 1] & (1 << granule)) !== 0;
}

/** Freed by another worker, or held back by its own, and not yet come home. */
export function isFreedRemotely(region: Region, granule: number): boolean {
  const word = bitsWord(region, granule);
  return (region.i32[word] & region.i32[word + 1] & (1 << granule)) !== 0;
}

/** True if a block of the slab begins, or in a slab that is no more began, at this granule. */
function isBlockStart(region: Region, slice: number, granule: number, classId: number): boolean {
  const head = headOf(region, slice);
  const step = CLASS_BYTES[classId] / Geometry.GRANULE_BYTES;
  const offset = granule - head * Geometry.SLICE_GRANULES;
  return offset >= 0 && offset % step === 0 && offset / step < slabCapacity(region, head, classId);
}

export function classify(region: Region, address: unknown): AddressKind {
  const slice = sliceOfAddress(region, address);
  if (slice < 0) return 'wild';
  const word = mapOf(region, slice);
  const kind = word & Kind.MASK;
  const isGone = (word & Kind.WAS) !== 0;
  if (kind === Kind.NONE || kind === Kind.HEAD || kind === Kind.CONTROL) return 'wild';
  if (kind === Kind.SPAN) {
    const isStart =
      (address as number) % Geometry.SLICE_BYTES === 0 &&
      region.i32[sliceWord(region, slice, SliceWord.HEAD)] === slice;
    if (!isStart) return isGone ? 'wild' : 'interior';
    return !isGone && isSpan(region, slice) ? 'span' : 'free';
  }
  if (((address as number) & (Geometry.GRANULE_BYTES - 1)) !== 0) return 'interior';
  const granule = granuleOf(address as number);
  if (!isGone && isLive(region, granule)) return 'block';
  return isBlockStart(region, slice, granule, kind) ? 'free' : isGone ? 'wild' : 'interior';
}

/** Address of the live block that the address lies in; 0 if it lies in none. */
export function enclosingBlock(region: Region, address: number): number {
  const slice = sliceOfAddress(region, address);
  if (slice < 0) return 0;
  const kind = mapOf(region, slice) & Kind.MASK;
  if (kind === Kind.NONE || kind > Kind.SPAN || kind === Kind.CONTROL) return 0;
  const first = region.addressOf(headOf(region, slice));
  const start = kind === Kind.SPAN ? first : address - ((address - first) % CLASS_BYTES[kind]);
  return blockBytes(region, start) < 0 ? 0 : start;
}

/** Bytes of the live block at this address; -1 if there is none. */
export function blockBytes(region: Region, address: unknown): number {
  const kind = classify(region, address);
  if (kind !== 'block' && kind !== 'span') return -1;
  const slice = sliceOfAddress(region, address);
  if (kind === 'span') return spanSlices(region, slice) * Geometry.SLICE_BYTES;
  return CLASS_BYTES[mapOf(region, slice) & Kind.MASK];
}

const EXPLANATIONS: Record<AddressKind, string> = {
  block: 'it is a live block',
  span: 'it is a live block',
  interior: 'it lies inside a block or between blocks; pass the address that malloc returned',
  free: 'the block there is already free: it was freed before, here or by another worker; free every block once',
  wild: 'no block was ever there; pass what malloc or alloc of this heap returned',
};

/** The error for an address that should have been a live block's start; who listens is told. */
export function badAddress(
  region: Region,
  address: unknown,
  call: 'free' | 'realloc' | 'usableSize' | 'resize' | 'addressOf' | 'share',
  known?: AddressKind,
): HeapError {
  const kind = known ?? classify(region, address);
  const codes: HeapErrorCode =
    call === 'free' ? (kind === 'free' ? 'ERR_HEAP_DOUBLE_FREE' : 'ERR_HEAP_INVALID_FREE') : 'ERR_HEAP_INVALID_ADDRESS';
  const slice = sliceOfAddress(region, address);
  const owner = slice < 0 ? 0 : (mapOf(region, slice) >>> MapBits.OWNER_SHIFT) & 1023;
  const error = new HeapError(codes, `${call}(${show(address)}): ${EXPLANATIONS[kind]}`, { address, kind, owner });
  return tellMisuse(region, call, error);
}

/** Tells who listens of an error that is the caller's mistake, and returns it. */
export function tellMisuse(region: Region, call: string, error: HeapError): HeapError {
  if (isHeard('misuse')) publish('misuse', { ...nameOf(region), call, error });
  return error;
}
