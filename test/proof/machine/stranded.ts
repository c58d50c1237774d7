import { Classes } from '../../../src/layout/classes.js';
import { SlotState, StateBits } from '../../../src/layout/format.js';
import { HeaderWord, SliceWord, SlotWord } from '../../../src/layout/offsets.generated.js';
import type { Region } from '../../../src/memory/region.js';
import { kindOf, ownerOf, sliceWord } from '../../../src/pages/descriptor.js';
import { isSlab, publishedHeads } from '../../../src/registry/adopt.js';
import { loadState, noticeOf, stateOf } from '../../../src/registry/slots.js';
import { bitsWord } from '../../../src/slabs/slab.js';

/** Slabs on the queue of a slot. */
function queued(region: Region, slot: number): Set<number> {
  const found = new Set<number>();
  for (let head = region.i32[region.slotWord(slot) + SlotWord.X_QUEUE]; head !== 0;) {
    if (found.has(head)) throw new Error(`the queue of slot ${slot} has a cycle at slice ${head}`);
    found.add(head);
    head = region.i32[sliceWord(region, head, SliceWord.X_NEXT)];
  }
  return found;
}

function isInTransfer(region: Region, slot: number, classId: number, granule: number, slots: number): boolean {
  if (slot === 0 || classId < Classes.FIRST_MID) return false;
  const first = region.transferWord(slot, classId);
  return region.i32.subarray(first, first + slots).includes(granule);
}

/** Blocks of a slab that were freed remotely and that nobody will be told of before somebody looks at everything. */
function strandedBlocks(region: Region, head: number, state: number, count: number, transferSlots: number): string[] {
  const stranded: string[] = [];
  for (let granule = head * 256; granule < (head + count) * 256; granule++) {
    const word = bitsWord(region, granule);
    const isRemote = (region.i32[word] & region.i32[word + 1] & (1 << granule)) !== 0;
    const part = StateBits.DIRTY_SHIFT + (((granule >>> 8) - head) >>> StateBits.DIRTY_SLICES_SHIFT);
    if (!isRemote || (state & (1 << part)) !== 0) continue;
    if (!isInTransfer(region, ownerOf(state), kindOf(state), granule, transferSlots))
      stranded.push(`the freed block ${granule * 16} is in no dirty part of its slab and in no transfer slot`);
  }
  return stranded;
}

/**
 * What waits for a look at the whole heap although nobody has died: everything freed must come home by the next slow path
 * of whoever owns it, and everything abandoned must be found by whoever needs it. Workers are at rest.
 */
export function findStranded(region: Region, transferSlots: number): string[] {
  const { i32, header } = region;
  const stranded: string[] = [];
  for (const { head, state, count } of publishedHeads(region)) {
    if (!isSlab(state)) continue;
    const owner = ownerOf(state);
    const isDirty = state >>> StateBits.DIRTY_SHIFT !== 0;
    if (isDirty && owner !== 0 && !queued(region, owner).has(head))
      stranded.push(`the slab at slice ${head} is dirty, and not on its owner's queue`);
    const hint = header + (kindOf(state) < 32 ? HeaderWord.X_ABANDONED_LOW : HeaderWord.X_ABANDONED_HIGH);
    if (owner === 0 && (i32[hint] & (1 << kindOf(state))) === 0)
      stranded.push(`the slab at slice ${head} is nobody's, and no hint says so`);
    // Who adopts a slab looks at all of its bits.
    if (owner !== 0) stranded.push(...strandedBlocks(region, head, state, count, transferSlots));
  }
  for (let slot = 1; slot <= region.maxWorkers; slot++) {
    const state = loadState(region, slot);
    for (const head of queued(region, slot)) {
      const slab = i32[sliceWord(region, head, SliceWord.X_STATE)];
      if (!isSlab(slab) || ownerOf(slab) !== slot || slab >>> StateBits.DIRTY_SHIFT === 0)
        stranded.push(`the queue of slot ${slot} holds slice ${head}, which is no dirty slab of its own`);
    }
    if (stateOf(state) !== SlotState.FREE && noticeOf(state) !== undefined && i32[header + HeaderWord.X_DEAD] === 0)
      stranded.push(`slot ${slot} waits to be reclaimed, and no hint says so`);
    if (i32[region.slotWord(slot) + SlotWord.X_INTENT] !== 0)
      stranded.push(`slot ${slot} still intends to push a slab`);
  }
  return stranded;
}
