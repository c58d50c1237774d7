import { Geometry } from '../layout/geometry.js';
import type { Region } from '../memory/region.js';
import { resizeSpan, slicesFor } from '../pages/spans.js';
import type { Owner } from '../slabs/owner.js';
import { allocate, begin, classFor } from './allocate.js';
import { copyBlock } from './bytes.js';
import type { FastPath } from './fast.js';
import { keepsPlace } from './place.js';
import { badAddress, sliceOfAddress, blockBytes } from './lookup.js';

/** Grows or shrinks a live block; its new address, or 0 if the heap is full, and then the block is as before. */
export function reallocate(
  owner: Owner,
  free: FastPath['free'],
  call: 'realloc' | 'resize',
  address: number,
  bytes: number,
): number {
  const { region } = owner;
  const have = blockBytes(region, address);
  if (have < 0) throw badAddress(region, address, call);
  const staysSpan = classFor(have, Geometry.GRANULE_BYTES) === 0 && classFor(bytes, Geometry.GRANULE_BYTES) === 0;
  const isInPlace = staysSpan ? resizeInPlace(owner, address, bytes) : keepsPlace(have, bytes);
  const moved = isInPlace ? address : allocate(owner, bytes, Geometry.GRANULE_BYTES);
  if (moved === 0 && bytes > have) return 0;
  const place = moved === 0 ? address : moved;
  if (owner.ring !== undefined) owner.ring.reallocated(address, place, bytes);
  if (place === address) return address;
  return moveBlock(free, region, address, moved, Math.min(have, bytes));
}

/** Copies a block to its new place and frees the old one; returns the new one. */
export function moveBlock(free: FastPath['free'], region: Region, from: number, to: number, bytes: number): number {
  copyBlock(region, from, to, bytes);
  try {
    free(from);
  } catch (error) {
    // Somebody else freed it meanwhile: their mistake must not cost the new block.
    free(to);
    throw error;
  }
  return to;
}

function resizeInPlace(owner: Owner, address: number, bytes: number): boolean {
  const slice = sliceOfAddress(owner.region, address);
  begin(owner);
  const isDone = resizeSpan(owner.region, owner.slices, owner.slot, slice, slicesFor(bytes));
  owner.isMidway = false;
  return isDone;
}
