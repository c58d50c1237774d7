import { HeapError, show } from '../base/errors.js';
import { ProfileLevel, SlotState } from '../layout/format.js';
import { Geometry } from '../layout/geometry.js';
import { nameOf, type Region } from '../memory/region.js';
import { isHeard, publish } from '../platform/diagnostics.js';
import { countClaimed } from '../pages/slices.js';
import type { Membership } from '../registry/attach.js';
import { glanceAtState, packState } from '../registry/slots.js';
import type { Owner } from '../slabs/owner.js';
import { allocate } from './allocate.js';
import { isTypedArray } from './arrays.js';
import { DebugLayer } from './debug.js';
import { freeAddress } from './free.js';
import { Identity } from './identity.js';
import { openFreshViews, openKnownViews, type KnownViews } from './known-views.js';
import { blockBytes, tellMisuse } from './lookup.js';
import { checkAlignment, checkSize } from './validate.js';
import { foreignView } from './views.js';

/** What the fast path believes in; both -1 while it is switched off, so that every call takes the slow path. */
export const enum Gate {
  /** Most bytes it serves. */
  BYTES = 0,
  /** Slices of the region. */
  SLICES = 1,
  /** Engines keep small arrays among their objects, where they may move; from this length on their place is a constant of the machine code. */
  WORDS = 32,
}

/**
 * One thread's hold on a heap: whether it still has it, and the calls that the fast path doesn't serve. Every call checks
 * its arguments and that this thread is attached.
 */
export class Attachment {
  readonly region: Region;
  readonly owner: Owner;
  readonly gate = new Int32Array(Gate.WORDS).fill(-1);
  readonly views: KnownViews;
  /** Stands between the calls and the allocator where an option asks for it. */
  readonly debug: DebugLayer | undefined;
  readonly generation: number;
  /** True from the end of detach() on. */
  hasLeft = false;
  /** Says which handle owns a block, as far as this thread knows. */
  sharedAs: ((block: number) => number | undefined) | undefined;
  private readonly identity: Identity;

  constructor(region: Region, membership: Membership) {
    this.region = region;
    this.generation = membership.generation;
    this.owner = membership.owner;
    const debug = (this.debug = DebugLayer.for(membership.owner));
    this.views = debug === undefined ? openKnownViews(region) : openFreshViews(region, debug);
    this.identity = new Identity(region, membership.owner.slot);
    if (debug !== undefined || membership.owner.settings.profileLevel >= ProfileLevel.EXACT) return;
    this.gate[Gate.BYTES] = Geometry.SLAB_BLOCK_MAX_BYTES;
    this.gate[Gate.SLICES] = region.endSlice - region.baseSlice;
  }

  isAttached(): boolean {
    const expected = packState(SlotState.LIVE, this.generation);
    return !this.hasLeft && glanceAtState(this.region, this.owner.slot) === expected;
  }

  closeFastPath(): void {
    this.gate.fill(-1);
  }

  check(call: string): void {
    if (this.isAttached()) return;
    this.closeFastPath();
    const reason = this.hasLeft
      ? 'this heap was detached'
      : 'another worker reclaimed this attachment, as if this worker had ended';
    throw new HeapError('ERR_HEAP_DETACHED', `${call}: ${reason}; attach again with a token`, {
      workerId: this.owner.workerId,
    });
  }

  /** The region with its views as they have to be now. */
  fresh(call: string): Region {
    if (this.hasLeft) this.check(call);
    if (this.region.isStale()) this.region.renew();
    return this.region;
  }

  /** A block's address; 0 if the heap is full. */
  tryAllocate(call: string, bytes: unknown, alignment: unknown): number {
    this.check(call);
    checkSize(call, 'bytes', bytes);
    const aligned = checkAlignment(call, alignment);
    const { debug, owner } = this;
    const address = debug === undefined ? allocate(owner, bytes, aligned) : debug.allocate(bytes, aligned);
    if (address !== 0 && owner.ring !== undefined)
      owner.ring.allocated(address, bytes, aligned, call === 'calloc' || call === 'alloc');
    return address;
  }

  allocate(call: string, bytes: unknown, alignment: unknown): number {
    const address = this.tryAllocate(call, bytes, alignment);
    if (address === 0) throw this.exhausted(call, bytes as number, checkAlignment(call, alignment));
    return address;
  }

  /** The error for a request that found no room, with the numbers and the way out; who listens is told. */
  exhausted(call: string, bytes: number, alignment: number): HeapError {
    const { maxBytes } = this.owner.settings;
    const committedBytes = countClaimed(this.region) * Geometry.SLICE_BYTES;
    const error = new HeapError(
      'ERR_HEAP_OUT_OF_MEMORY',
      `${call}: no room for ${bytes} bytes; ${committedBytes} of ${maxBytes} bytes are committed. Raise maxBytes, or free more and collect() in the workers that own it.`,
      { requestedBytes: bytes, alignment, committedBytes, maxBytes, option: 'maxBytes' },
    );
    if (isHeard('exhausted'))
      publish('exhausted', { ...nameOf(this.region), call, requestedBytes: bytes, committedBytes, maxBytes, error });
    return error;
  }

  free(target: unknown): void {
    this.check('free');
    if (target === 0 || target === null || target === undefined) return;
    const view = isTypedArray(target) ? target : undefined;
    const address = view === undefined ? target : this.addressOf('free', view);
    if (this.debug === undefined) {
      freeAddress(this.owner, address);
      return;
    }
    this.refuseShared(address);
    this.debug.free(address, view);
  }

  /** A handle owns what it was made for. Looked at where mistakes are looked for, and known to threads that shared or opened it. */
  private refuseShared(address: unknown): void {
    const handle = this.sharedAs?.(address as number);
    if (handle === undefined) return;
    const error = new HeapError(
      'ERR_HEAP_INVALID_FREE',
      `free(${show(address)}): the block is shared, and its handle owns it; release(${handle}) instead`,
      { address, kind: 'shared', handle },
    );
    throw tellMisuse(this.region, 'free', error);
  }

  /** Bytes that the live block at the address may hold; -1 if there is none. */
  usableBytes(address: unknown): number {
    return this.debug === undefined ? blockBytes(this.region, address) : this.debug.usableBytes(address);
  }

  addressOf(call: 'free' | 'addressOf' | 'resize' | 'share', view: unknown): number {
    if (isTypedArray(view) && this.identity.isSameMemory(view.buffer)) return view.byteOffset;
    throw tellMisuse(this.region, call, foreignView(call, view));
  }
}
