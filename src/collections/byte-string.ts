import * as atomics from '#atomics';
import { HeapError, type Heap } from '../index.js';
import { Kind, Views, publishRecord } from '../records/index.js';
import { CHUNKS_MOST, Chunks, shiftFor } from './chunks.js';
import { TypedElements } from './elements.js';
import { Guarded } from './guarded.js';
import { HASH_SEED, hashMore, hashOf } from './hash.js';
import { CollectionWord, checkCollection, makeCollection } from './record.js';

const enum ByteStringWord {
  /** How many bytes there are. Its store commits an append. */
  X_LENGTH = CollectionWord.FIRST_OF_ITS_OWN,
  SHIFT,
  /** Addresses of the chunks. */
  X_CHUNKS,
  WORDS = X_CHUNKS + CHUNKS_MOST,
}

const CAPACITY = 256;

export interface ByteStringOptions {
  /** Bytes that the first block has room for, 256 if not given; each further block has twice as many as the one before. */
  readonly capacity?: number;
}

/** Bytes in one piece, a text in UTF-8, or another byte string. */
export type BytesLike = Uint8Array | string | ByteString;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * Bytes that workers append to. What has been appended never changes and never moves, so everything but `append` goes without a lock, and views
 * of it hold until it is disposed of.
 *
 * An append is whole: no other one's bytes are within it, and of a worker that is killed in it either all or none is there.
 */
export class ByteString extends Guarded {
  private readonly elements: TypedElements<number, Uint8Array<SharedArrayBuffer>>;
  private readonly views: Views;
  private readonly chunks: Chunks;
  private readonly word: number;

  /** Throws ERR_COLLECTION_ARGUMENT for a capacity that is none. */
  static create(heap: Heap, options: ByteStringOptions = {}): ByteString {
    const shift = shiftFor('ByteString.create', options, CAPACITY);
    const address = makeCollection(heap, ByteStringWord.WORDS, BYTES);
    heap.i32[address / 4 + ByteStringWord.SHIFT] = shift;
    publishRecord(heap, address, Kind.BYTE_STRING);
    return new ByteString(heap, address, true);
  }

  /** Opens the byte string at an address. Throws ERR_HEAP_KIND if there is none. */
  static at(heap: Heap, address: number): ByteString {
    checkCollection(heap, address, Kind.BYTE_STRING, ByteStringWord.WORDS, BYTES);
    return new ByteString(heap, address, false);
  }

  private constructor(heap: Heap, address: number, isMaker: boolean) {
    super(heap, address, isMaker);
    this.word = address / 4;
    this.views = new Views(heap);
    const shift = heap.i32[this.word + ByteStringWord.SHIFT];
    this.chunks = new Chunks(heap, this.views, this.word + ByteStringWord.X_CHUNKS, shift, 1);
    this.elements = new TypedElements<number, Uint8Array<SharedArrayBuffer>>(heap, Uint8Array).in(
      this.chunks,
      this.views,
    );
  }

  /** @internal */
  get kind(): Kind {
    return Kind.BYTE_STRING;
  }

  /** Number of bytes at this moment. */
  get length(): number {
    return this.count();
  }

  private count(): number {
    return atomics.load(this.views.i32, this.word + ByteStringWord.X_LENGTH);
  }

  /**
   * Adds bytes, or a text in UTF-8, at the end; returns the index of the first of them. Throws ERR_COLLECTION_FULL above 1 GiB in
   * all.
   */
  append(value: BytesLike): number {
    const pieces = piecesOf(value);
    const added = pieces.reduce((sum, piece) => sum + piece.length, 0);
    this.enter('append');
    let isWhole = false;
    try {
      const length = this.count();
      this.chunks.reserve('append', length + added);
      let end = length;
      for (const piece of pieces) end = this.copy(piece, end);
      // Commits, and publishes the bytes to whoever reads without the lock.
      atomics.store(this.views.i32, this.word + ByteStringWord.X_LENGTH, end);
      isWhole = true;
      return length;
    } finally {
      this.lock.leave(isWhole);
    }
  }

  /** Copies a piece to where nobody reads yet; returns where it ends. */
  private copy(piece: Uint8Array, to: number): number {
    for (let done = 0; done < piece.length;) {
      const chunk = this.chunks.chunkOf(to + done);
      const offset = to + done - this.chunks.firstOf(chunk);
      const part = piece.subarray(done, done + this.chunks.sizeOf(chunk) - offset);
      this.elements.arrayOf(chunk).set(part, offset);
      done += part.length;
    }
    return to + piece.length;
  }

  /** A byte, from the end if the index is negative; undefined if there is none. */
  at(index: number): number | undefined {
    const length = this.count();
    const whole = Math.trunc(index);
    const place = whole < 0 ? whole + length : whole;
    return place >= 0 && place < length ? this.elements.load(place) : undefined;
  }

  /**
   * The bytes from one index to another where they lie, without copying: a view for each block that has some of them. Indices
   * are those of `slice`. The views hold until the byte string is disposed of; nobody may write to them. Decoders refuse shared memory: for a
   * text take `toText`.
   */
  parts(from = 0, to = Infinity): Uint8Array<SharedArrayBuffer>[] {
    const length = this.count();
    const [first, end] = [clamp(from, length), clamp(to, length)];
    const parts: Uint8Array<SharedArrayBuffer>[] = [];
    for (let index = first; index < end;) {
      const chunk = this.chunks.chunkOf(index);
      const base = this.chunks.firstOf(chunk);
      const last = Math.min(end, base + this.chunks.sizeOf(chunk));
      parts.push(this.elements.arrayOf(chunk).subarray(index - base, last - base));
      index = last;
    }
    return parts;
  }

  /** A copy of the bytes from one index to another; negative ones count from the end, as with `Uint8Array.slice`. */
  slice(from = 0, to = Infinity): Uint8Array<ArrayBuffer> {
    const parts = this.parts(from, to);
    const copy = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let end = 0;
    for (const part of parts) {
      copy.set(part, end);
      end += part.length;
    }
    return copy;
  }

  /** The bytes from one index to another as a text. What is no UTF-8, such as half a character at either end, comes out as U+FFFD. */
  toText(from = 0, to = Infinity): string {
    return decoder.decode(this.slice(from, to));
  }

  /** Whether it has just these bytes. */
  equals(other: BytesLike): boolean {
    return this.compare(other) === 0;
  }

  /** -1, 0 or 1 for whether the bytes come before, are, or come after the others, in the order of dictionaries. */
  compare(other: BytesLike): -1 | 0 | 1 {
    return order(this.parts(), piecesOf(other));
  }

  /** Index of the first occurrence of bytes or a text from an index on, -1 if there is none. Takes up to the product of both lengths. */
  indexOf(what: BytesLike, from = 0): number {
    const wanted = piecesOf(what);
    const wantedLength = wanted.reduce((sum, piece) => sum + piece.length, 0);
    const length = this.count();
    const first = clamp(from, length);
    if (wantedLength === 0) return first;
    const head = (wanted.find((piece) => piece.length > 0) as Uint8Array)[0];
    for (let index = this.find(head, first, length); index >= 0; index = this.find(head, index + 1, length)) {
      if (index + wantedLength > length) return -1;
      if (order(this.parts(index, index + wantedLength), wanted) === 0) return index;
    }
    return -1;
  }

  /** Index of the first such byte from one index up to another, -1 if there is none. */
  private find(byte: number, from: number, to: number): number {
    let index = from;
    for (const view of this.parts(from, to)) {
      const place = view.indexOf(byte);
      if (place >= 0) return index + place;
      index += view.length;
    }
    return -1;
  }

  /** A hash of the bytes, 32 bits, signed: the same for the same bytes everywhere, and no secret. */
  hash(): number {
    return hashOf(this.parts().reduce((state, view) => hashMore(state, view), HASH_SEED));
  }

  /** @internal */
  protected override repair(): void {
    // Bytes beyond the length are nobody's.
  }

  /** @internal */
  protected override freeContents(): void {
    this.chunks.free();
  }
}

/** Named in the record like values of a vector. */
const BYTES = { text: 'appended bytes' };

function piecesOf(value: BytesLike): readonly Uint8Array[] {
  if (value instanceof ByteString) return value.parts();
  if (typeof value === 'string') return [encoder.encode(value)];
  if (value instanceof Uint8Array) return [value];
  throw new HeapError(
    'ERR_HEAP_VALUE',
    'neither a Uint8Array nor a text nor a ByteString; of another view take its bytes: new Uint8Array(v.buffer, v.byteOffset, v.byteLength)',
    { value },
  );
}

function clamp(index: number, length: number): number {
  const whole = Math.trunc(index);
  return Math.min(length, Math.max(0, whole < 0 ? whole + length : whole));
}

/** Compares bytes that lie in pieces. */
function order(a: readonly Uint8Array[], b: readonly Uint8Array[]): -1 | 0 | 1 {
  let [i, j, atA, atB] = [0, 0, 0, 0];
  for (;;) {
    while (i < a.length && atA === a[i].length) [i, atA] = [i + 1, 0];
    while (j < b.length && atB === b[j].length) [j, atB] = [j + 1, 0];
    if (i === a.length || j === b.length) return i < a.length ? 1 : j < b.length ? -1 : 0;
    const count = Math.min(a[i].length - atA, b[j].length - atB);
    for (let k = 0; k < count; k++) {
      const difference = a[i][atA + k] - b[j][atB + k];
      if (difference !== 0) return difference < 0 ? -1 : 1;
    }
    atA += count;
    atB += count;
  }
}
