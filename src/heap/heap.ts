import { HeapError } from '../base/errors.js';
import type { HeapSettings } from '../config/options.js';
import { resolveOptions, type CreateOptions } from '../config/resolve.js';
import { CLASS_BYTES, CLASS_OF } from '../layout/classes.js';
import { MapBits, SlotState } from '../layout/format.js';
import { Geometry } from '../layout/geometry.js';
import { CacheWord } from '../layout/offsets.generated.js';
import { createRegion, giveUpRegion, openRegion, settingsOf, tokenOf, type HeapToken } from '../memory/create.js';
import type { Region } from '../memory/region.js';
import { countClaimed } from '../pages/slices.js';
import { threadTag, type ExitingWorker } from '../platform/host.js';
import { attachWorker, reserveWorker, type Membership } from '../registry/attach.js';
import { reclaimSlot, reclaimWorker } from '../registry/reclaim.js';
import { loadState, packState } from '../registry/slots.js';
import type { Owner } from '../slabs/owner.js';
import { allocate, begin, collect, mend } from './allocate.js';
import { isTypedArray, type TypedArray, type TypedArrayConstructor } from './arrays.js';
import { allOrNone, freeEach } from './batch.js';
import { zeroFill } from './bytes.js';
import { checkHeap } from './check.js';
import { FRESH_BYTE, freeAddress } from './free.js';
import { Identity } from './identity.js';
import { badAddress, usableBytes } from './lookup.js';
import { keepsPlace, moveBlock, outOfMemory, reallocate } from './reallocate.js';
import { gatherStats, type HeapStats } from './stats.js';
import { checkAddressList, checkAlignment, checkLength, checkSize } from './validate.js';
import { foreignView, openView } from './views.js';
import { walkBlocks, type BlockInfo } from './walk.js';
import { Watches } from './watch.js';

/** Reads as empty caches of no capacity: what the fast path sees when it is switched off. */
const OFF = new Int32Array(new SharedArrayBuffer(1024));

/** Heaps this thread is attached to, by their id: attaching again gives the same one. */
const attached = new Map<string, WeakRef<Heap>>();

/** A heap that is dropped without detach() gives its slot back when the engine collects it. */
const dropped = new FinalizationRegistry<{ membership: Membership; heapId: string }>(({ membership, heapId }) => {
  const { owner, generation } = membership;
  if (attached.get(heapId)?.deref() === undefined) attached.delete(heapId);
  reclaimSlot(owner, owner.slot, generation, 'exited');
});

/** A reserved place for a worker about to be started. */
export interface Reservation {
  readonly token: HeapToken;
  readonly workerId: number;
}

/**
 * A heap in shared memory, as one worker holds it. Any worker allocates, any worker frees; addresses, views and
 * `token` may be sent anywhere the memory is shared. One `Heap` object is for the thread that made it.
 */
export class Heap {
  /* The fast path: plain fields, stored once (and once more by detach). Word indices into `words`. */
  /** @internal */ words: Int32Array = OFF;
  /** @internal Cache of a size, by `(bytes + 15) >>> 4`: the size class look-up and the place of its cache in one load. */
  readonly cacheOf = new Int32Array(CLASS_OF.length);
  /** @internal */ cacheBase = 0;
  /** @internal */ cacheShift = 0;
  /** @internal */ mapBase = 0;
  /** @internal */ bitsBase = 0;
  /** @internal */ baseSlice = 0;
  /** @internal Slices the fast path of free() believes in; 0 switches it off. */
  sliceCount = 0;
  /** @internal `slot << 8`: what the map words of own slabs have above the class. */
  tag = 0;

  private readonly region: Region;
  private readonly owner: Owner;
  private readonly membership: Membership;
  private readonly identity: Identity;
  private readonly watches: Watches;
  private isDetached = false;

  /** Names this attachment, slot and generation; never used again for another one. */
  readonly workerId: number;
  /** What to send a worker so that it can `Heap.attach`: a plain, structured-cloneable object. */
  readonly token: HeapToken;

  private constructor(region: Region, membership: Membership) {
    this.region = region;
    this.membership = membership;
    this.owner = membership.owner;
    this.workerId = membership.workerId;
    this.token = tokenOf(region);
    this.identity = new Identity(region, membership.owner.slot);
    this.watches = new Watches(membership.owner);
    const { poison, countHits } = membership.owner.settings;
    if (poison === 0 && countHits === 0) this.openFastPath();
  }

  private openFastPath(): void {
    const { region, owner } = this;
    this.words = region.i32;
    this.cacheBase = owner.control;
    this.cacheShift = owner.shape.cacheShift;
    this.mapBase = region.map;
    this.bitsBase = region.bits;
    this.baseSlice = region.baseSlice;
    this.sliceCount = region.endSlice - region.baseSlice;
    this.tag = owner.slot << MapBits.OWNER_SHIFT;
    for (let i = 0; i < CLASS_OF.length; i++) this.cacheOf[i] = owner.cache(CLASS_OF[i]);
  }

  private closeFastPath(): void {
    this.words = OFF;
    this.cacheBase = 0;
    this.cacheShift = 0;
    this.sliceCount = 0;
    this.cacheOf.fill(0);
  }

  /**
   * Makes a region and attaches the calling worker. `options`: `preset` (a name or a preset object) and any option of the
   * options table. Throws ERR_HEAP_CONFIG, naming the option, its value and what would be right.
   */
  static create(options: CreateOptions = {}): Heap {
    const region = createRegion(resolveOptions(options));
    try {
      return Heap.join(region, settingsOf(region), undefined);
    } catch (error) {
      giveUpRegion(region);
      throw error;
    }
  }

  /**
   * Attaches the calling worker to the heap behind a token. Twice in one worker gives the same `Heap`. Throws
   * ERR_HEAP_TOKEN for anything that is no token of a heap of this format, having written nothing, and
   * ERR_HEAP_WORKERS when all slots are taken.
   */
  static attach(token: HeapToken): Heap {
    const opened = openRegion(token);
    const known = attached.get(opened.token.heapId)?.deref();
    if (known?.isAttached() === true) return known;
    return Heap.join(opened.region, opened.settings, opened.token.workerId);
  }

  private static join(region: Region, settings: HeapSettings, reserved: number | undefined): Heap {
    const membership = attachWorker(region, settings, threadTag(), reserved);
    const heap = new Heap(region, membership);
    attached.set(heap.token.heapId, new WeakRef(heap));
    dropped.register(heap, { membership, heapId: heap.token.heapId }, heap);
    return heap;
  }

  /** Address of a block of at least `bytes` bytes, 16-aligned, or aligned to `alignment`, a power of two up to 64 KiB. */
  malloc(bytes: number, alignment?: number): number {
    if (alignment === undefined) {
      const address = this.takeCached(bytes);
      if (address !== 0) return address;
    }
    return this.mallocSlow('malloc', bytes, alignment);
  }

  /** A block out of this worker's cache; 0 if there is none, or if `bytes` is no size that slabs serve. */
  private takeCached(bytes: number): number {
    if (typeof bytes !== 'number') return 0;
    const size = bytes >>> 0;
    if (size !== bytes || size > Geometry.SLAB_BLOCK_MAX_BYTES) return 0;
    const { words } = this;
    const cache = this.cacheOf[(size + 15) >>> 4];
    const count = words[cache];
    if (count <= 0) return 0;
    const granule = words[cache + (CacheWord.WORDS - 1) + count];
    // The count goes first: a worker killed between the two stores leaves a free block, not one held twice.
    words[cache] = count - 1;
    words[this.bitsBase + ((granule >>> 5) << 1)] |= 1 << granule;
    return (granule << Geometry.GRANULE_SHIFT) >>> 0;
  }

  /**
   * Frees a block by its address or by a view that alloc() or resize() returned, from any worker. 0, null and undefined do
   * nothing. Throws ERR_HEAP_DOUBLE_FREE or ERR_HEAP_INVALID_FREE for everything else that is no live block.
   */
  free(target: number | TypedArray | null | undefined): void {
    if (typeof target === 'number') {
      const slice = target >>> Geometry.SLICE_SHIFT;
      if (target >>> 0 === target && (slice - this.baseSlice) >>> 0 < this.sliceCount && (target & 15) === 0) {
        const { words } = this;
        // Class if the slab is this worker's; anything else differs in the owner bits.
        const classId = words[this.mapBase + slice] ^ this.tag;
        if (classId >>> 0 < MapBits.KINDS) {
          const granule = target >>> Geometry.GRANULE_SHIFT;
          const bit = 1 << granule;
          const at = this.bitsBase + ((granule >>> 5) << 1);
          const live = words[at];
          const cache = this.cacheBase + (classId << this.cacheShift);
          const count = words[cache];
          if ((live & ~words[at + 1] & bit) !== 0 && count < words[cache + CacheWord.CAPACITY]) {
            words[at] = live ^ bit;
            words[cache + CacheWord.WORDS + count] = granule;
            words[cache] = count + 1;
            return;
          }
        }
      }
    }
    this.freeSlow(target);
  }

  private mallocSlow(call: string, bytes: unknown, alignment: unknown): number {
    const address = this.tryAllocate(call, bytes, alignment);
    if (address === 0) throw this.exhausted(call, bytes as number, checkAlignment(call, alignment));
    return address;
  }

  private tryAllocate(call: string, bytes: unknown, alignment: unknown): number {
    this.checkAttached(call);
    checkSize(call, 'bytes', bytes);
    const aligned = checkAlignment(call, alignment);
    const address = allocate(this.owner, bytes, aligned);
    if (address !== 0 && this.owner.settings.poison === 1)
      this.region.u8.fill(FRESH_BYTE, address, address + usableBytes(this.region, address));
    return address;
  }

  private exhausted(call: string, bytes: number, alignment: number): HeapError {
    return outOfMemory(this.owner, call, bytes, alignment, countClaimed(this.region) * Geometry.SLICE_BYTES);
  }

  private freeSlow(target: unknown): void {
    this.checkAttached('free');
    if (target === 0 || target === null || target === undefined) return;
    freeAddress(this.owner, isTypedArray(target) ? this.addressOfBlock('free', target) : target);
  }

  /** The same, but 0 instead of ERR_HEAP_OUT_OF_MEMORY. */
  tryMalloc(bytes: number, alignment?: number): number {
    return this.tryAllocate('tryMalloc', bytes, alignment);
  }

  /** Zero-filled malloc. */
  calloc(bytes: number, alignment?: number): number {
    const cached = alignment === undefined ? this.takeCached(bytes) : 0;
    const address = cached || this.mallocSlow('calloc', bytes, alignment);
    zeroFill(this.region, address, bytes);
    return address;
  }

  /**
   * Changes the size of a block, in place where it can, and returns its address from now on. Contents are kept up to the
   * smaller size. `realloc(0, n)` is `malloc(n)`. On ERR_HEAP_OUT_OF_MEMORY the old block is as before.
   */
  realloc(address: number, bytes: number): number {
    const have = this.ownBlockBytes(address);
    if (have !== 0 && typeof bytes === 'number' && bytes >>> 0 === bytes) {
      if (keepsPlace(have, bytes)) return address;
      if (have < bytes) {
        const larger = this.takeCached(bytes);
        if (larger !== 0) return moveBlock(this, this.region, address, larger, have);
      }
    }
    return this.reallocSlow(address, bytes);
  }

  /** Bytes of a live block in a slab of this worker's; 0 for everything else. The look is the one that free() takes. */
  private ownBlockBytes(address: unknown): number {
    if (typeof address !== 'number' || address >>> 0 !== address || (address & 15) !== 0) return 0;
    const slice = address >>> Geometry.SLICE_SHIFT;
    if ((slice - this.baseSlice) >>> 0 >= this.sliceCount) return 0;
    const { words } = this;
    const classId = words[this.mapBase + slice] ^ this.tag;
    if (classId >>> 0 >= MapBits.KINDS) return 0;
    const granule = address >>> Geometry.GRANULE_SHIFT;
    const at = this.bitsBase + ((granule >>> 5) << 1);
    return (words[at] & ~words[at + 1] & (1 << granule)) === 0 ? 0 : CLASS_BYTES[classId];
  }

  private reallocSlow(address: number, bytes: number): number {
    this.checkAttached('realloc');
    checkSize('realloc', 'bytes', bytes);
    if (address === 0) return this.mallocSlow('realloc', bytes, undefined);
    const moved = reallocate(this.owner, 'realloc', address, bytes);
    if (moved === 0) throw this.exhausted('realloc', bytes, Geometry.GRANULE_BYTES);
    return moved;
  }

  /** Bytes the block can hold, at least what was asked for. Throws ERR_HEAP_INVALID_ADDRESS if it is no live block. */
  usableSize(address: number): number {
    this.checkAttached('usableSize');
    const bytes = usableBytes(this.region, address);
    if (bytes < 0) throw badAddress(this.region, address, 'usableSize');
    return bytes;
  }

  /** `count` blocks of `bytes` bytes, all or none, into `out` if given. */
  mallocMany<Out extends number[] | Uint32Array | Float64Array = number[]>(
    bytes: number,
    count: number,
    out?: Out,
  ): Out {
    this.checkAttached('mallocMany');
    checkSize('mallocMany', 'bytes', bytes);
    checkSize('mallocMany', 'count', count);
    const list = out ?? ([] as number[]);
    checkAddressList(list, count);
    allOrNone(this, list, count, () => this.takeCached(bytes) || this.mallocSlow('mallocMany', bytes, undefined));
    return list as Out;
  }

  /**
   * Frees every block of the list. At the first that is no live block it throws as free() does; those before it are free,
   * it and those after it are untouched, and `index` of the error says where it was.
   */
  freeMany(list: Iterable<number | TypedArray | null | undefined>): void {
    freeEach(this, list);
  }

  /** A zero-filled typed array over a block of its own. `free` it by the view or by its address. */
  alloc<View extends TypedArray>(type: TypedArrayConstructor<View>, length: number): View {
    const view = this.allocView('alloc', type, length);
    zeroFill(this.region, view.byteOffset, view.byteLength);
    return view;
  }

  /** The same without clearing what was there before, as with Node's Buffer. */
  allocUnsafe<View extends TypedArray>(type: TypedArrayConstructor<View>, length: number): View {
    return this.allocView('allocUnsafe', type, length);
  }

  private allocView<View extends TypedArray>(call: string, type: TypedArrayConstructor<View>, length: number): View {
    const bytes = checkLength(call, type, length);
    const address = this.takeCached(bytes) || this.mallocSlow(call, bytes, undefined);
    try {
      return new type(this.region.buffer, address, length);
    } catch (error) {
      // A constructor of the user's own may throw; nobody would know the block.
      this.free(address);
      throw error;
    }
  }

  /** A view of `length` elements at an address. Checked against alignment and the region: ERR_HEAP_INVALID_ADDRESS. */
  view<View extends TypedArray>(type: TypedArrayConstructor<View>, address: number, length: number): View {
    this.checkAttached('view');
    return openView(this.region, type, address, length);
  }

  /** Address of a view's first byte. Throws ERR_HEAP_INVALID_ADDRESS for a view of other memory. */
  addressOf(view: TypedArray): number {
    this.checkAttached('addressOf');
    return this.addressOfBlock('addressOf', view);
  }

  private addressOfBlock(call: 'free' | 'addressOf' | 'resize', view: unknown): number {
    if (isTypedArray(view) && this.identity.isSameMemory(view.buffer)) return view.byteOffset;
    throw foreignView(call, view);
  }

  /** realloc for typed arrays: returns the view to use from then on. Elements beyond the old length are zero. */
  resize<View extends TypedArray>(view: View, length: number): View {
    this.checkAttached('resize');
    const address = this.addressOfBlock('resize', view);
    const type = view.constructor as TypedArrayConstructor<View>;
    const bytes = checkLength('resize', type, length);
    const moved = reallocate(this.owner, 'resize', address, bytes);
    if (moved === 0) throw this.exhausted('resize', bytes, Geometry.GRANULE_BYTES);
    if (this.region.isStale()) this.region.renew();
    if (bytes > view.byteLength) zeroFill(this.region, moved + view.byteLength, bytes - view.byteLength);
    return new type(this.region.buffer, moved, length);
  }

  /**
   * Brings home what other workers freed of this worker's blocks, empties its caches and returns its empty pages. Returns
   * the bytes of those pages.
   */
  collect(): number {
    this.checkAttached('collect');
    return collect(this.owner) * Geometry.SLICE_BYTES;
  }

  /** A place for a worker about to be started: even one killed while it attaches can then be named to `reclaim`. */
  reserve(): Reservation {
    this.checkAttached('reserve');
    const workerId = reserveWorker(this.region, threadTag());
    return { token: { ...this.token, workerId }, workerId };
  }

  /**
   * Takes over a worker's part of the heap when it exits, throws or is terminated (Node, Deno, Bun). Pass the worker id of
   * its reservation too if it has one. Throws ERR_HEAP_CONFIG for a worker without an exit event: use `reclaim` there.
   */
  watch(worker: ExitingWorker, workerId?: number): void {
    this.checkAttached('watch');
    this.watches.add(worker, workerId);
  }

  /**
   * Takes over the part of a worker that has ended, by hand, for browsers and pools. Returns whether there was anything to
   * do: unknown, old and repeated ids and the caller's own change nothing.
   */
  reclaim(workerId: number): boolean {
    this.checkAttached('reclaim');
    begin(this.owner);
    const isChanged = reclaimWorker(this.owner, workerId, 'by hand');
    this.owner.isMidway = false;
    return isChanged;
  }

  /** Counts the heap. A plain object, exact when the workers are at rest. Takes time in proportion to the memory in use. */
  stats(): HeapStats {
    this.checkAttached('stats');
    mend(this.owner);
    return gatherStats(this.region, this.owner.shape, this.owner.settings.maxBytes);
  }

  /** Walks the heap and throws ERR_HEAP_CORRUPT, with what and where, if an invariant doesn't hold. For workers at rest. */
  check(): void {
    this.checkAttached('check');
    mend(this.owner);
    checkHeap(this.region, this.owner.shape, this.owner.settings);
  }

  /** Every live block, from low to high addresses; exact when the workers are at rest. */
  blocks(): IterableIterator<BlockInfo> {
    this.checkAttached('blocks');
    return walkBlocks(this.region);
  }

  /**
   * Leaves the heap: what this worker's caches and slabs hold is for the others now; its live blocks stay valid. Every
   * later call throws ERR_HEAP_DETACHED, but a second detach() does nothing.
   */
  detach(): void {
    if (this.isDetached) return;
    this.closeFastPath();
    this.watches.stop();
    dropped.unregister(this);
    if (attached.get(this.token.heapId)?.deref() === this) attached.delete(this.token.heapId);
    if (this.isAttached()) begin(this.owner);
    reclaimSlot(this.owner, this.owner.slot, this.membership.generation, 'exited');
    this.isDetached = true;
  }

  [Symbol.dispose](): void {
    this.detach();
  }

  private isAttached(): boolean {
    const expected = packState(SlotState.LIVE, this.membership.generation);
    return !this.isDetached && loadState(this.region, this.owner.slot) === expected;
  }

  private checkAttached(call: string): void {
    if (this.isAttached()) return;
    this.closeFastPath();
    const reason = this.isDetached
      ? 'this heap was detached'
      : 'another worker reclaimed this attachment, as if this worker had ended';
    throw new HeapError('ERR_HEAP_DETACHED', `${call}: ${reason}; attach again with a token`, {
      workerId: this.workerId,
    });
  }

  private fresh(call: string): Region {
    if (this.isDetached) this.checkAttached(call);
    if (this.region.isStale()) this.region.renew();
    return this.region;
  }

  /** The SharedArrayBuffer as it is now. */
  get buffer(): SharedArrayBuffer {
    return this.fresh('buffer').buffer;
  }

  /** Views of the whole buffer, for code that works with addresses: `heap.f64[address >>> 3]`. Read them anew after anything that may grow the region. */
  get u8(): Uint8Array<SharedArrayBuffer> {
    return this.fresh('u8').u8;
  }

  /** The buffer as 32-bit integers: `heap.i32[address >>> 2]`. */
  get i32(): Int32Array<SharedArrayBuffer> {
    return this.fresh('i32').i32;
  }

  /** The buffer as unsigned 32-bit integers. */
  get u32(): Uint32Array<SharedArrayBuffer> {
    return this.fresh('u32').u32;
  }

  /** The buffer as 32-bit floats. */
  get f32(): Float32Array<SharedArrayBuffer> {
    return this.fresh('f32').f32;
  }

  /** The buffer as 64-bit floats: `heap.f64[address >>> 3]`. */
  get f64(): Float64Array<SharedArrayBuffer> {
    return this.fresh('f64').f64;
  }
}
