import * as atomics from '#atomics';
import { lowestBit } from '../base/bits.js';
import { corrupt, HeapError, show } from '../base/errors.js';
import {
  DropBits,
  HANDLE_GENERATION_MAX,
  HANDLE_RECORDS,
  HANDLE_RECORD_SHIFT,
  HandleBits,
  Kind,
} from '../layout/format.js';
import { Geometry } from '../layout/geometry.js';
import { HandleChunkWord, HandleWord, HeaderWord, SliceWord } from '../layout/offsets.generated.js';
import type { Region } from '../memory/region.js';
import { checkedSlice, identity, publishRun, sliceWord } from '../pages/descriptor.js';
import { isAttached } from '../registry/slots.js';
import type { Owner } from '../slabs/owner.js';
import { begin, collect, end } from './allocate.js';
import { tellMisuse } from './lookup.js';

/*
 * The handle table: records in chunks of a slice. A record is taken by setting its bit in the head of its chunk, so exactly one
 * worker writes it; storing its X_STATE publishes it, and from then on X_STATE alone says whether the object is there and how
 * many hold it. Who swaps the last holder out owns the block and the record, and gives both back, the record's bit last.
 *
 * Chunks never go, and no record has the same generation twice: one that has had them all keeps its bit. So a handle means one
 * object for ever, and a stale one is found out by reading, without touching anything.
 *
 * A worker killed between two of these steps leaves a record that nobody uses, and at worst the block in it: what it leaves too
 * when it is killed with the address of a block in hand.
 */

/** What a handle names. */
export interface Shared {
  /** Address of the block it lies in. */
  readonly block: number;
  readonly address: number;
  readonly type: number;
  readonly length: number;
  /** Which allocation the block is; 0 where nobody knows. */
  readonly allocation: number;
}

/** A record and the generation in which it is the one that is meant. Words: from the start of the buffer. */
interface Place {
  readonly record: number;
  readonly generation: number;
}

const RECORD_WORDS = HandleWord.WORDS;
const CHUNK_WORDS = Geometry.SLICE_BYTES / 4;
/** Words of the bits of a chunk's records. */
const TAKEN_WORDS = CHUNK_WORDS / RECORD_WORDS / 32;
/** X_TYPE of a sub-heap: its record has no block, but is the head of a list of blocks. Types of typed arrays are less, named ones more. */
export const SUBHEAP = 255;
/** Most holders of an object. */
export const HOLDERS_MAX = HandleBits.HOLDERS_MASK;
/** Generations begin at a random number of the heap, so that handles of other heaps are stale here; half of them are left. */
const FIRST_GENERATION_MASK = HANDLE_GENERATION_MAX >>> 1;
/** A control block that belongs to no slot. */
const CHUNK_STATE = identity(Kind.CONTROL, 0);

function holdersOf(state: number): number {
  return state & HandleBits.HOLDERS_MASK;
}

function withHolders(state: number, holders: number): number {
  return (state & ~HandleBits.HOLDERS_MASK) | holders;
}

function handleOf(record: number, generation: number): number {
  return generation * HANDLE_RECORDS + ((record * 4) >>> HANDLE_RECORD_SHIFT);
}

/** X_LENGTH of a sub-heap that nobody drops. It differs from that of all before it in the same record. */
function undropped(generation: number): number {
  return DropBits.IS_OPEN | generation;
}

function firstWord(chunk: number): number {
  return chunk * CHUNK_WORDS;
}

/** The error for what is no handle of an object that is there; who listens is told. */
export function staleHandle(region: Region, call: string, handle: unknown): HeapError {
  const error = new HeapError(
    'ERR_HEAP_STALE_HANDLE',
    `${call}(${show(handle)}): the handle names no shared object of this heap, or one that is gone; pass what share() returned, and retain() it before another worker is sent it`,
    { handle },
  );
  return tellMisuse(region, call, error);
}

/** One worker's way to the handle table of its heap. */
export class HandleTable {
  private readonly owner: Owner;
  private readonly region: Region;
  /** Chunk where a record was found or given back last; 0 for none. */
  private cursor = 0;

  constructor(owner: Owner) {
    this.owner = owner;
    this.region = owner.region;
  }

  /** Enters an object, with one holder. Its handle; 0 if the heap has no room for a record. */
  enter(shared: Shared): number {
    const record = this.take();
    if (record === 0) return 0;
    const { i32 } = this.region;
    const before = atomics.load(i32, record + HandleWord.X_STATE) >>> HandleBits.TAG_SHIFT;
    const epoch = atomics.load(i32, record + HandleWord.X_EPOCH);
    const generation = (epoch << HandleBits.TAG_SHIFT) + before + 1;
    atomics.store(i32, record + HandleWord.X_EPOCH, generation >>> HandleBits.TAG_SHIFT);
    atomics.store(i32, record + HandleWord.X_BLOCK, shared.block | 0);
    atomics.store(i32, record + HandleWord.X_ADDRESS, shared.address | 0);
    if (shared.type === SUBHEAP) {
      // Before X_TYPE: who looks for sub-heaps to drop must not take the length of another object for a worker.
      atomics.store(i32, record + HandleWord.X_LENGTH, undropped(generation));
      atomics.store(i32, record + HandleWord.X_TOP, 0);
    }
    atomics.store(i32, record + HandleWord.X_TYPE, shared.type | 0);
    if (shared.type !== SUBHEAP) atomics.store(i32, record + HandleWord.X_LENGTH, shared.length | 0);
    atomics.store(i32, record + HandleWord.X_ALLOCATION, shared.allocation);
    // Publishes the object to whoever is given the handle.
    atomics.store(i32, record + HandleWord.X_STATE, (generation << HandleBits.TAG_SHIFT) | 1);
    return handleOf(record, generation);
  }

  /** What a handle names; undefined if that is gone, or never was. */
  lookUp(handle: unknown): Shared | undefined {
    const place = this.find(handle);
    if (place === undefined) return undefined;
    const { i32 } = this.region;
    const { record } = place;
    const shared = {
      block: atomics.load(i32, record + HandleWord.X_BLOCK) >>> 0,
      address: atomics.load(i32, record + HandleWord.X_ADDRESS) >>> 0,
      type: atomics.load(i32, record + HandleWord.X_TYPE) >>> 0,
      length: atomics.load(i32, record + HandleWord.X_LENGTH) >>> 0,
      allocation: atomics.load(i32, record + HandleWord.X_ALLOCATION),
    };
    // Of one object only if it is there still: the record may have become another's meanwhile.
    return this.stateIn(place) === undefined ? undefined : shared;
  }

  /** One holder more. How many there are then; 0 if the object is gone, -1 if it has as many as can be counted. */
  retain(handle: unknown): number {
    const place = this.find(handle);
    if (place === undefined) return 0;
    for (;;) {
      const state = this.stateIn(place);
      if (state === undefined) return 0;
      if (holdersOf(state) === HOLDERS_MAX) return -1;
      // From here on the object can't go.
      if (this.swap(place, state, holdersOf(state) + 1)) return holdersOf(state) + 1;
    }
  }

  /**
   * One holder less. How many are left; undefined if the object was gone before. With 0 the object is the caller's: it frees
   * the block and calls `giveBack`.
   */
  release(handle: unknown): number | undefined {
    const place = this.find(handle);
    if (place === undefined) return undefined;
    for (;;) {
      const state = this.stateIn(place);
      if (state === undefined) return undefined;
      if (this.swap(place, state, holdersOf(state) - 1)) return holdersOf(state) - 1;
    }
  }

  /** Ends a handle whatever its holders. False if the object was gone before; else it is the caller's, as by `release`. */
  end(handle: unknown): boolean {
    const place = this.find(handle);
    if (place === undefined) return false;
    for (;;) {
      const state = this.stateIn(place);
      if (state === undefined) return false;
      if (this.swap(place, state, 0)) return true;
    }
  }

  /** The first word of the record of an object that is there; 0 if it is gone. */
  recordOf(handle: unknown): number {
    const place = this.find(handle);
    return place === undefined ? 0 : place.record;
  }

  /**
   * Takes upon itself the drop of a sub-heap that is gone but not empty: left by nobody, by a worker that is gone as well, or by
   * this one, which came to grief over it. Its record; 0 if somebody is at it, or nothing is left to do.
   */
  takeDrop(handle: unknown): number {
    const place = this.parse(handle);
    if (place === undefined) return 0;
    const { i32 } = this.region;
    const { record, generation } = place;
    const mine = DropBits.IS_DROPPED | this.owner.workerId;
    const dropper = atomics.load(i32, record + HandleWord.X_LENGTH);
    const isFree = dropper === undropped(generation) || dropper === mine || this.isDead(dropper);
    const isGone = atomics.load(i32, record + HandleWord.X_STATE) === generation << HandleBits.TAG_SHIFT;
    if (!isFree || !isGone || atomics.load(i32, record + HandleWord.X_TYPE) !== SUBHEAP) return 0;
    // As long as this word stayed, so did the others.
    return atomics.compareExchange(i32, record + HandleWord.X_LENGTH, dropper, mine) === dropper ? record : 0;
  }

  private isDead(dropper: number): boolean {
    const isDropper = (dropper & DropBits.IS_DROPPED) === DropBits.IS_DROPPED;
    return isDropper && !isAttached(this.region, dropper & DropBits.WORKER_MASK);
  }

  /** Handles of sub-heaps that are gone and may not be empty. */
  findDrops(): number[] {
    const handles: number[] = [];
    for (let chunk = this.newest(); chunk !== 0; chunk = this.after(chunk))
      for (let index = 1; index < TAKEN_WORDS * 32; index++) {
        const handle = this.dropIn(firstWord(chunk) + index * RECORD_WORDS);
        if (handle !== 0) handles.push(handle);
      }
    return handles;
  }

  private dropIn(record: number): number {
    const { i32 } = this.region;
    const isSubHeap = atomics.load(i32, record + HandleWord.X_TYPE) === SUBHEAP;
    if (!isSubHeap || atomics.load(i32, record + HandleWord.X_LENGTH) === 0) return 0;
    const state = atomics.load(i32, record + HandleWord.X_STATE);
    const epoch = atomics.load(i32, record + HandleWord.X_EPOCH);
    if (holdersOf(state) > 0) return 0;
    return handleOf(record, (epoch << HandleBits.TAG_SHIFT) + (state >>> HandleBits.TAG_SHIFT));
  }

  /** The record of an object that is gone may be another one's. Only who took the last holder calls this, once. */
  giveBack(handle: unknown): void {
    const place = this.parse(handle);
    if (place === undefined || place.generation >= HANDLE_GENERATION_MAX) return;
    const chunk = Math.floor(place.record / CHUNK_WORDS);
    const index = (place.record % CHUNK_WORDS) / RECORD_WORDS;
    this.cursor = chunk;
    atomics.and(this.region.i32, firstWord(chunk) + HandleChunkWord.X_TAKEN + (index >>> 5), ~(1 << index));
  }

  private swap({ record }: Place, state: number, holders: number): boolean {
    const word = record + HandleWord.X_STATE;
    return atomics.compareExchange(this.region.i32, word, state, withHolders(state, holders)) === state;
  }

  /** The record that a handle names, if its object is there. */
  private find(handle: unknown): Place | undefined {
    const place = this.parse(handle);
    return place === undefined || this.stateIn(place) === undefined ? undefined : place;
  }

  /**
   * X_STATE of a record while it is in that generation; undefined if the object is gone. Of the generation's two words the lower
   * is looked at again by every swap; the upper one only here, and is another one after 65536 objects.
   */
  private stateIn({ record, generation }: Place): number | undefined {
    const { i32 } = this.region;
    const epoch = atomics.load(i32, record + HandleWord.X_EPOCH);
    const state = atomics.load(i32, record + HandleWord.X_STATE);
    const isSame =
      state >>> HandleBits.TAG_SHIFT === (generation & HandleBits.HOLDERS_MASK) &&
      epoch === generation >>> HandleBits.TAG_SHIFT;
    return isSame && holdersOf(state) > 0 ? state : undefined;
  }

  /** Anything at all may be given for a handle: only the place of a record in a chunk goes on. */
  private parse(handle: unknown): Place | undefined {
    if (typeof handle !== 'number' || !Number.isSafeInteger(handle) || handle < HANDLE_RECORDS) return undefined;
    const { region } = this;
    const generation = Math.floor(handle / HANDLE_RECORDS);
    const record = (handle % HANDLE_RECORDS) * RECORD_WORDS;
    const chunk = Math.floor(record / CHUNK_WORDS);
    const limit = atomics.load(region.i32, region.header + HeaderWord.X_LIMIT);
    if (chunk < region.firstSlice || chunk >= limit || record === firstWord(chunk)) return undefined;
    if (!this.isChunk(chunk)) return undefined;
    region.cover(chunk + 1);
    return { record, generation };
  }

  private isChunk(slice: number): boolean {
    return atomics.load(this.region.i32, sliceWord(this.region, slice, SliceWord.X_STATE)) === CHUNK_STATE;
  }

  /** Takes a record that is nobody's, in a new chunk if it must be; 0 if the heap is full. */
  private take(): number {
    if (this.cursor !== 0) {
      const record = this.takeIn(this.cursor);
      if (record !== 0) return record;
    }
    for (let chunk = this.newest(); chunk !== 0; chunk = this.after(chunk)) {
      const record = this.takeIn(chunk);
      if (record !== 0) return record;
    }
    let chunk = this.addChunk();
    if (chunk === 0) {
      collect(this.owner);
      chunk = this.addChunk();
    }
    if (chunk === 0) return 0;
    // Others may have been faster, even now.
    return this.takeIn(chunk) || this.take();
  }

  private takeIn(chunk: number): number {
    const { i32 } = this.region;
    const taken = firstWord(chunk) + HandleChunkWord.X_TAKEN;
    for (let word = 0; word < TAKEN_WORDS; word++) {
      for (;;) {
        const bits = atomics.load(i32, taken + word);
        if (bits === -1) break;
        const bit = lowestBit(~bits);
        // Takes the record, unless another worker does so at this moment.
        if ((atomics.or(i32, taken + word, 1 << bit) & (1 << bit)) !== 0) continue;
        this.cursor = chunk;
        return firstWord(chunk) + (word * 32 + bit) * RECORD_WORDS;
      }
    }
    return 0;
  }

  private newest(): number {
    const { region } = this;
    return this.checkedChunk(atomics.load(region.i32, region.header + HeaderWord.X_HANDLES));
  }

  private after(chunk: number): number {
    return this.checkedChunk(this.region.i32[firstWord(chunk) + HandleChunkWord.NEXT]);
  }

  private checkedChunk(chunk: number): number {
    if (chunk === 0) return 0;
    checkedSlice(this.region, chunk, 'a chunk of the handle table');
    if (!this.isChunk(chunk)) corrupt('a chunk of the handle table is none', { slice: chunk });
    this.region.cover(chunk + 1);
    return chunk;
  }

  /** A new chunk in front of the others; its slice, or 0 if the heap is full. */
  private addChunk(): number {
    const { owner, region } = this;
    begin(owner);
    let chunk = owner.slices.claim(1, 1);
    while (chunk === 0 && region.grow(1)) chunk = owner.slices.claim(1, 1);
    if (chunk !== 0) this.linkChunk(chunk);
    end(owner);
    return chunk;
  }

  private linkChunk(chunk: number): void {
    const { owner, region } = this;
    region.cover(chunk + 1);
    const head = firstWord(chunk);
    region.i32.fill(0, head, head + CHUNK_WORDS);
    const first = region.i32[region.header + HeaderWord.HEAP_ID] & FIRST_GENERATION_MASK;
    for (let record = head + RECORD_WORDS; record < head + CHUNK_WORDS; record += RECORD_WORDS) {
      region.i32[record + HandleWord.X_STATE] = first << HandleBits.TAG_SHIFT;
      region.i32[record + HandleWord.X_EPOCH] = first >>> HandleBits.TAG_SHIFT;
    }
    // Number 0 is the head itself.
    atomics.store(region.i32, head + HandleChunkWord.X_TAKEN, 1);
    const root = region.header + HeaderWord.X_HANDLES;
    let newest = atomics.load(region.i32, root);
    region.i32[head + HandleChunkWord.NEXT] = newest;
    publishRun(region, chunk, 1, Kind.CONTROL, 0);
    owner.slices.close();
    for (;;) {
      // Publishes the chunk to who looks for a record.
      const before = atomics.compareExchange(region.i32, root, newest, chunk);
      if (before === newest) return;
      newest = before;
      region.i32[head + HandleChunkWord.NEXT] = newest;
    }
  }

  /** Throws ERR_HEAP_CORRUPT if the table contradicts itself. For workers at rest. */
  check(): void {
    const seen = new Set<number>();
    for (let chunk = this.newest(); chunk !== 0; chunk = this.after(chunk)) {
      if (seen.has(chunk)) corrupt('the handle table has a cycle', { slice: chunk });
      seen.add(chunk);
      for (let index = 1; index < TAKEN_WORDS * 32; index++) this.checkRecord(chunk, index);
    }
  }

  private checkRecord(chunk: number, index: number): void {
    const { i32 } = this.region;
    const record = firstWord(chunk) + index * RECORD_WORDS;
    const taken = i32[firstWord(chunk) + HandleChunkWord.X_TAKEN + (index >>> 5)] & (1 << index);
    const holders = holdersOf(atomics.load(i32, record + HandleWord.X_STATE));
    if (holders > 0 && taken === 0) corrupt('a shared object has a record that may be taken', { slice: chunk, index });
  }
}
