import { HeapError } from '../base/errors.js';
import { Geometry } from '../layout/geometry.js';
import { resizeSpan, slicesFor } from '../pages/spans.js';
import type { Owner } from '../slabs/owner.js';
import { allocate, begin } from './allocate.js';
import { freeAddress } from './free.js';
import { badAddress, sliceOfAddress, usableBytes } from './lookup.js';

/** A block keeps its place while the new size uses at least this share of it. */
const KEEP_SHARE = 0.5;

/** Grows or shrinks a live block; its new address, or 0 if the heap is full, and then the block is as before. */
export function reallocate(owner: Owner, address: number, bytes: number): number {
  const { region } = owner;
  const have = usableBytes(region, address);
  if (have < 0) throw badAddress(region, address, 'realloc');
  const staysSpan = have > Geometry.SLAB_BLOCK_MAX_BYTES && bytes > Geometry.SLAB_BLOCK_MAX_BYTES;
  if (staysSpan && resizeInPlace(owner, address, bytes)) return address;
  const fitsWell = bytes <= have && (bytes >= have * KEEP_SHARE || have <= Geometry.GRANULE_BYTES);
  if (fitsWell && !staysSpan) return address;
  const moved = allocate(owner, bytes, Geometry.GRANULE_BYTES);
  if (moved === 0) return bytes <= have ? address : 0;
  copyBlock(owner, address, moved, Math.min(have, bytes));
  try {
    freeAddress(owner, address);
  } catch (error) {
    // Somebody else freed it meanwhile: their mistake must not cost the new block.
    freeAddress(owner, moved);
    throw error;
  }
  return moved;
}

function resizeInPlace(owner: Owner, address: number, bytes: number): boolean {
  const slice = sliceOfAddress(owner.region, address);
  begin(owner);
  const isDone = resizeSpan(owner.region, owner.slices, owner.slot, slice, slicesFor(bytes));
  owner.isMidway = false;
  return isDone;
}

/** Blocks begin and end on multiples of 16, so whole words may be copied, which is faster by far than bytes. */
function copyBlock(owner: Owner, from: number, to: number, bytes: number): void {
  const { region } = owner;
  if (region.isStale()) region.renew();
  region.f64.copyWithin(to / 8, from / 8, from / 8 + Math.ceil(bytes / 8));
}

/** The error for a request that found no room, with the numbers and the way out. */
export function outOfMemory(
  owner: Owner,
  call: string,
  bytes: number,
  alignment: number,
  committedBytes: number,
): HeapError {
  const { maxBytes } = owner.settings;
  return new HeapError(
    'ERR_HEAP_OUT_OF_MEMORY',
    `${call}: no room for ${bytes} bytes; ${committedBytes} of ${maxBytes} bytes are committed. Raise maxBytes, or free more and collect() in the workers that own it.`,
    { requestedBytes: bytes, alignment, committedBytes, maxBytes, option: 'maxBytes' },
  );
}
