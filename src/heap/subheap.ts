import { NODE_INSPECT, DENO_INSPECT } from '../base/show.js';
import { Geometry } from '../layout/geometry.js';
import type { TypedArray, TypedArrayConstructor } from './arrays.js';
import type { Blocks } from './blocks.js';
import type { FastPath } from './fast.js';
import type { SubHeapList } from './subheap-list.js';
import { checkAlignment, checkLength, checkSize } from './validate.js';
import { openView } from './views.js';

/** What a sub-heap needs of its heap. */
export interface SubHeapHost {
  readonly malloc: FastPath['malloc'];
  readonly calloc: Blocks['calloc'];
}

/**
 * Blocks that are freed together, by one call in any worker: whoever has the handle opens it with `heap.open`, allocates in it, and may drop
 * it. Which blocks it has stands in shared memory, so a worker that dies takes none of them with it. None of its blocks is freed alone.
 *
 * A handle like any other: `retain`, `release` and `hold` count its holders, and the last release drops it. One object is for the
 * thread that made or opened it. Every call throws ERR_HEAP_STALE_HANDLE when the sub-heap is gone.
 */
export class SubHeap {
  /** What to send a worker so that it can `heap.open` it: a safe integer. */
  readonly handle: number;
  private readonly list: SubHeapList;
  private readonly heap: SubHeapHost;
  private readonly isMaker: boolean;

  /** @internal */
  constructor(list: SubHeapList, heap: SubHeapHost, handle: number, isMaker: boolean) {
    this.list = list;
    this.heap = heap;
    this.handle = handle;
    this.isMaker = isMaker;
  }

  /** False from the drop on, whoever made it. */
  get isThere(): boolean {
    return this.list.isThere(this.handle);
  }

  /** `heap.malloc`, and the block is the sub-heap's. It takes 16 bytes more, or `alignment` bytes if that is more, for the list of blocks. */
  malloc(bytes: number, alignment?: number): number {
    const headBytes = this.begin('malloc', bytes, alignment);
    return this.enter('malloc', this.heap.malloc(headBytes + bytes, alignment), headBytes);
  }

  /** Zero-filled malloc. */
  calloc(bytes: number, alignment?: number): number {
    const headBytes = this.begin('calloc', bytes, alignment);
    return this.enter('calloc', this.heap.calloc(headBytes + bytes, alignment), headBytes);
  }

  /** A zero-filled typed array over a block of the sub-heap. */
  alloc<View extends TypedArray>(type: TypedArrayConstructor<View>, length: number): View {
    const address = this.calloc(checkLength('alloc', type, length));
    return openView(this.list.region, type, address, length);
  }

  /** The same without clearing what was there before. */
  allocUnsafe<View extends TypedArray>(type: TypedArrayConstructor<View>, length: number): View {
    const address = this.malloc(checkLength('allocUnsafe', type, length));
    return openView(this.list.region, type, address, length);
  }

  /**
   * Frees everything that any worker allocated in it, and ends it, whatever its holders. What other workers allocate at this moment is freed
   * with the rest, or they are told that it is gone. If a block can't be freed, the others are, and the first error is thrown.
   */
  drop(): void {
    this.list.drop(this.handle);
  }

  /** Drops it if it is there and this object made it; objects that `heap.open` returned may be disposed of anywhere. */
  [Symbol.dispose](): void {
    if (this.isMaker && this.isThere) this.drop();
  }

  /** What consoles show. */
  [NODE_INSPECT](): string {
    return `SubHeap ${this.handle}${this.isThere ? '' : ' (dropped)'}`;
  }

  [DENO_INSPECT](): string {
    return this[NODE_INSPECT]();
  }

  /** Bytes before the caller's, for the link: as many as keep the alignment. */
  private begin(call: string, bytes: unknown, alignment: unknown): number {
    this.list.check(call, this.handle);
    checkSize(call, 'bytes', bytes);
    return Math.max(Geometry.GRANULE_BYTES, checkAlignment(call, alignment));
  }

  private enter(call: string, block: number, headBytes: number): number {
    this.list.push(call, this.handle, block);
    return block + headBytes;
  }
}
