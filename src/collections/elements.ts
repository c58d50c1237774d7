import * as atomics from '#atomics';
import { HeapError, type Heap, type TypedArray, type TypedArrayConstructor } from '../index.js';
import { type Views } from '../records/index.js';
import { valuesOf } from './arguments.js';
import { type Chunks } from './chunks.js';
import { type ValueType, type Values } from './values.js';

/** How the elements of a vector lie in its chunks. */
export abstract class Elements<T> {
  /** Names the type: who opens the vector must name the same. */
  abstract readonly text: string;
  abstract readonly bytes: number;
  protected chunks!: Chunks;
  protected views!: Views;

  in(chunks: Chunks, views: Views): this {
    this.chunks = chunks;
    this.views = views;
    return this;
  }

  /** Makes a value ready to be stored. Throws ERR_HEAP_VALUE or ERR_HEAP_OUT_OF_MEMORY. */
  abstract encode(value: T): void;

  /** Stores what was encoded last as an element, whose chunk must be there. */
  abstract store(index: number): void;

  /** The element, which stays the vector's. */
  abstract load(index: number): T;
}

/** What a typed array has beside what they all have in common. */
export interface Numbers<T> extends TypedArray {
  [index: number]: T;
}

/** Numbers that lie one behind the other, as in a typed array. */
export class TypedElements<T, A extends Numbers<T>> extends Elements<T> {
  override readonly text: string;
  override readonly bytes: number;
  private readonly arrays: (A | undefined)[] = [];
  private readonly sort: 'bigint' | 'number';
  private value!: T;

  constructor(
    private readonly heap: Heap,
    private readonly type: TypedArrayConstructor<A>,
  ) {
    super();
    this.text = type.name;
    this.bytes = type.BYTES_PER_ELEMENT;
    this.sort = /^Big/.test(type.name) ? 'bigint' : 'number';
  }

  override encode(value: T): void {
    if (typeof value !== this.sort)
      throw new HeapError('ERR_HEAP_VALUE', `a ${typeof value} is no element of a ${this.text}; convert it before`, {
        value,
      });
    this.value = value;
  }

  override store(index: number): void {
    const chunk = this.chunks.chunkOf(index);
    this.arrayOf(chunk)[index - this.chunks.firstOf(chunk)] = this.value;
  }

  override load(index: number): T {
    const chunk = this.chunks.chunkOf(index);
    return this.arrayOf(chunk)[index - this.chunks.firstOf(chunk)];
  }

  /** A chunk that is there, as a whole. */
  arrayOf(chunk: number): A {
    const known = this.arrays[chunk];
    return known !== undefined ? known : this.open(chunk);
  }

  private open(chunk: number): A {
    const array = new this.type(this.heap.buffer, this.chunks.startOf(chunk), this.chunks.sizeOf(chunk));
    if (chunk === this.arrays.length) this.arrays.push(array);
    return array;
  }
}

/** Values of two words, each stored and read atomically. */
export class WordElements<T> extends Elements<T> {
  override readonly text: string;
  override readonly bytes = 8;
  readonly values: Values<T>;

  constructor(heap: Heap, type: ValueType<T>) {
    super();
    this.values = valuesOf('Vector', heap, type);
    this.text = this.values.text;
  }

  override encode(value: T): void {
    this.values.encode(value);
  }

  override store(index: number): void {
    this.overwrite(index, this.values.low, this.values.high);
  }

  overwrite(index: number, low: number, high: number): void {
    const at = this.wordOf(index);
    atomics.store(this.views.i32, at, low);
    atomics.store(this.views.i32, at + 1, high);
  }

  override load(index: number): T {
    const at = this.wordOf(index);
    return this.values.peek(atomics.load(this.views.i32, at), atomics.load(this.views.i32, at + 1));
  }

  /** Index of the first word of an element. */
  wordOf(index: number): number {
    const address = this.chunks.addressOf(index);
    this.views.cover(address + 8);
    return address / 4;
  }

  wordAt(at: number): number {
    return atomics.load(this.views.i32, at);
  }
}
