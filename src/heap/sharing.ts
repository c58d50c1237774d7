import { corrupt, HeapError, show } from '../base/errors.js';
import { Geometry } from '../layout/geometry.js';
import type { Region } from '../memory/region.js';
import { isTypedArray } from './arrays.js';
import type { Attachment } from './attachment.js';
import type { FastPath } from './fast.js';
import { HandleTable, HOLDERS_MAX, staleHandle, SUBHEAP, type Shared } from './handle-table.js';
import { Hold } from './hold.js';
import { badAddress, enclosingBlock } from './lookup.js';
import {
  arrayOf,
  FIRST_NAMED,
  formOf,
  typeNamed,
  typeOfArray,
  type ShareableForm,
  type ShareableType,
} from './shared-types.js';
import { SubHeap, type SubHeapHost } from './subheap.js';
import { SubHeapList } from './subheap-list.js';
import type { TextTable } from '../memory/texts.js';
import { internText } from './intern.js';

/** Blocks remembered before those are looked for whose objects are gone. */
const KNOWN_LEAST = 1024;

/** One thread's part in what the workers of a heap share by handle. */
export class Sharing {
  private readonly heap: Attachment;
  private readonly whole: SubHeapHost;
  private readonly region: Region;
  private readonly free: FastPath['free'];
  readonly table: HandleTable;
  private readonly texts: TextTable;
  /** Numbers of names of types, as far as this thread has shared objects of them. */
  private readonly typeNumbers = new Map<string, number>();
  readonly subHeaps: SubHeapList;
  /** Handles that this thread made or opened, by the block: sharing one of these again is a hold more, not another handle. */
  private readonly known = new Map<number, number>();
  private knownMost = KNOWN_LEAST;
  /** Keeps a hold while its value is in use. */
  private readonly holds = new WeakMap<object, Hold>();
  /** Handles of holds that the garbage collector found dropped. A finalizer frees nothing: it runs at any time, in any state of the heap. */
  private readonly dropped: number[] = [];
  private readonly drops = new FinalizationRegistry<number>(keepIn(this.dropped));

  /** `whole`: what openers are given. */
  constructor(heap: Attachment, whole: SubHeapHost, free: FastPath['free'], texts: TextTable) {
    this.heap = heap;
    this.whole = whole;
    this.region = heap.region;
    this.free = free;
    this.texts = texts;
    this.table = new HandleTable(heap.owner);
    this.subHeaps = new SubHeapList(heap, this.table, free);
    if (heap.debug !== undefined) heap.sharedAs = (block) => this.liveHandleOf(block);
  }

  share(value: unknown): number {
    this.heap.check('share');
    if (value instanceof SubHeap) {
      this.retain(value.handle);
      return value.handle;
    }
    const shared = this.describe(value);
    const known = this.handleOf(shared, value);
    if (known !== 0) return known;
    const handle = this.table.enter(shared);
    if (handle === 0) throw this.heap.exhausted('share', Geometry.SLICE_BYTES, Geometry.GRANULE_BYTES);
    this.remember(shared.block, handle);
    return handle;
  }

  open(handle: unknown): object {
    this.heap.check('open');
    const shared = this.present('open', handle);
    const { type, address, length } = shared;
    if (type === SUBHEAP) return new SubHeap(this.subHeaps, this.whole, handle as number, false);
    this.remember(shared.block, handle as number);
    const named = this.namedType('open', type);
    if (named !== undefined) return named.opener(address, length, this.whole);
    return new (arrayOf(type))(this.region.buffer, address, length);
  }

  /** Makes a sub-heap. */
  subHeap(): SubHeap {
    return new SubHeap(this.subHeaps, this.whole, this.subHeaps.create(), true);
  }

  retain(handle: unknown): number {
    this.heap.check('retain');
    this.present('retain', handle);
    const holders = this.add('retain', handle);
    if (holders === 0) throw this.stale('retain', handle);
    return holders;
  }

  /** Counts a holder more; 0 if the object is gone. */
  private add(call: string, handle: unknown): number {
    const holders = this.table.retain(handle);
    if (holders >= 0) return holders;
    throw new HeapError(
      'ERR_HEAP_INVALID_SIZE',
      `${call}: the handle ${show(handle)} has ${HOLDERS_MAX} holders, as many as are counted; release it as often as it was retained`,
      { handle, holders: HOLDERS_MAX },
    );
  }

  release(handle: unknown): number {
    this.heap.check('release');
    const { block, type, address, length } = this.present('release', handle);
    // Before the hold is given up: it may be the last, and then this thread must know how to free the object.
    const named = this.namedType('release', type);
    const holders = this.table.release(handle);
    if (holders === undefined) throw this.stale('release', handle);
    if (holders > 0) return holders;
    if (type === SUBHEAP) {
      this.subHeaps.empty(handle as number);
      return 0;
    }
    if (this.known.get(block) === handle) this.known.delete(block);
    try {
      if (named?.freer === undefined) this.free(block);
      else named.freer(address, length, this.whole);
    } finally {
      this.table.giveBack(handle);
    }
    return 0;
  }

  hold(handle: unknown): Hold {
    this.heap.check('hold');
    // Before it is retained: what can't be opened here can't be released either.
    this.namedType('hold', this.present('hold', handle).type);
    this.retain(handle);
    const value = this.openHeld(handle as number);
    const hold = new Hold(this.letGo, handle as number, value);
    this.holds.set(value, hold);
    this.drops.register(hold, hold.handle, hold);
    return hold;
  }

  /** Opens what was retained a moment ago, or gives that up. */
  private openHeld(handle: number): object {
    try {
      return this.open(handle);
    } catch (error) {
      this.release(handle);
      throw error;
    }
  }

  private readonly letGo = (hold: Hold): void => {
    this.release(hold.handle);
    this.drops.unregister(hold);
  };

  /** Gives up the holds that were dropped, and goes on with drops that dead workers began. */
  tidy(): void {
    for (let handle = this.dropped.pop(); handle !== undefined; handle = this.dropped.pop())
      if (this.table.recordOf(handle) !== 0) this.release(handle);
    this.subHeaps.sweep();
  }

  check(): void {
    this.table.check();
  }

  /** The object of a handle, if its block is the one that was shared. */
  private present(call: string, handle: unknown): Shared {
    const shared = this.table.lookUp(handle);
    if (shared === undefined) throw this.stale(call, handle);
    if (this.isThere(shared)) {
      if (this.region.isStale()) this.region.renew();
      return shared;
    }
    if (this.table.end(handle)) this.table.giveBack(handle);
    throw this.stale(call, handle);
  }

  /** False where the block was freed by `free`, as far as that can be told: what lies there now may be another one's. */
  private isThere({ block, type, allocation }: Shared): boolean {
    if (type === SUBHEAP) return true;
    if (enclosingBlock(this.region, block) !== block) return false;
    return allocation === 0 || this.allocationAt(block) === allocation;
  }

  private allocationAt(block: number): number {
    const { debug } = this.heap;
    return debug === undefined ? 0 : debug.allocationAt(block);
  }

  private stale(call: string, handle: unknown): HeapError {
    return staleHandle(this.region, call, handle);
  }

  private describe(value: unknown): Shared {
    const form = formOf(value);
    const address = form === undefined ? this.heap.addressOf('share', value) : form.address;
    const { byteLength, length } = form ?? (value as ArrayLike<unknown> & ArrayBufferView);
    const type = form === undefined ? typeOfView(value) : this.typeOf(form);
    const block = enclosingBlock(this.region, address);
    if (block === 0) throw badAddress(this.region, address, 'share');
    // What is empty lies in no block but the one that begins there.
    const isInside =
      byteLength === 0 ? address === block : address + byteLength <= block + this.heap.usableBytes(block);
    if (!isInside)
      throw new HeapError(
        'ERR_HEAP_INVALID_ADDRESS',
        `share: ${byteLength} bytes at ${address} are not inside one block; share what alloc or view made over a block of its own`,
        { address, bytes: byteLength },
      );
    return { block, address, type, length, allocation: this.allocationAt(block) };
  }

  private typeOf({ type }: ShareableForm): number {
    typeNamed('share', type);
    let number = this.typeNumbers.get(type);
    if (number === undefined) this.typeNumbers.set(type, (number = internText(this.texts, type)));
    return FIRST_NAMED + number;
  }

  /** What this thread knows of a type that has a name; undefined for those of the heap itself. */
  private namedType(call: string, type: number): ShareableType | undefined {
    if (type < FIRST_NAMED) return undefined;
    const name = this.texts.textOf(type - FIRST_NAMED);
    if (name === undefined) corrupt('a handle is of a type that has no name', { type });
    return typeNamed(call, name);
  }

  /** The handle that the same object has already, with a hold more; 0 if this thread knows of none. */
  private handleOf(wanted: Shared, value: unknown): number {
    const handle = this.liveHandleOf(wanted.block);
    const found = handle === undefined ? undefined : this.table.lookUp(handle);
    if (handle === undefined || found === undefined) return 0;
    const isSame = found.address === wanted.address && found.type === wanted.type && found.length === wanted.length;
    if (!isSame)
      throw new HeapError(
        'ERR_HEAP_INVALID_ADDRESS',
        `share(${show(value)}): its block is shared already as another view, and one handle owns it; share that one and make the other with view(). If it was freed: release the handle instead`,
        { address: wanted.address, handle },
      );
    return this.add('share', handle) > 0 ? handle : 0;
  }

  /** The handle that owns a block, if this thread knows of one. */
  private liveHandleOf(block: number): number | undefined {
    const handle = this.known.get(block);
    const found = handle === undefined ? undefined : this.table.lookUp(handle);
    return found !== undefined && this.isThere(found) ? handle : undefined;
  }

  private remember(block: number, handle: number): void {
    this.known.set(block, handle);
    if (this.known.size <= this.knownMost) return;
    for (const [known, of] of this.known) if (this.table.lookUp(of) === undefined) this.known.delete(known);
    this.knownMost = Math.max(KNOWN_LEAST, 2 * this.known.size);
  }
}

/** A DataView has none, and is refused as what lies in no block. */
function typeOfView(value: unknown): number {
  return isTypedArray(value) ? typeOfArray(value) : 0;
}

/** Closes over the list alone, so that a registry keeps nothing else. */
function keepIn(list: number[]): (handle: number) => void {
  return (handle) => {
    list.push(handle);
  };
}
