import * as atomics from '#atomics';
import {
  type Heap,
  HeapError,
  type ScopedHeap,
  SHAREABLE,
  type Shareable,
  type TypedArray,
  type TypedArrayConstructor,
} from '../index.js';

/*
 * What a task has in hand is written down in blocks of the heap, so that the pool can free it should the worker die: a list of chunks,
 * each of CHUNK_NUMBERS doubles. The first double of a chunk is two words: the address of the next chunk, and a count of what was
 * written. Every other is an entry: 0, the address of a block, or a handle as a negative number.
 *
 * The worker alone writes, and the pool reads when the worker has ended. An entry comes after its block is there and goes before
 * its block is freed, so none ever names a block of somebody else: a worker that is killed in between leaves that one
 * block live.
 */
const CHUNK_NUMBERS = 64;
const NEXT_WORD = 0;
const WRITES_WORD = 1;

class Chunk {
  readonly numbers: Float64Array;
  readonly words: Int32Array;

  constructor(
    heap: Heap,
    readonly address: number,
  ) {
    this.numbers = heap.view(Float64Array, address, CHUNK_NUMBERS);
    this.words = heap.view(Int32Array, address, 2);
  }

  get next(): number {
    return atomics.load(this.words, NEXT_WORD) >>> 0;
  }

  set next(address: number) {
    atomics.store(this.words, NEXT_WORD, address);
  }

  /** What was stored before is the pool's to see. */
  publish(): void {
    atomics.add(this.words, WRITES_WORD, 1);
  }
}

/** Makes an empty journal for a task about to be sent. */
export function openJournal(heap: Heap): number {
  return heap.calloc(CHUNK_NUMBERS * Float64Array.BYTES_PER_ELEMENT);
}

/** Frees a journal whose task has ended. Of one that ended without an answer, what the task had in hand is freed first. */
export function closeJournal(heap: Heap, journal: number, isLost: boolean): void {
  for (let address = journal; address !== 0;) {
    const chunk = new Chunk(heap, address);
    const { next } = chunk;
    if (isLost) for (const entry of chunk.numbers.subarray(1)) drop(heap, entry);
    heap.free(address);
    address = next;
  }
}

function drop(heap: Heap, entry: number): void {
  try {
    if (entry < 0) heap.release(-entry);
    else heap.free(entry);
  } catch {
    // The task freed it behind its scope's back. Why it ended is what its caller is told.
  }
}

interface Place {
  readonly chunk: Chunk;
  readonly index: number;
}

/** The heap as a task's scope sees it: every block is in the journal as long as the scope has it. */
export class JournaledHeap implements ScopedHeap {
  private readonly places = new Map<number, Place>();
  private readonly empty: Place[] = [];
  /** Blocks that scopes still know and handles own. */
  private readonly given = new Set<number>();
  private last: Chunk;
  private isOver = false;

  constructor(
    private readonly heap: Heap,
    journal: number,
  ) {
    this.last = new Chunk(heap, journal);
    this.addPlaces();
  }

  // The expression that makes a block stores its address: engines end a worker where a function begins or a loop turns, so
  // hardly ever in between.
  readonly malloc = (bytes: number, alignment?: number): number => {
    const { chunk, index } = this.nextPlace();
    chunk.numbers[index] = this.heap.malloc(bytes, alignment);
    return this.enter();
  };

  readonly calloc = (bytes: number, alignment?: number): number => {
    const { chunk, index } = this.nextPlace();
    chunk.numbers[index] = this.heap.calloc(bytes, alignment);
    return this.enter();
  };

  readonly realloc = (address: number, bytes: number): number =>
    address === 0 ? this.malloc(bytes) : this.moving(address, () => this.heap.realloc(address, bytes));

  readonly resize = <View extends TypedArray>(view: View, length: number): View => {
    let resized = view;
    this.moving(view.byteOffset, () => (resized = this.heap.resize(view, length)).byteOffset);
    return resized;
  };

  /** While a block moves it is in no journal: killed then, it stays live wherever it is. */
  private moving(address: number, move: () => number): number {
    this.leave(address);
    const { chunk, index } = this.nextPlace();
    let moved = address;
    try {
      chunk.numbers[index] = moved = move();
    } finally {
      chunk.numbers[index] = moved;
      this.enter();
    }
    return moved;
  }

  readonly alloc = <View extends TypedArray>(type: TypedArrayConstructor<View>, length: number): View =>
    this.viewOf(this.calloc(length * type.BYTES_PER_ELEMENT), type, length);

  readonly allocUnsafe = <View extends TypedArray>(type: TypedArrayConstructor<View>, length: number): View =>
    this.viewOf(this.malloc(length * type.BYTES_PER_ELEMENT), type, length);

  readonly free = (target: number | TypedArray | null | undefined): void => {
    const address = typeof target === 'number' ? target : (target?.byteOffset ?? 0);
    if (this.given.delete(address)) return;
    this.leave(address);
    this.heap.free(address);
  };

  readonly keep = (address: number): void => this.leave(address);

  /** The task has ended, and the journal is the pool's to free: what goes on in the background gets errors. */
  end(): void {
    this.isOver = true;
  }

  private check(call: string): void {
    if (this.isOver)
      throw new HeapError(
        'ERR_HEAP_DETACHED',
        `${call}: this task has ended, and its blocks are freed; await what it has begun before it returns`,
      );
  }

  /** Shares something and puts its handle in the place of its block: no scope frees that any more. */
  give(value: TypedArray | Shareable): number {
    this.check('give');
    const handle = this.heap.share(value);
    const block = this.blockAt(SHAREABLE in value ? value[SHAREABLE]().address : value.byteOffset);
    const place = this.places.get(block);
    const { chunk, index } = place ?? this.nextPlace();
    chunk.numbers[index] = -handle;
    chunk.publish();
    if (place === undefined) this.empty.pop();
    else this.given.add(block);
    this.places.delete(block);
    return handle;
  }

  private viewOf<View extends TypedArray>(address: number, type: TypedArrayConstructor<View>, length: number): View {
    try {
      return this.heap.view(type, address, length);
    } catch (error) {
      this.free(address);
      throw error;
    }
  }

  /** Publishes what was stored in the next place. */
  private enter(): number {
    const place = this.empty.pop()!;
    const address = place.chunk.numbers[place.index];
    place.chunk.publish();
    this.given.delete(address);
    this.places.set(address, place);
    return address;
  }

  /** The block of the task's that an address lies in; 0 if none does. */
  private blockAt(address: number): number {
    if (this.places.has(address)) return address;
    for (const block of this.places.keys())
      if (block < address && address < block + this.heap.usableSize(block)) return block;
    return 0;
  }

  private leave(address: number): void {
    const place = this.places.get(address);
    if (place === undefined) return;
    place.chunk.numbers[place.index] = 0;
    place.chunk.publish();
    this.places.delete(address);
    this.empty.push(place);
  }

  /** An entry that is empty. It is there before the block is, so that a full heap costs no block. */
  private nextPlace(): Place {
    if (this.empty.length === 0) {
      const address = openJournal(this.heap);
      this.last.next = address;
      this.last = new Chunk(this.heap, address);
      this.addPlaces();
    }
    return this.empty.at(-1)!;
  }

  private addPlaces(): void {
    for (let index = CHUNK_NUMBERS - 1; index > 0; index--) this.empty.push({ chunk: this.last, index });
  }
}
