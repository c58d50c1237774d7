import * as atomics from '#atomics';
import { HeapError, type Heap } from '../index.js';
import { wrongKind } from './errors.js';
import { KIND_NAMES, RecordWord, type Kind } from './layout.js';

/** Allocates a record of zeros. It is opened by nobody before `publish` has given it its kind. */
export function makeRecord(heap: Heap, words: number): number {
  return heap.calloc(words * 4);
}

/** The last store when a record is made: whoever sees its kind sees what was written before. */
export function publishRecord(heap: Heap, address: number, kind: Kind): void {
  atomics.store(heap.i32, address / 4 + RecordWord.X_KIND, kind);
}

/** Throws ERR_HEAP_INVALID_ADDRESS for what is no live block, ERR_HEAP_KIND for one that holds something else. */
export function checkRecord(heap: Heap, address: number, kind: Kind, words: number): void {
  const bytes = heap.usableSize(address);
  const found = atomics.load(heap.i32, address / 4 + RecordWord.X_KIND);
  if (found !== kind) throw wrongKind(kind, address, found);
  // Whoever writes four letters into a block of its own has made no record.
  if (bytes < words * 4) throw wrongKind(kind, address, 0);
}

/**
 * Something that lives in a block of the heap. `create` makes one, `at` opens it in another worker, or once more in the
 * same. All threads use it at once; an object of this class is for the thread that made it.
 *
 * Who frees it: `dispose()` of the object that `create` returned, or its `using`. On objects from `at` it does nothing, so
 * these may be disposed of wherever they are. Nobody may use the record any more when its maker disposes of it.
 */
export abstract class SharedObject {
  /** What to send a worker so that it can open it with `at`. */
  readonly address: number;
  /** @internal */
  readonly heap: Heap;
  private isMaker: boolean;

  protected constructor(heap: Heap, address: number, isMaker: boolean) {
    this.heap = heap;
    this.address = address;
    this.isMaker = isMaker;
  }

  /** @internal */
  abstract get kind(): Kind;

  /** @internal Whether somebody holds it. */
  protected abstract isInUse(): boolean;

  /** @internal Frees what the record owns beside itself. */
  protected freeContents(): void {}

  /** Frees the record if this object made it. Throws ERR_SYNC_BUSY, and frees nothing, while somebody holds it. */
  dispose(): void {
    if (!this.isMaker) return;
    if (this.isInUse())
      throw new HeapError(
        'ERR_SYNC_BUSY',
        `dispose: the ${KIND_NAMES[this.kind]} at ${this.address} is held; dispose of it when nobody uses it any more`,
        { address: this.address },
      );
    this.isMaker = false;
    // Whoever opens it from here on is told, as long as the block has no other use.
    atomics.store(this.heap.i32, this.address / 4 + RecordWord.X_KIND, 0);
    this.freeContents();
    this.heap.free(this.address);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** What consoles of Node and Bun show. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `${KIND_NAMES[this.kind]} @0x${this.address.toString(16)}${this.isInUse() ? ' (held)' : ''}`;
  }

  [Symbol.for('Deno.customInspect')](): string {
    return `${KIND_NAMES[this.kind]} @0x${this.address.toString(16)}`;
  }
}
