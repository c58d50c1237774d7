import * as atomics from '#atomics';
import { corrupt } from '../base/errors.js';
import { CLASS_BYTES, Classes } from '../layout/classes.js';
import { Kind, MapBits, SlotState } from '../layout/format.js';
import { Geometry } from '../layout/geometry.js';
import { CacheWord, HeaderWord, SliceWord, SlotWord } from '../layout/offsets.generated.js';
import type { Region } from '../memory/region.js';
import { kindOf, ownerOf, sliceWord } from '../pages/descriptor.js';
import { countClaimed, isClaimed, journalStart } from '../pages/slices.js';
import { isSlab, publishedHeads } from '../registry/adopt.js';
import { loadControl, loadState, stateOf } from '../registry/slots.js';
import { magazineCapacity, type ControlShape } from '../slabs/owner.js';
import type { HeapSettings } from '../config/options.js';
import { bitsWord, slabCapacity, slabSlices } from '../slabs/slab.js';

/** Cached blocks of each slab: head slice -> how many, with every cached block checked on the way. */
type CachedBySlab = Map<number, number>;

/**
 * Walks the whole heap and proves its invariants; throws ERR_HEAP_CORRUPT with what and where. Meant for workers at rest:
 * a call under way elsewhere shows as a discrepancy.
 */
export function checkHeap(region: Region, shape: ControlShape, settings: HeapSettings): void {
  // Control blocks of other workers may lie in memory that this one has not seen yet.
  if (region.isStale()) region.renew();
  const cached = new Map<number, number>();
  for (let slot = 1; slot <= region.maxWorkers; slot++) checkSlot(region, slot, shape, settings, cached);
  const listed = listedSlabs(region, shape);
  let claimed = region.firstSlice - region.baseSlice;
  let end = region.firstSlice;
  for (const { head, state, count } of publishedHeads(region)) {
    if (head < end) corrupt('two runs of slices overlap', { slice: head, end });
    checkFree(region, end, head);
    checkRun(region, head, state, count);
    if (isSlab(state)) checkSlab(region, head, state, cached, listed);
    claimed += count;
    end = head + count;
  }
  const limit = atomics.load(region.i32, region.header + HeaderWord.X_LIMIT);
  checkFree(region, end, limit);
  const bits = countClaimed(region);
  if (bits !== claimed) corrupt('slabs + spans + metadata are not the claimed slices', { claimed, bits });
}

/** Slices between two runs are in nobody's hands: not claimed, since all journals are closed when workers rest. */
function checkFree(region: Region, from: number, to: number): void {
  for (let slice = from; slice < to; slice++)
    if (isClaimed(region, slice))
      corrupt('a slice is claimed but belongs to nothing', { slice, address: region.addressOf(slice) });
}

function checkRun(region: Region, head: number, state: number, count: number): void {
  const kind = kindOf(state) === Kind.SPAN_BUSY ? Kind.SPAN : kindOf(state);
  const mapOwner = kind === Kind.SPAN ? 0 : ownerOf(state);
  // Of a slot that is not wholly reclaimed yet the map may be a step ahead: nobody's already.
  const isLeaving = mapOwner !== 0 && stateOf(loadState(region, mapOwner)) !== SlotState.LIVE;
  for (let slice = head; slice < head + count; slice++) {
    if (!isClaimed(region, slice)) corrupt('a slice is in use but not claimed', { slice, head });
    if (region.i32[sliceWord(region, slice, SliceWord.HEAD)] !== head)
      corrupt('a slice names another head', { slice, head });
    const word = region.i32[region.map + slice];
    if (word !== (kind | (mapOwner << MapBits.OWNER_SHIFT)) && !(isLeaving && word === kind))
      corrupt('the slice map contradicts the descriptor', { slice, head, map: word, state });
  }
}

function checkSlab(
  region: Region,
  head: number,
  state: number,
  cached: CachedBySlab,
  listed: ReadonlySet<number>,
): void {
  const classId = kindOf(state);
  const capacity = slabCapacity(region, head, classId);
  const live = checkBits(region, head, classId, capacity);
  const owner = ownerOf(state);
  if (owner === 0) return;
  if (owner > region.maxWorkers) corrupt('a slab belongs to a slot that is none', { slice: head, owner });
  if (stateOf(loadState(region, owner)) === SlotState.FREE)
    corrupt('a slab belongs to a free slot', { slice: head, owner });
  if (stateOf(loadState(region, owner)) !== SlotState.LIVE) return;
  const free = region.i32[sliceWord(region, head, SliceWord.FREE_BLOCKS)];
  const inCache = cached.get(head) ?? 0;
  if (live + inCache + free !== capacity)
    corrupt('live + cached + free is not the capacity of a slab', {
      slice: head,
      class: classId,
      live,
      cached: inCache,
      free,
      capacity,
    });
  if (listed.has(head) !== free > 0)
    corrupt('a slab is on the list of its class exactly when it has free blocks', {
      slice: head,
      class: classId,
      free,
    });
}

/** Live bits only where blocks begin; returns how many, remote frees included. */
function checkBits(region: Region, head: number, classId: number, capacity: number): number {
  const step = CLASS_BYTES[classId] / Geometry.GRANULE_BYTES;
  const first = head * Geometry.SLICE_GRANULES;
  const end = slabSlices(region, head) * Geometry.SLICE_GRANULES;
  let live = 0;
  for (let granule = 0; granule < end; granule++) {
    const word = bitsWord(region, first + granule);
    if ((region.i32[word] & (1 << granule)) === 0) continue;
    if (granule % step !== 0 || granule / step >= capacity)
      corrupt('a live bit is set where no block begins', {
        address: (first + granule) * Geometry.GRANULE_BYTES,
        class: classId,
      });
    live++;
  }
  return live;
}

function checkSlot(
  region: Region,
  slot: number,
  shape: ControlShape,
  settings: HeapSettings,
  cached: CachedBySlab,
): void {
  const at = region.slotWord(slot);
  const state = stateOf(loadState(region, slot));
  const journal = journalStart(atomics.load(region.i32, at + SlotWord.X_JOURNAL_START));
  if (journal !== 0 && (state === SlotState.LIVE || state === SlotState.FREE))
    corrupt('a worker at rest has an open journal', { slot, slice: journal });
  if (state !== SlotState.LIVE) return;
  const control = loadControl(region, slot, shape.slices);
  if (control === 0) corrupt('a live worker has no control block', { slot });
  const base = region.addressOf(control) / 4;
  for (let classId = 1; classId <= Classes.COUNT; classId++) {
    const cache = base + classId * shape.cacheWords;
    const magazine = base + shape.magazineOffset + (classId - Classes.FIRST_MID) * settings.magazineCapacity;
    for (let i = 0; i < region.i32[cache + CacheWord.COUNT]; i++)
      checkCached(region, slot, classId, region.i32[cache + CacheWord.WORDS + i], cached);
    for (let i = 0; i < region.i32[cache + CacheWord.RING_COUNT]; i++) {
      const place = (region.i32[cache + CacheWord.RING_HEAD] + i) % magazineCapacity(settings, classId);
      checkCached(region, slot, classId, region.i32[magazine + place], cached);
    }
  }
}

/** A cached block is of this worker's slab of this class, not live, and in no cache twice. */
function checkCached(region: Region, slot: number, classId: number, granule: number, cached: CachedBySlab): void {
  const address = granule * Geometry.GRANULE_BYTES;
  const slice = granule >>> 8;
  if (region.i32[region.map + slice] !== (classId | (slot << MapBits.OWNER_SHIFT)))
    corrupt('a cache holds a block that is not of its worker and class', { slot, class: classId, address });
  if ((region.i32[bitsWord(region, granule)] & (1 << granule)) !== 0)
    corrupt('a cache holds a live block', { slot, class: classId, address });
  const key = -granule;
  if (cached.has(key)) corrupt('a block is cached twice', { slot, class: classId, address });
  cached.set(key, 1);
  const head = region.i32[sliceWord(region, slice, SliceWord.HEAD)];
  cached.set(head, (cached.get(head) ?? 0) + 1);
}

/** Heads on the lists of slabs with free blocks of all live workers. */
function listedSlabs(region: Region, shape: ControlShape): Set<number> {
  const listed = new Set<number>();
  for (let slot = 1; slot <= region.maxWorkers; slot++) {
    const control = loadControl(region, slot, shape.slices);
    if (control === 0 || stateOf(loadState(region, slot)) !== SlotState.LIVE) continue;
    for (let classId = 1; classId <= Classes.COUNT; classId++) {
      const cache = region.addressOf(control) / 4 + classId * shape.cacheWords;
      for (
        let head = region.i32[cache + CacheWord.SLABS];
        head !== 0;
        head = region.i32[sliceWord(region, head, SliceWord.NEXT)]!
      ) {
        if (listed.has(head)) corrupt('a list of slabs has a cycle', { slot, class: classId, slice: head });
        listed.add(head);
      }
    }
  }
  return listed;
}
