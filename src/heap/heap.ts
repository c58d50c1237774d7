import { DENO_INSPECT, NODE_INSPECT } from '../base/show.js';
import { resolveOptions, type CreateOptions, type ResolvedOptions } from '../config/resolve.js';
import { DebugLevel, type HeapSettings } from '../config/options.js';
import { ProfileLevel } from '../layout/format.js';
import { Geometry } from '../layout/geometry.js';
import {
  createRegion,
  giveUpRegion,
  prewarmRegion,
  openRegion,
  settingsOf,
  tokenOf,
  type HeapToken,
} from '../memory/create.js';
import { nameOf, type Region } from '../memory/region.js';
import { drainRings, spillRings } from '../memory/ring.js';
import { TextTable } from '../memory/texts.js';
import { isHeard, publish, type Diagnostic } from '../platform/diagnostics.js';
import { threadTag, type ExitingWorker } from '../platform/host.js';
import { tellOpened } from '../platform/overrides.js';
import { attachWorker, reserveWorker, type Membership, type Reservation } from '../registry/attach.js';
import { reclaimSlot, reclaimWorker } from '../registry/reclaim.js';
import { isAttached } from '../registry/slots.js';
import type { HeapStats } from '../report/shape.js';
import { filesFor, StatsWriter } from '../report/writer.js';
import type { Owner } from '../slabs/owner.js';
import { begin, collect, mend, warmCaches } from './allocate.js';
import type { TypedArray, TypedArrayConstructor } from './arrays.js';
import { AttachedHeaps } from './attached.js';
import { Attachment } from './attachment.js';
import { allOrNone, freeEach } from './batch.js';
import { openBlocks, type Blocks } from './blocks.js';
import { checkHeap } from './check.js';
import { openEventLog } from './event-log.js';
import { openFastPath, type FastPath } from './fast.js';
import { openDebugBlocks } from './debug-blocks.js';
import { LeakWatch, findLeaks, type Leak } from './leaks.js';
import { badAddress } from './lookup.js';
import { describeHeap } from './picture.js';
import { beginLog, learnedBy, openLog, writeLog, type Learned } from './learned.js';
import type { Hold } from './hold.js';
import { internText } from './intern.js';
import { openResize, type Resize } from './resize.js';
import { openSampledPath } from './sampled.js';
import { runScope, Scope } from './scope.js';
import { Sharing } from './sharing.js';
import type { Handle, Shareable } from './shared-types.js';
import type { SubHeap } from './subheap.js';
import { takeSnapshot, type HeapSnapshot, type SnapshotOptions } from './snapshot.js';
import { gatherStats } from './stats.js';
import { openView } from './views.js';
import { walkBlocks, type BlockInfo } from './walk.js';
import { Watches } from './watch.js';

const attached = new AttachedHeaps<Heap>();

/**
 * A heap in shared memory, as one worker holds it. Any worker allocates, any worker frees; addresses, views and
 * `token` may be sent anywhere the memory is shared. One `Heap` object is for the thread that made it.
 */
export class Heap {
  private readonly region: Region;
  private readonly owner: Owner;
  private readonly attachment: Attachment;
  private readonly fast: FastPath;
  private readonly sharing: Sharing;
  private readonly watches: Watches;
  private readonly leakWatch: LeakWatch | undefined;
  /** Where this worker writes what it learns. */
  private logPath: string | undefined;
  private statsWriter: StatsWriter | undefined;
  private readonly texts: TextTable;
  private stopEventLog: (() => void) | undefined;

  /**
   * Names this attachment, slot and generation; never used again for another one. From 1 to 2^29 - 1, and its low ten bits
   * are no other attached worker's: so it fits beside flags into a word, and into a table of 1,024.
   */
  readonly workerId: number;
  /** What to send a worker so that it can `Heap.attach`: a plain, structured-cloneable object. */
  readonly token: HeapToken;

  /** Address of a block of at least `bytes` bytes, 16-aligned, or aligned to `alignment`, a power of two up to 64 KiB. */
  readonly malloc: FastPath['malloc'];
  /**
   * Frees a block by its address or by a view that alloc() or resize() returned, from any worker. 0, null and undefined do
   * nothing. Throws ERR_HEAP_DOUBLE_FREE or ERR_HEAP_INVALID_FREE for everything else that is no live block.
   */
  readonly free: FastPath['free'];
  /** Zero-filled malloc. */
  readonly calloc: Blocks['calloc'];
  /**
   * Changes the size of a block, in place where it can, and returns its address from now on. Contents are kept up to the
   * smaller size. `realloc(0, n)` is `malloc(n)`. On ERR_HEAP_OUT_OF_MEMORY the old block is as before.
   */
  readonly realloc: Blocks['realloc'];
  /**
   * A zero-filled typed array over a block of its own. `free` it by the view or by its address. May be the same object as a
   * view that was freed before.
   */
  readonly alloc: Blocks['alloc'];
  /** The same without clearing what was there before, as with Node's Buffer. */
  readonly allocUnsafe: Blocks['allocUnsafe'];
  /** realloc for typed arrays: returns the view to use from then on. Elements beyond the old length are zero. */
  readonly resize: Resize;

  private constructor(region: Region, membership: Membership, isCreator: boolean) {
    this.region = region;
    this.owner = membership.owner;
    this.workerId = membership.workerId;
    this.token = tokenOf(region);
    this.texts = new TextTable(region, region.interned, region.internedWords);
    this.attachment = new Attachment(region, membership);
    this.leakWatch = LeakWatch.for(this.attachment, isCreator);
    const fast = openFastPath(this.attachment);
    const isSampled = membership.owner.settings.profileLevel === ProfileLevel.SAMPLED;
    this.fast = isSampled ? openSampledPath(this.attachment, fast) : fast;
    this.malloc = this.fast.malloc;
    this.free = this.fast.free;
    this.sharing = new Sharing(this.attachment, this, this.free, this.texts);
    this.watches = new Watches(membership.owner, this.sharing.subHeaps);
    const { debug } = this.attachment;
    const blocks =
      debug === undefined ? openBlocks(this.attachment, this.fast) : openDebugBlocks(this.attachment, debug);
    this.calloc = blocks.calloc;
    this.realloc = blocks.realloc;
    this.alloc = blocks.alloc;
    this.allocUnsafe = blocks.allocUnsafe;
    this.resize = openResize(this.attachment, this.free);
  }

  /**
   * Makes a region and attaches the calling worker. `options`: `preset` (a name or a preset object) and any option of the
   * options table. Throws ERR_HEAP_CONFIG, naming the option, its value and what would be right.
   */
  static create(options: CreateOptions = {}): Heap {
    const resolved = resolveOptions(options);
    const { learnLog, prewarmBytes, statsFile } = resolved.values;
    const files = statsFile === undefined ? undefined : filesFor(statsFile);
    if (learnLog !== undefined) beginLog(learnLog);
    const region = createRegion(resolved);
    prewarmRegion(region, prewarmBytes);
    try {
      const heap = Heap.join(region, settingsOf(region), undefined, 'create');
      if (learnLog !== undefined) openLog(heap.owner);
      heap.logPath = learnLog;
      if (files !== undefined) heap.writeStats(files, resolved.values);
      return heap;
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
    const known = attached.find(opened.token.heapId);
    if (known !== undefined && known.attachment.isAttached()) return known;
    return Heap.join(opened.region, opened.settings, opened.token.workerId, 'attach');
  }

  private static join(region: Region, settings: HeapSettings, reserved: number | undefined, how: Diagnostic): Heap {
    const membership = attachWorker(region, settings, threadTag(), reserved);
    const heap = new Heap(region, membership, how === 'create');
    attached.enter(heap, heap.token.heapId, heap.attachment, membership);
    if (settings.warmCaches > 0) warmCaches(membership.owner, settings.warmCaches);
    if (settings.debugLevel >= DebugLevel.EVENTS) heap.stopEventLog = openEventLog(heap.token.heapId);
    tellOpened(heap, how === 'create');
    publish(how, { ...nameOf(region), maxBytes: settings.maxBytes });
    return heap;
  }

  /** Only the heap holds itself: a program that drops it must find it collected. */
  private writeStats(
    files: ReturnType<typeof filesFor>,
    { statsFile, statsInterval }: ResolvedOptions['values'],
  ): void {
    const held = new WeakRef(this);
    const read = (heap = held.deref()): HeapStats | undefined => (heap === undefined ? undefined : heap.stats());
    this.statsWriter = new StatsWriter(files, statsFile!, this.token.heapId, read, statsInterval);
  }

  /** The same, but 0 instead of ERR_HEAP_OUT_OF_MEMORY. */
  tryMalloc(bytes: number, alignment?: number): number {
    const address = this.attachment.tryAllocate('tryMalloc', bytes, alignment);
    if (address === 0 && isHeard('exhausted'))
      this.attachment.exhausted('tryMalloc', bytes, alignment ?? Geometry.GRANULE_BYTES);
    return address;
  }

  /** Bytes the block can hold, at least what was asked for. Throws ERR_HEAP_INVALID_ADDRESS if it is no live block. */
  usableSize(address: number): number {
    this.attachment.check('usableSize');
    const bytes = this.attachment.usableBytes(address);
    if (bytes < 0) throw badAddress(this.region, address, 'usableSize');
    return bytes;
  }

  /** `count` blocks of `bytes` bytes, all or none, into `out` if given. */
  mallocMany<Out extends number[] | Uint32Array | Float64Array = number[]>(
    bytes: number,
    count: number,
    out?: Out,
  ): Out {
    const list = out ?? ([] as number[]);
    allOrNone(this.attachment, this.fast, list, bytes, count);
    return list as Out;
  }

  /**
   * Frees every block of the list. At the first that is no live block it throws as free() does; those before it are free,
   * it and those after it are untouched, and `index` of the error says where it was.
   */
  freeMany(list: Iterable<number | TypedArray | null | undefined>): void {
    freeEach(this.free, list);
  }

  /** A view of `length` elements at an address. Checked against alignment and the region: ERR_HEAP_INVALID_ADDRESS. */
  view<View extends TypedArray>(type: TypedArrayConstructor<View>, address: number, length: number): View {
    this.attachment.check('view');
    return openView(this.region, type, address, length);
  }

  /** Address of a view's first byte. Throws ERR_HEAP_INVALID_ADDRESS for a view of other memory. */
  addressOf(view: TypedArray): number {
    this.attachment.check('addressOf');
    return this.attachment.addressOf('addressOf', view);
  }

  /**
   * Number of a text, from 1 to 1023, the same in every worker: for what is said once for a whole region, such as the definition
   * of a struct. It is kept as long as the region and is no block. Throws ERR_HEAP_OUT_OF_MEMORY when the table is full:
   * it takes a 1024th of the region, 4 KiB to 32 KiB, a sixteenth of it for at most so many texts.
   */
  intern(text: string): number {
    this.attachment.check('intern');
    return internText(this.texts, text);
  }

  /** The text with this number; undefined if no worker has interned one. */
  interned(number: number): string | undefined {
    this.attachment.check('interned');
    return this.texts.textOf(number);
  }

  /**
   * A handle for a typed array, a struct or an array of structs in a block of this heap: a safe integer that may be sent anywhere as a number (a
   * double; it does not fit in 32 bits). From now on the handle owns the block: it has one holder, and the last `release` frees; don't
   * `free` it. Sharing again what this worker shared or opened gives the same handle and counts a holder more. Throws
   * ERR_HEAP_INVALID_ADDRESS for what lies in no live block of the heap, or in one that is shared as another view.
   */
  share<Value extends TypedArray | Shareable | SubHeap>(value: Value): Handle<Value> {
    return this.sharing.share(value);
  }

  /**
   * The shared object of a handle, in any worker: the same bytes, the same type, the same length. Counts no holder: whoever
   * opens it sees to it that somebody holds it meanwhile. Throws ERR_HEAP_STALE_HANDLE for everything that is not the
   * handle of an object that is there, and ERR_HEAP_DEFINITION if it is a struct that this thread has not defined alike.
   */
  open<Value extends object = TypedArray>(handle: Handle<Value> | number): Value {
    return this.sharing.open(handle) as Value;
  }

  /** Counts a holder more, from any worker, and returns how many there are: 65535 at most, then ERR_HEAP_INVALID_SIZE. Throws ERR_HEAP_STALE_HANDLE. */
  retain(handle: number): number {
    return this.sharing.retain(handle);
  }

  /**
   * Counts a holder less, from any worker, and returns how many are left. The last one frees the block, with what a struct in it owns.
   * Throws ERR_HEAP_STALE_HANDLE, and ERR_HEAP_DEFINITION if it is a struct that this thread has not defined alike.
   */
  release(handle: number): number {
    return this.sharing.release(handle);
  }

  /** Opens and retains in one, for `using`: the hold is released when it is disposed, or by a later `collect()` if it was dropped. Throws ERR_HEAP_STALE_HANDLE. */
  hold<Value extends object = TypedArray>(handle: Handle<Value> | number): Hold<Value> {
    return this.sharing.hold(handle) as Hold<Value>;
  }

  /**
   * Runs `fn` with a scope: everything allocated through it is freed when `fn` returns, throws, or the promise it returned is
   * settled. Returns what `fn` returns. Without `fn` a scope for `using`, or to `reset()` again and again.
   */
  scope(): Scope;
  scope<Result>(fn: (scope: Scope) => Result): Result;
  scope<Result>(fn?: (scope: Scope) => Result): Scope | Result {
    this.attachment.check('scope');
    const scope = new Scope(this);
    return fn === undefined ? scope : runScope(scope, fn);
  }

  /**
   * A sub-heap: blocks that any worker allocates in it, once it is sent its `handle` and has opened it, and that any worker drops at once. The
   * caller is its one holder.
   */
  subheap(): SubHeap {
    return this.sharing.subHeap();
  }

  /**
   * Brings home what other workers freed of this worker's blocks, empties its caches and returns its empty pages. Returns
   * the bytes of those pages.
   */
  collect(): number {
    this.attachment.check('collect');
    const { slices } = this.owner;
    const before = slices.releasedSlices;
    this.sharing.tidy();
    const { debug } = this.attachment;
    if (debug !== undefined) debug.flush();
    collect(this.owner);
    writeLog(this.owner, this.logPath);
    return (slices.releasedSlices - before) * Geometry.SLICE_BYTES;
  }

  /** A place for a worker about to be started: even one killed while it attaches can then be named to `reclaim`. */
  reserve(): Reservation {
    this.attachment.check('reserve');
    const workerId = reserveWorker(this.region, threadTag());
    return { token: { ...this.token, workerId }, workerId };
  }

  /**
   * Takes over a worker's part of the heap when it exits, throws or is terminated (Node, Deno, Bun). Pass the worker id of
   * its reservation too if it has one. Throws ERR_HEAP_CONFIG for a worker without an exit event: use `reclaim` there.
   */
  watch(worker: ExitingWorker, workerId?: number): void {
    this.attachment.check('watch');
    this.watches.add(worker, workerId);
  }

  /**
   * Takes over the part of a worker that has ended, by hand, for browsers and pools. Returns whether there was anything to
   * do: unknown, old and repeated ids and the caller's own change nothing.
   */
  reclaim(workerId: number): boolean {
    this.attachment.check('reclaim');
    begin(this.owner);
    const isChanged = reclaimWorker(this.owner, workerId, 'by hand');
    this.owner.isMidway = false;
    this.sharing.subHeaps.sweep();
    return isChanged;
  }

  /**
   * Whether the attachment that a worker id names is there. False from the moment on at which it is detached, or its end is
   * noticed by `watch` or told by `reclaim`; true for a worker that died and whose end nobody has noticed.
   */
  isAttached(workerId: number): boolean {
    this.attachment.check('isAttached');
    return isAttached(this.region, workerId);
  }

  /** Counts the heap. A plain object, exact when the workers are at rest. Takes time in proportion to the memory in use. */
  stats(): HeapStats {
    this.attachment.check('stats');
    mend(this.owner);
    const { shape, settings } = this.owner;
    return gatherStats(this.region, shape, settings, this.attachment.debug);
  }

  /**
   * A picture of the heap: every slab, span and control block, and the state of every block. Structured-cloneable; exact when
   * the workers are at rest. `sabmalloc/inspect` draws it. Takes time in proportion to the memory in use.
   */
  snapshot(options?: SnapshotOptions): HeapSnapshot {
    this.attachment.check('snapshot');
    mend(this.owner);
    return takeSnapshot(this.owner, this.token.heapId, options?.blocks !== false, this.attachment.debug);
  }

  /** How this worker sizes the cache of each class it has used: as the options say, or what learnCaches and learnMemory made of it. */
  learned(): Learned {
    this.attachment.check('learned');
    return learnedBy(this.owner);
  }

  /**
   * Takes what the trace rings of all workers hold, at profileLevel 3: six words an event (TraceEventWord in docs/LAYOUT.md),
   * each worker's in its own order. `recordingOf` of `sabmalloc/trace` makes a trace of them.
   */
  drainTrace(): Uint32Array {
    this.attachment.check('drainTrace');
    return drainRings(this.region);
  }

  /** Walks the heap and throws ERR_HEAP_CORRUPT, with what and where, if an invariant doesn't hold. For workers at rest. */
  check(): void {
    this.attachment.check('check');
    mend(this.owner);
    checkHeap(this.region, this.owner.shape, this.owner.settings);
    this.sharing.check();
    const { debug } = this.attachment;
    if (debug !== undefined) debug.checkBlocks();
  }

  /** Every live block, from low to high addresses; exact when the workers are at rest. */
  blocks(): IterableIterator<BlockInfo> {
    this.attachment.check('blocks');
    const { debug } = this.attachment;
    return debug === undefined ? walkBlocks(this.region) : debug.blocks();
  }

  /**
   * What is live, grouped by the worker and the place in the program that allocated it, the most bytes first; places need the
   * option callSiteEvery. Empty when everything was freed. Exact when the workers are at rest.
   */
  leaks(): Leak[] {
    this.attachment.check('leaks');
    return findLeaks(this.attachment);
  }

  /**
   * Leaves the heap: what this worker's caches and slabs hold is for the others now; its live blocks stay valid. Every
   * later call throws ERR_HEAP_DETACHED, but a second detach() does nothing.
   */
  detach(): void {
    const { attachment, owner } = this;
    if (attachment.hasLeft) return;
    const { debug } = attachment;
    if (this.leakWatch !== undefined) this.leakWatch.end();
    if (debug !== undefined && attachment.isAttached()) debug.flush();
    if (this.statsWriter !== undefined) this.statsWriter.close();
    attachment.closeFastPath();
    this.watches.stop();
    spillRings(this.region);
    attached.leave(this, this.token.heapId, attachment);
    writeLog(owner, this.logPath);
    if (attachment.isAttached()) begin(owner);
    reclaimSlot(owner, owner.slot, attachment.generation, 'exited');
    attachment.hasLeft = true;
    publish('detach', nameOf(this.region));
    this.stopEventLog?.();
  }

  [Symbol.dispose](): void {
    this.detach();
  }

  /** What consoles show: a line that says how much is in use. Takes as long as `stats()`. */
  [NODE_INSPECT](): string {
    return describeHeap(this.owner, this.attachment.isAttached());
  }

  [DENO_INSPECT](): string {
    return this[NODE_INSPECT]();
  }

  /** Where in `buffer` the region begins, and where it ends when it is fully grown. Whatever lies between is the heap's. */
  get bounds(): { readonly begin: number; readonly end: number } {
    const { region } = this;
    return { begin: region.addressOf(region.baseSlice), end: region.addressOf(region.endSlice) };
  }

  /** The SharedArrayBuffer as it is now. */
  get buffer(): SharedArrayBuffer {
    return this.attachment.fresh('buffer').buffer;
  }

  /** Views of the whole buffer, for code that works with addresses: `heap.f64[address >>> 3]`. Read them anew after anything that may grow the region. */
  get u8(): Uint8Array<SharedArrayBuffer> {
    return this.attachment.fresh('u8').u8;
  }

  /** The buffer as 32-bit integers: `heap.i32[address >>> 2]`. */
  get i32(): Int32Array<SharedArrayBuffer> {
    return this.attachment.fresh('i32').i32;
  }

  /** The buffer as unsigned 32-bit integers. */
  get u32(): Uint32Array<SharedArrayBuffer> {
    return this.attachment.fresh('u32').u32;
  }

  /** The buffer as 32-bit floats. */
  get f32(): Float32Array<SharedArrayBuffer> {
    return this.attachment.fresh('f32').f32;
  }

  /** The buffer as 64-bit floats: `heap.f64[address >>> 3]`. */
  get f64(): Float64Array<SharedArrayBuffer> {
    return this.attachment.fresh('f64').f64;
  }
}
