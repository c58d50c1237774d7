import { corrupt } from '../base/errors.js';
import { Kind, MapBits, ProfileLevel } from '../layout/format.js';
import { CacheWord } from '../layout/offsets.generated.js';
import { headOf } from '../pages/descriptor.js';
import { freeSpan } from '../pages/spans.js';
import { offerTransfer, spill } from '../slabs/cache.js';
import type { Owner } from '../slabs/owner.js';
import { announceRemote, markRemote } from '../slabs/remote.js';
import { bitsWord } from '../slabs/slab.js';
import { begin } from './allocate.js';
import { badAddress, classify, granuleOf, sliceOfAddress } from './lookup.js';

/**
 * Frees whatever the fast path doesn't: blocks of other workers, spans, blocks whose cache is full. Throws
 * ERR_HEAP_INVALID_FREE or ERR_HEAP_DOUBLE_FREE for anything that is no live block's start, and has changed nothing.
 */
export function freeAddress(owner: Owner, address: unknown): void {
  const { region } = owner;
  const kind = classify(region, address);
  if (kind !== 'block' && kind !== 'span') throw badAddress(region, address, 'free');
  const slice = sliceOfAddress(region, address);
  if (owner.ring !== undefined) owner.ring.freeing(address as number);
  begin(owner);
  const isFreed =
    kind === 'span' ? freeSpan(region, owner.slices, owner.slot, slice) : freeBlock(owner, slice, address as number);
  owner.isMidway = false;
  if (!isFreed) throw badAddress(region, address, 'free');
  if (kind === 'span') countFree(owner, 0);
}

/** Class 0 is that of spans. Samples are counted before they come here. */
export function countFree(owner: Owner, classId: number): void {
  if (owner.settings.profileLevel >= ProfileLevel.EXACT) owner.region.i32[owner.cache(classId) + CacheWord.FREES]++;
}

/** False if another worker freed the block first, in this very moment. */
function freeBlock(owner: Owner, slice: number, address: number): boolean {
  const { region } = owner;
  const word = region.i32[region.map + slice];
  const classId = word & Kind.MASK;
  const granule = granuleOf(address);
  const ownerSlot = word >>> MapBits.OWNER_SHIFT;
  if (ownerSlot !== owner.slot) return freeRemote(owner, slice, granule, classId, ownerSlot);
  freeLocal(owner, granule, classId);
  return true;
}

/** Clears the live bit, then pushes: a kill in between leaves a free block. */
function freeLocal(owner: Owner, granule: number, classId: number): void {
  const { i32 } = owner.region;
  const cache = owner.cache(classId);
  if (owner.region.i32[cache + CacheWord.COUNT] >= i32[cache + CacheWord.CAPACITY]) spill(owner, classId);
  i32[bitsWord(owner.region, granule)] &= ~(1 << granule);
  i32[cache + CacheWord.WORDS + owner.region.i32[cache + CacheWord.COUNT]] = granule;
  i32[cache + CacheWord.COUNT]++;
  countFree(owner, classId);
}

function freeRemote(owner: Owner, slice: number, granule: number, classId: number, ownerSlot: number): boolean {
  const { region } = owner;
  if (ownerSlot > region.maxWorkers) corrupt('a slab belongs to a slot that is none', { slice, owner: ownerSlot });
  // Before the mark, while the block pins its slab: afterwards the slice may be anything.
  const head = headOf(region, slice);
  if (!markRemote(region, granule)) return false;
  region.i32[owner.cache(classId) + CacheWord.REMOTE_FREES]++;
  countFree(owner, classId);
  if (ownerSlot !== 0 && offerTransfer(owner, ownerSlot, head, granule, classId)) return true;
  announceRemote(owner, head, classId, granule);
  return true;
}
