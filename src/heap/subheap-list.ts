import * as atomics from '#atomics';
import { corrupt } from '../base/errors.js';
import { TopBits } from '../layout/format.js';
import { Geometry } from '../layout/geometry.js';
import { HandleWord } from '../layout/offsets.generated.js';
import type { Region } from '../memory/region.js';
import type { Attachment } from './attachment.js';
import type { FastPath } from './fast.js';
import { SUBHEAP, staleHandle, type HandleTable } from './handle-table.js';
import { blockBytes } from './lookup.js';

/*
 * A sub-heap is a record of the handle table that holds no block but the head of a list of blocks, linked by their first words. Whoever
 * allocates puts a block in front by compare-and-swap (a Treiber stack without pop); blocks leave the list by the drop only.
 *
 * A drop ends the handle, enters itself in the record, closes the list, and then takes the blocks one by one: off the list first, freed
 * then. Only one worker at a time does so, but it may be killed anywhere: the record says what is left, and a worker that
 * collects, or learns of the death, goes on. At most the block that the dead one had in hand is lost.
 *
 * Records are of handles for ever. Who allocates from a stale one at worst puts its block into the list of a later sub-heap, in order, and
 * is told that its own is gone; the block goes with that list.
 */

/** One worker's way to the blocks of sub-heaps. */
export class SubHeapList {
  readonly region: Region;
  private readonly heap: Attachment;
  private readonly table: HandleTable;
  private readonly free: FastPath['free'];
  /** Listeners that are told of something in the midst of a drop may collect. */
  private isDropping = false;

  constructor(heap: Attachment, table: HandleTable, free: FastPath['free']) {
    this.heap = heap;
    this.region = heap.region;
    this.table = table;
    this.free = free;
  }

  /** Handle of a new sub-heap, with one holder. */
  create(): number {
    this.heap.check('subheap');
    const handle = this.table.enter({ block: 0, address: 0, type: SUBHEAP, length: 0, allocation: 0 });
    if (handle === 0) throw this.heap.exhausted('subheap', Geometry.SLICE_BYTES, Geometry.GRANULE_BYTES);
    return handle;
  }

  isThere(handle: number): boolean {
    return this.table.recordOf(handle) !== 0;
  }

  /** Throws ERR_HEAP_STALE_HANDLE if the sub-heap is gone. */
  check(call: string, handle: number): void {
    this.heap.check(call);
    if (!this.isThere(handle)) throw staleHandle(this.region, call, handle);
  }

  /** Puts a block that is the caller's into a sub-heap. Throws if that is gone: then the block is freed, now or by who drops the list. */
  push(call: string, handle: number, block: number): void {
    const record = this.table.recordOf(handle);
    if (record === 0 || !this.link(record + HandleWord.X_TOP, block)) this.free(block);
    if (!this.isThere(handle)) throw staleHandle(this.region, call, handle);
  }

  /** False if the list is closed. */
  private link(word: number, block: number): boolean {
    const { i32 } = this.region;
    for (;;) {
      const top = atomics.load(i32, word);
      if ((top & TopBits.CLOSED) !== 0) return false;
      i32[block >>> 2] = top;
      // Publishes the block's link to whoever drops it.
      if (atomics.compareExchange(i32, word, top, block | 0) === top) return true;
    }
  }

  /** Ends a sub-heap whatever its holders, and frees what is in it. */
  drop(handle: number): void {
    this.heap.check('drop');
    if (!this.table.end(handle)) throw staleHandle(this.region, 'drop', handle);
    this.empty(handle);
  }

  /** Frees what is in a sub-heap whose handle this worker has ended. If blocks can't be freed, the others are, and the first error is thrown. */
  empty(handle: number): void {
    const record = this.table.takeDrop(handle);
    if (record === 0) return;
    const errors: unknown[] = [];
    const wasDropping = this.isDropping;
    this.isDropping = true;
    try {
      this.freeAll(record, errors);
    } finally {
      this.isDropping = wasDropping;
    }
    // Nothing is left to take over, before the record may become another one's.
    atomics.store(this.region.i32, record + HandleWord.X_LENGTH, 0);
    this.table.giveBack(handle);
    if (errors.length > 0) throw errors[0];
  }

  private freeAll(record: number, errors: unknown[]): void {
    const { region } = this;
    const word = record + HandleWord.X_TOP;
    // From here on nothing is added.
    atomics.or(region.i32, word, TopBits.CLOSED);
    for (;;) {
      const block = (atomics.load(region.i32, word) & ~TopBits.CLOSED) >>> 0;
      if (block === 0) return;
      region.cover((block >>> Geometry.SLICE_SHIFT) + 1);
      const isLive = blockBytes(region, block) >= 0;
      // Before it is freed: whoever goes on after a kill must not meet what may be another's by then.
      atomics.store(region.i32, word, (isLive ? atomics.load(region.i32, block >>> 2) : 0) | TopBits.CLOSED);
      try {
        if (!isLive)
          corrupt('a sub-heap lists a block that is not live; what it listed before is lost', { address: block });
        this.free(block);
      } catch (error) {
        errors.push(error);
      }
    }
  }

  /** Goes on with what workers that are gone have begun to drop. Throws as `empty` does, when all is done that can be. */
  sweep(): void {
    // A heap that was left frees nothing: what it took off a list would be lost.
    if (this.isDropping || !this.heap.isAttached()) return;
    const errors: unknown[] = [];
    for (const handle of this.table.findDrops()) {
      try {
        this.empty(handle);
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}
