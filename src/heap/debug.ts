import { HeapError } from '../base/errors.js';
import { DebugLevel, Headers } from '../config/options.js';
import { Fill, isFreed } from '../debug/fill.js';
import { Quarantine } from '../debug/quarantine.js';
import { Sampler } from '../debug/sampler.js';
import { Sites } from '../debug/sites.js';
import {
  GUARD_BYTES,
  eraseTrailer,
  fillFreed,
  fillSlack,
  freedDamage,
  isCanaryWhole,
  loadFreer,
  overheadBytes,
  readTrailer,
  setHeld,
  slackDamage,
  storeState,
  swapFreer,
  wordsOfTrailer,
  writeCanary,
  writeTrailer,
  type Damage,
  type History,
} from '../debug/trailer.js';
import { CLASS_BYTES } from '../layout/classes.js';
import { Kind, MapBits } from '../layout/format.js';
import { Geometry } from '../layout/geometry.js';
import { CacheWord, SliceWord } from '../layout/offsets.generated.js';
import { say } from '../platform/host.js';
import { sliceWord } from '../pages/descriptor.js';
import { isAttached } from '../registry/slots.js';
import { releaseHeld } from '../slabs/cache.js';
import type { Owner } from '../slabs/owner.js';
import { markRemote } from '../slabs/remote.js';
import { slabCapacity } from '../slabs/slab.js';
import { allocate, begin } from './allocate.js';
import type { TypedArray } from './arrays.js';
import { countFree, freeAddress } from './free.js';
import { badAddress, blockBytes, classify, granuleOf, isFreedRemotely, sliceOfAddress } from './lookup.js';
import { keepsPlace } from './place.js';
import { walkBlocks, walkFree, type BlockInfo } from './walk.js';
import { Witness } from './witness.js';

/** What is known about a block that a worker was about to hand out when it was killed. */
const NOBODYS = {
  state: Fill.FRESH,
  isHeld: false,
  serial: 0,
  allocatedBy: 0,
  allocatedAt: 0,
  freedBy: 0,
  freedAt: 0,
} as const;

/** Share of the region that one worker may hold back. */
const QUARANTINE_SHARE = 1 / 64;

/**
 * What stands between the calls of a heap and its allocator where an option of the group `debug` asks for it: blocks are
 * filled, carry who made them, are looked at when they come back, and are held back before they go out again.
 */
export class DebugLayer {
  private readonly owner: Owner;
  private readonly headers: number;
  private readonly isPoisoned: boolean;
  private readonly overhead: number;
  private readonly quarantine: Quarantine;
  private readonly sites: Sites;
  private readonly siteSampler: Sampler;
  private readonly guardSampler: Sampler;
  private readonly level: number;
  private readonly witness: Witness;
  /** Address of the block that this worker frees at this moment, or was freeing when a call was cut short; else 0. */
  private claimed = 0;
  /** Allocations by this worker, so that two blocks at one address differ. */
  private serial = 0;
  /** What this worker wrote into the trailer of each address last, for when somebody has written over it. */
  private readonly made = new Map<number, History>();
  /** Of views that alloc() made: which allocation they are of. */
  private readonly serials = new WeakMap<TypedArray, number>();

  private constructor(owner: Owner) {
    const { settings } = owner;
    this.owner = owner;
    this.headers = settings.headers;
    this.isPoisoned = settings.poison === 1;
    this.overhead = overheadBytes(settings.headers);
    this.quarantine = new Quarantine(Math.min(settings.quarantineBytes, settings.maxBytes * QUARANTINE_SHARE));
    this.sites = new Sites(owner.region);
    this.siteSampler = new Sampler(settings.callSiteEvery);
    this.guardSampler = new Sampler(settings.guardEvery);
    this.level = settings.debugLevel;
    this.witness = new Witness(owner.region, this.sites, settings.headers);
  }

  /** undefined where no option asks for it. */
  static for(owner: Owner): DebugLayer | undefined {
    const { poison, headers, debugLevel } = owner.settings;
    const isWanted = poison === 1 || headers !== Headers.NONE || debugLevel >= DebugLevel.CALLS;
    return isWanted ? new DebugLayer(owner) : undefined;
  }

  get isFull(): boolean {
    return this.headers === Headers.FULL;
  }

  /** Address of a block; 0 if the heap is full. */
  allocate(bytes: number, alignment: number): number {
    const { owner } = this;
    const plain = bytes + this.overhead;
    const isGuarded = this.guardSampler.isDue();
    let address = allocate(owner, isGuarded ? plain + GUARD_BYTES : plain, alignment);
    // The heap looks full: a block with a guard serves as well as one without.
    if (address === 0 && owner.settings.guardEvery !== 0)
      address = allocate(owner, isGuarded ? plain : plain + GUARD_BYTES, alignment);
    if (address !== 0) this.dress(address, bytes);
    if (this.level >= DebugLevel.CALLS) say(`${this.who()} allocated ${bytes} bytes at ${address}`);
    return address;
  }

  private dress(address: number, bytes: number): void {
    const { region, workerId } = this.owner;
    const size = blockBytes(region, address);
    const slice = sliceOfAddress(region, address);
    const isSpan = (region.i32[region.map + slice] & Kind.MASK) === Kind.SPAN;
    // Memory of a span may have been anything meanwhile.
    if (this.isFull && !isSpan) this.lookAtFreed(address, size, 'when it was handed out again');
    // A worker killed from here on leaves a block that nobody takes for one that was freed, or overrun.
    if (this.isFull) eraseTrailer(region, address, size);
    if (this.isFull && isSpan) region.i32[sliceWord(region, slice, SliceWord.FREE_BLOCKS)] = workerId;
    if (this.isPoisoned) region.u8.fill(Fill.FRESH, address, address + (this.isFull ? bytes : size - this.overhead));
    // Slabs were stamped when they were carved.
    if (this.headers === Headers.LIGHT && isSpan) writeCanary(region, address, size);
    if (!this.isFull) return;
    fillSlack(region, address, bytes, size);
    const history = {
      state: Fill.FRESH,
      isHeld: false,
      bytes,
      serial: (this.serial = (this.serial + 1) | 0),
      allocatedBy: workerId,
      allocatedAt: this.siteSampler.isDue() ? this.sites.here() : 0,
      freedBy: 0,
      freedAt: 0,
    };
    writeTrailer(region, address, size, history);
    this.made.set(address, history);
  }

  /** Frees what the address is the live block of; throws, and has changed nothing, if it is none or was written past its end. */
  free(address: unknown, view?: TypedArray): void {
    const { owner } = this;
    const { region } = owner;
    const size = blockBytes(region, address);
    if (size < 0) throw this.witness.explained(badAddress(region, address, 'free'), address);
    if (region.isStale()) region.renew();
    const at = address as number;
    this.letGo();
    const freer = this.isFull ? this.claim(at, size) : 0;
    try {
      this.freeClaimed(at, size, freer, view);
    } catch (error) {
      // Whoever comes next may free it, unless it is free already.
      if (this.isFull) swapFreer(region, at, size, -owner.workerId, freer);
      throw error;
    }
    this.claimed = 0;
    while (this.quarantine.isOver()) this.release();
  }

  /** Frees a block that no other worker with full headers frees now, or throws. */
  private freeClaimed(address: number, size: number, freer: number, view: TypedArray | undefined): void {
    const { owner } = this;
    const { region } = owner;
    // Another worker may have gone through all of it between the look at the block and the claim.
    if (this.isFull && blockBytes(region, address) !== size) {
      swapFreer(region, address, size, -owner.workerId, freer);
      throw this.doubleFree(address);
    }
    const word = region.i32[region.map + sliceOfAddress(region, address)];
    const classId = word & Kind.MASK;
    const isOwn = classId === Kind.SPAN || word >>> MapBits.OWNER_SHIFT === owner.slot;
    const fill = isOwn ? Fill.FREED_HERE : Fill.FREED_ELSEWHERE;
    const history = this.verify(address, size, 'free');
    if (view !== undefined) this.verifyView(view, address, history);
    if (this.level >= DebugLevel.CALLS) say(`${this.who()} freed ${address}`);
    this.bury(address, size, history, fill);
    if (classId === Kind.SPAN) {
      freeAddress(owner, address);
      return;
    }
    if (this.isFull) setHeld(region, address, size, fill, true);
    if (owner.ring !== undefined) owner.ring.freeing(address);
    // From here on the block may come home, and be another one, at any moment.
    if (!markRemote(region, granuleOf(address))) throw badAddress(region, address, 'free');
    if (this.isFull) swapFreer(region, address, size, -owner.workerId, owner.workerId);
    if (!isOwn) region.i32[owner.cache(classId) + CacheWord.REMOTE_FREES]++;
    countFree(owner, classId);
    this.quarantine.add(granuleOf(address), classId, fill);
  }

  /** A call that was cut short, out of stack, may have left a block that nobody else could free: it is for everybody again. */
  private letGo(): void {
    const { owner, claimed } = this;
    if (claimed === 0) return;
    const size = blockBytes(owner.region, claimed);
    if (size > 0) swapFreer(owner.region, claimed, size, -owner.workerId, 0);
    this.claimed = 0;
  }

  /** Makes this worker the one that frees the block, and returns what is to be put back if it doesn't; throws if another one does. */
  private claim(address: number, size: number): number {
    const { region, workerId } = this.owner;
    for (;;) {
      const freer = loadFreer(region, address, size);
      // A worker that is gone was killed within free(), and this one was cut short there, out of stack.
      const isOther = freer < 0 && freer !== -workerId && isAttached(region, -freer);
      if (isOther && !this.isBareSpan(address)) throw this.doubleFree(address);
      this.claimed = address;
      if (swapFreer(region, address, size, freer, -workerId)) return freer;
    }
  }

  private bury(address: number, size: number, history: History | undefined, fill: number): void {
    const { region, workerId } = this.owner;
    if (!this.isFull) {
      if (this.isPoisoned) region.u8.fill(fill, address, address + size - this.overhead);
      return;
    }
    storeState(region, address, size, fill);
    if (this.isPoisoned) fillFreed(region, address, size, fill);
    const freedAt = this.siteSampler.isDue() ? this.sites.here() : 0;
    writeTrailer(region, address, size, { ...history!, state: fill, freedBy: -workerId, freedAt });
  }

  /** Lets the oldest block out of the quarantine. */
  private release(): void {
    const { owner, quarantine } = this;
    const { region } = owner;
    const granule = quarantine.shift();
    const classId = quarantine.lastClass;
    const address = (granule << Geometry.GRANULE_SHIFT) >>> 0;
    const size = CLASS_BYTES[classId];
    const isOwn = region.i32[region.map + (granule >>> 8)] === (classId | (owner.slot << MapBits.OWNER_SHIFT));
    // One of another worker's may have come home and be another block by now: its owner looks at it.
    if (isOwn && classify(region, address) === 'free') this.lookAtFreed(address, size, 'when it left the quarantine');
    if (this.isFull) setHeld(region, address, size, quarantine.lastFill, false);
    begin(owner);
    releaseHeld(owner, granule, classId);
    owner.isMidway = false;
  }

  /** Empties the quarantine. */
  flush(): void {
    this.letGo();
    while (!this.quarantine.isEmpty()) this.release();
  }

  /** True for a live block of which its trailer says nothing: the worker that was about to hand it out, or to free it, was killed, or cut short. */
  private isUnfinished(address: number, size: number): boolean {
    const { region } = this.owner;
    const { state } = wordsOfTrailer(region, address, size);
    return isFreed(state) || state === Fill.UNENTERED || this.isBareSpan(address);
  }

  /** True for a live span that was not handed out: unlike a slab it has no trailer from the start, and what is at its end may be anything. */
  private isBareSpan(address: number): boolean {
    const { region } = this.owner;
    const slice = sliceOfAddress(region, address);
    const isSpan = (region.i32[region.map + slice] & Kind.MASK) === Kind.SPAN;
    return isSpan && region.i32[sliceWord(region, slice, SliceWord.FREE_BLOCKS)] < 0;
  }

  /** What is known about a live block; throws ERR_HEAP_CORRUPT if it was written past its end. */
  private verify(address: number, size: number, call: string): History | undefined {
    const { region } = this.owner;
    const usable = size - this.overhead;
    if (this.headers === Headers.LIGHT && !isCanaryWhole(region, address, size))
      throw this.witness.damaged('overrun', call, address, { address: address + usable, bytes: 0 }, usable, undefined);
    if (!this.isFull) return undefined;
    const history = readTrailer(region, address, size);
    if (this.isUnfinished(address, size)) return history ?? { ...NOBODYS, bytes: usable };
    const known = history ?? this.made.get(address) ?? wordsOfTrailer(region, address, size);
    const own = Math.min(known.bytes, usable);
    const inSlack = slackDamage(region, address, size, own);
    if (history?.state === Fill.FRESH && inSlack === undefined) return history;
    throw this.witness.damaged(
      'overrun',
      call,
      address,
      inSlack ?? { address: address + usable, bytes: 0 },
      own,
      known,
    );
  }

  private doubleFree(address: number): HeapError {
    return this.witness.explained(badAddress(this.owner.region, address, 'free', 'free'), address);
  }

  private verifyView(view: TypedArray, address: number, history: History | undefined): void {
    const serial = this.serials.get(view);
    if (serial === undefined || history === undefined) return;
    if (serial === history.serial && history.allocatedBy === this.owner.workerId) return;
    throw this.witness.explained(
      new HeapError(
        'ERR_HEAP_INVALID_FREE',
        `free: the view is of a block that was freed before; another block lies at ${address} now. Free every block once`,
        { address, kind: 'stale view' },
      ),
      address,
    );
  }

  /** Remembers which allocation a view is of. */
  enterView(view: TypedArray): void {
    const { region } = this.owner;
    const size = blockBytes(region, view.byteOffset);
    const history = this.isFull ? readTrailer(region, view.byteOffset, size) : undefined;
    if (history !== undefined) this.serials.set(view, history.serial);
  }

  /** A number that tells the allocation a live block is of from others at its address; 0 where nobody knows. */
  allocationAt(address: number): number {
    const { region } = this.owner;
    const history = this.isFull ? readTrailer(region, address, blockBytes(region, address)) : undefined;
    return history === undefined ? 0 : history.serial ^ Math.imul(history.allocatedBy, 0x9e3779b1);
  }

  /** Moves a live block, so that who still has the old address is found out; its new address, or 0 if the heap is full. */
  reallocate(call: 'realloc' | 'resize', address: number, bytes: number, view?: TypedArray): number {
    const { region } = this.owner;
    const have = this.usableBytes(address);
    if (have < 0) throw this.witness.explained(badAddress(region, address, call), address);
    if (view !== undefined) this.verifyView(view, address, readTrailer(region, address, blockBytes(region, address)));
    if (!this.isFull && keepsPlace(have, bytes)) return address;
    const moved = this.allocate(bytes, Geometry.GRANULE_BYTES);
    if (moved === 0) return bytes <= have ? address : 0;
    if (this.owner.ring !== undefined) this.owner.ring.reallocated(address, moved, bytes);
    region.u8.copyWithin(moved, address, address + Math.min(have, bytes));
    try {
      this.free(address);
    } catch (error) {
      // Written past its end, or freed by somebody else meanwhile: that must not cost the new block.
      this.free(moved);
      throw error;
    }
    return moved;
  }

  /** Looks at a free block that only this worker can hand out: whether it was written since. Says so, but throws nothing: the caller did nothing wrong. */
  private lookAtFreed(address: number, size: number, when: string): void {
    const found = this.freedBlockDamage(address, size);
    if (found === undefined) return;
    const { damage, history } = found;
    const error = this.witness.damaged('use after free', when, address, damage, history.bytes, history);
    if (this.level >= DebugLevel.DAMAGE) say(`sabmalloc: ${error.message}`);
    // Said once: what finds it next finds nothing.
    fillFreed(this.owner.region, address, size, history.state);
  }

  private freedBlockDamage(address: number, size: number): { damage: Damage; history: History } | undefined {
    if (!this.isPoisoned) return undefined;
    const { region } = this.owner;
    const history = readTrailer(region, address, size);
    if (history === undefined || !isFreed(history.state)) return undefined;
    const damage = freedDamage(region, address, size, history.state);
    return damage === undefined ? undefined : { damage, history };
  }

  /** Bytes that the live block at the address was asked for, or can hold where nobody knows; -1 if there is none. */
  usableBytes(address: unknown): number {
    const { region } = this.owner;
    const size = blockBytes(region, address);
    if (size < 0) return -1;
    if (!this.isFull) return size - this.overhead;
    if (region.isStale()) region.renew();
    return readTrailer(region, address as number, size)?.bytes ?? size - this.overhead;
  }

  /** Throws ERR_HEAP_CORRUPT if a block was written past its end, or after it was freed. For workers at rest. */
  checkBlocks(): void {
    const { region } = this.owner;
    for (const { address, size } of walkBlocks(region)) this.verify(address, size, 'check');
    if (!this.isFull) return;
    for (const { address, size } of walkFree(region)) {
      const found = this.freedBlockDamage(address, size);
      if (found !== undefined)
        throw this.witness.damaged(
          'use after free',
          'by check',
          address,
          found.damage,
          found.history.bytes,
          found.history,
        );
    }
  }

  /** Every live block as its holder knows it: without what it carries, and with what that says. */
  *blocks(): Generator<BlockInfo> {
    const { region } = this.owner;
    for (const block of walkBlocks(region)) {
      const history = this.isFull ? readTrailer(region, block.address, block.size) : undefined;
      if (history === undefined) {
        yield { ...block, size: block.size - this.overhead };
        continue;
      }
      const callSite = this.sites.textOf(history.allocatedAt);
      const { allocatedBy, bytes: size } = history;
      yield { ...block, size, allocatedBy, ...(callSite === undefined ? {} : { callSite }) };
    }
  }

  /** Blocks of a slab that are in a quarantine: for the heap they look freed by another worker and not yet come home. */
  heldIn(head: number, classId: number): number {
    const { region } = this.owner;
    if (!this.isFull) return 0;
    const size = CLASS_BYTES[classId];
    const end = slabCapacity(region, head, classId) * size;
    let held = 0;
    for (let offset = 0; offset < end; offset += size) {
      const address = region.addressOf(head) + offset;
      if (isFreedRemotely(region, granuleOf(address)) && wordsOfTrailer(region, address, size).isHeld) held++;
    }
    return held;
  }

  /** Bytes that all live blocks can hold. */
  countLiveBytes(): number {
    let bytes = 0;
    for (const { size } of this.blocks()) bytes += size;
    return bytes;
  }

  private who(): string {
    return `sabmalloc: worker ${this.owner.workerId}`;
  }
}
