import * as atomics from '#atomics';
import { HeapError, type Heap } from '../index.js';
import { type Views } from '../records/index.js';
import { badArgument, checkOptions } from './arguments.js';

/** The most elements that chunks can have. */
const ELEMENTS_MOST = 2 ** 30;

/** Words that the addresses of chunks take in a record. */
export const CHUNKS_MOST = 30;

/** The first chunk has at least two elements, so that the last one of ELEMENTS_MOST is in chunk 29. */
const SHIFT_LEAST = 1;
const SHIFT_MOST = 28;

/**
 * The shift whose first chunk has room for the capacity among the options, its only one. Throws ERR_COLLECTION_ARGUMENT unless that
 * is a number of elements.
 */
export function shiftFor(call: string, options: { readonly capacity?: number }, usual: number): number {
  checkOptions(call, options, ['capacity']);
  const { capacity = usual } = options;
  if (!Number.isInteger(capacity) || capacity < 1 || capacity > 2 ** SHIFT_MOST)
    throw badArgument(call, `capacity is ${capacity}; it must be a whole number from 1 to ${2 ** SHIFT_MOST}`, {
      capacity,
    });
  return Math.max(SHIFT_LEAST, 32 - Math.clz32(capacity - 1));
}

/** Throws ERR_COLLECTION_FULL for more elements than there can be. */
export function checkElements(call: string, elements: number): void {
  if (elements <= ELEMENTS_MOST) return;
  throw new HeapError(
    'ERR_COLLECTION_FULL',
    `${call}: there would be ${elements} elements, and there can be ${ELEMENTS_MOST}; use another collection for the rest`,
    { elements },
  );
}

/**
 * Elements of one size, in blocks that never move: chunk k has `2^shift << k` of them, so all chunks are about twice as many bytes as the
 * elements in use at most, and the address of an element never changes. Chunks stay until all of it is freed: whoever has
 * the address of an element may use it at any time.
 */
export class Chunks {
  /** Addresses of the chunks that this worker has met. */
  private readonly starts: (number | undefined)[] = [];

  /** `views` reach over the record. `table`: index of the CHUNKS_MOST words, zero at first, that hold the addresses of the chunks. */
  constructor(
    private readonly heap: Heap,
    private readonly views: Views,
    private readonly table: number,
    readonly shift: number,
    private readonly elementBytes: number,
  ) {}

  /** In which chunk an element is. */
  chunkOf(index: number): number {
    return 31 - Math.clz32((index >>> this.shift) + 1);
  }

  /** Index of the first element of a chunk, and so the number of elements in those before. */
  firstOf(chunk: number): number {
    return ((1 << chunk) - 1) << this.shift;
  }

  /** Number of elements of a chunk. */
  sizeOf(chunk: number): number {
    return 1 << (chunk + this.shift);
  }

  /** Address of a chunk, 0 if there is none yet. */
  startOf(chunk: number): number {
    const known = this.starts[chunk];
    if (known !== undefined) return known;
    const start = atomics.load(this.views.i32, this.table + chunk) >>> 0;
    if (start !== 0 && chunk === this.starts.length) this.starts.push(start);
    return start;
  }

  /** Address of an element in a chunk that is there. */
  addressOf(index: number): number {
    const chunk = this.chunkOf(index);
    return this.startOf(chunk) + (index - this.firstOf(chunk)) * this.elementBytes;
  }

  /** Number of chunks that there are. */
  count(): number {
    let chunk = this.starts.length;
    while (chunk < CHUNKS_MOST && this.startOf(chunk) !== 0) chunk++;
    return chunk;
  }

  /** Whether there is room for an element. */
  hasRoom(index: number): boolean {
    return this.startOf(this.chunkOf(index)) !== 0;
  }

  /**
   * For the holder of the lock: makes sure that there is room for so many elements. Throws ERR_HEAP_OUT_OF_MEMORY, or
   * ERR_COLLECTION_FULL; room that was made until then stays.
   * Whoever dies here has a block in hand: so nobody comes with another one.
   */
  reserve(call: string, elements: number): void {
    checkElements(call, elements);
    if (elements === 0) return;
    const last = this.chunkOf(elements - 1);
    if (this.startOf(last) !== 0) return;
    for (let chunk = this.count(); chunk <= last; chunk++)
      this.add(chunk, this.heap.malloc(this.sizeOf(chunk) * this.elementBytes));
  }

  /** For the holder of the lock: the next chunk is at this address. */
  add(chunk: number, start: number): void {
    // Commits the growth, and publishes what was written into the chunk before.
    atomics.store(this.views.i32, this.table + chunk, start | 0);
  }

  /** Frees all chunks. */
  free(): void {
    const count = this.count();
    for (let chunk = 0; chunk < count; chunk++) this.heap.free(this.startOf(chunk));
  }
}
