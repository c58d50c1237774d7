import { HeapError, type Heap } from '../index.js';
import { Views } from '../records/index.js';

/**
 * How the values of a collection lie in two words of it, and what it does with those that it owns. One object for each collection
 * that is opened, so that the fields `low` and `high` are nobody else's.
 *
 * Owned are handles (a hold of each), structs, texts and byte strings: they are the collection's from the call that puts them in until the call
 * that takes them out, and what is still in it when it is disposed of is freed with it.
 */
export abstract class Values<T> {
  /** Names the type in the region: who opens a collection must name the same. */
  abstract readonly text: string;
  /** Whether the words own something that must be freed or released. */
  readonly isOwning: boolean = true;
  /** Whether the value lies in a block behind the words, which somebody else may free while it is read. */
  readonly isInBlock: boolean = true;
  /** The words of the value that was encoded last. */
  low = 0;
  high = 0;
  /** Whether the words are the address of a block and how many bytes of it: `fromBytes` makes a value of a copy of them. */
  readonly isBlock: boolean = false;

  /**
   * Puts a value into `low` and `high`. Throws ERR_HEAP_VALUE for what is no such value, ERR_HEAP_OUT_OF_MEMORY where the value
   * takes a block and there is none. What was allocated is freed by `free` if the words are not stored after all.
   */
  abstract encode(value: T): void;

  /** The value that two words stand for, which stays the collection's. */
  abstract peek(low: number, high: number): T;

  /** The value, which is the caller's from now on: what only the collection needed is freed. */
  abstract take(low: number, high: number): T;

  /** Frees what the words own. */
  abstract free(low: number, high: number): void;

  /** Takes back an `encode`: frees what it allocated, and nothing that was given to it. */
  abstract undo(low: number, high: number): void;

  /** The value that the first `length` bytes of a copy stand for. Of values in blocks only. */
  fromBytes(_bytes: Uint8Array<ArrayBuffer>, _length: number): T {
    throw new TypeError(`${this.text} don't lie in blocks of bytes`);
  }
}

/** What a collection is made and opened with: which values it holds. */
export interface ValueType<T> {
  /** Only for the compiler, which finds the type of the values by it: nothing has this property. */
  readonly value?: T;
  /** @internal */
  in(heap: Heap): Values<T>;
}

const float = new Float64Array(1);
const floatWords = new Int32Array(float.buffer);

/** A value as a message shows it. */
const show = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : `this ${typeof value}`;

const badValue = (what: string, value: unknown): HeapError => new HeapError('ERR_HEAP_VALUE', what, { value });

class NumberValues extends Values<number> {
  override readonly text: string = 'numbers';
  override readonly isOwning: boolean = false;
  override readonly isInBlock = false;

  override encode(value: number): void {
    if (typeof value !== 'number') throw badValue(`a ${typeof value} is no number; convert it before`, value);
    float[0] = value;
    this.low = floatWords[0];
    this.high = floatWords[1];
  }

  override peek(low: number, high: number): number {
    floatWords[0] = low;
    floatWords[1] = high;
    return float[0];
  }

  override take(low: number, high: number): number {
    return this.peek(low, high);
  }

  override free(): void {}

  override undo(): void {}
}

class HandleValues extends NumberValues {
  override readonly text = 'handles';
  override readonly isOwning = true;

  constructor(private readonly heap: Heap) {
    super();
  }

  override encode(value: number): void {
    if (!Number.isSafeInteger(value) || value <= 0)
      throw badValue(`${String(value)} is no handle; pass what share() or retain() was called for`, value);
    super.encode(value);
  }

  override free(low?: number, high?: number): void {
    this.heap.release(this.peek(low ?? 0, high ?? 0));
  }
}

const encoder = new TextEncoder();
// A text may begin with U+FEFF.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Texts of so many bytes of ASCII are put together faster than the decoder is called. */
const SHORT_TEXT_BYTES = 24;

/** The text of the first `length` bytes. */
export function decodeText(bytes: Uint8Array<ArrayBuffer>, length: number): string {
  if (length > SHORT_TEXT_BYTES) return decoder.decode(bytes.subarray(0, length));
  let text = '';
  for (let i = 0; i < length; i++) {
    const byte = bytes[i];
    if (byte > 127) return decoder.decode(bytes.subarray(0, length));
    text += String.fromCharCode(byte);
  }
  return text;
}

/** A block, by its address, and how many bytes of it. */
class ByteValues extends Values<Uint8Array> {
  override readonly text: string = 'bytes';
  override readonly isBlock = true;
  private readonly views: Views;

  constructor(private readonly heap: Heap) {
    super();
    this.views = new Views(heap);
  }

  override encode(value: Uint8Array): void {
    if (!(value instanceof Uint8Array))
      throw badValue(
        `${show(value)} is no Uint8Array; of another view take its bytes: new Uint8Array(v.buffer, v.byteOffset, v.byteLength)`,
        value,
      );
    const address = this.heap.malloc(value.length);
    this.views.cover(address + value.length);
    this.views.u8.set(value, address);
    this.low = address | 0;
    this.high = value.length;
  }

  override peek(low: number, high: number): Uint8Array {
    const end = (low >>> 0) + (high >>> 0);
    if (!this.views.cover(end)) return new Uint8Array(0);
    // A copy, and of memory that is not shared: it outlives the block, and decoders refuse shared memory.
    return new Uint8Array(this.views.u8.subarray(low >>> 0, end));
  }

  override take(low: number, high: number): Uint8Array {
    const value = this.peek(low, high);
    this.free(low);
    return value;
  }

  override free(low: number): void {
    this.heap.free(low >>> 0);
  }

  override undo(low: number): void {
    this.free(low);
  }

  override fromBytes(bytes: Uint8Array<ArrayBuffer>, length: number): Uint8Array {
    return bytes.slice(0, length);
  }
}

/** Texts, in UTF-8: a lone surrogate comes out as U+FFFD. */
class TextValues extends Values<string> {
  override readonly text = 'texts';
  override readonly isBlock = true;
  private readonly bytes: ByteValues;

  constructor(heap: Heap) {
    super();
    this.bytes = new ByteValues(heap);
  }

  override encode(value: string): void {
    if (typeof value !== 'string') throw badValue(`a ${typeof value} is no text; convert it before`, value);
    this.bytes.encode(encoder.encode(value));
    this.low = this.bytes.low;
    this.high = this.bytes.high;
  }

  override peek(low: number, high: number): string {
    return decoder.decode(this.bytes.peek(low, high));
  }

  override take(low: number, high: number): string {
    return decoder.decode(this.bytes.take(low, high));
  }

  override free(low: number): void {
    this.bytes.free(low);
  }

  override undo(low: number): void {
    this.bytes.undo(low);
  }

  override fromBytes(bytes: Uint8Array<ArrayBuffer>, length: number): string {
    return decodeText(bytes, length);
  }
}

/** Numbers, as doubles. */
export const numbers: ValueType<number> = { in: () => new NumberValues() };

/** Handles. The collection owns a hold of each: `retain` what you go on using. What is taken out is released by whoever took it. */
export const handles: ValueType<number> = { in: (heap) => new HandleValues(heap) };

/** Texts, copied into a block and out of it as UTF-8. */
export const texts: ValueType<string> = { in: (heap) => new TextValues(heap) };

/** Bytes, copied into a block and out of it. */
export const bytes: ValueType<Uint8Array> = { in: (heap) => new ByteValues(heap) };
