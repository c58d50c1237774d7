import * as atomics from '#atomics';
import {
  alignUp,
  badDefinition,
  badValue,
  checkType,
  type Accessor,
  type Binding,
  type FieldType,
  type NumberArray,
  type Part,
  show,
} from './field.js';
import { i32, type Scalar, u32 } from './scalars.js';
import { pictureOfArray, SHOW, Shown, shownField } from './show.js';

/** Arrays up to this length have flat names for their elements (`pos.0`). */
const FLAT_ELEMENTS_MAX = 16;

/** Values in a row whose elements are no plain numbers. */
export class List<Value> extends Shown implements Iterable<Value> {
  readonly length: number;
  private readonly start: number;
  private readonly stride: number;
  private readonly element: Accessor<Value>;

  /** @internal */
  constructor(start: number, length: number, stride: number, element: Accessor<Value>) {
    super();
    this.start = start;
    this.length = length;
    this.stride = stride;
    this.element = element;
  }

  at(index: number): Value {
    return this.element.get(this.addressOf(index));
  }

  set(index: number, value: Value): void {
    const { set } = this.element;
    if (set === undefined) throw badValue('elements of this type are not assigned, but changed where they are', value);
    set(this.addressOf(index), value);
  }

  *[Symbol.iterator](): Iterator<Value> {
    for (let i = 0; i < this.length; i++) yield this.at(i);
  }

  [SHOW](inspect: (value: unknown) => string): string {
    return pictureOfArray(`List(${this.length})`, this.length, (index) => shownField(() => this.at(index)), inspect);
  }

  private addressOf(index: number): number {
    if (index >>> 0 !== index || index >= this.length)
      throw badValue(`${show(index)} is no index of a list of ${this.length}`, index);
    return (this.start + index * this.stride) | 0;
  }
}

/** An array type: carries the type of its elements for flat names. */
export interface ArrayType<Value, Initial, Element> extends FieldType<Value, Initial> {
  /** Never there. */
  readonly element?: Element;
}

/** An array of numbers, as a typed array over the struct's own memory. */
export function array<Value extends number | bigint, View>(
  type: Scalar<Value, View>,
  length: number,
): unknown extends View ? ArrayType<List<Value>, ArrayLike<Value>, Value> : ArrayType<View, ArrayLike<Value>, Value>;
/** An array of a fixed length of anything else: structs, texts, references, arrays. */
export function array<Value, Initial>(
  type: FieldType<Value, Initial>,
  length: number,
): ArrayType<List<Value>, ArrayLike<Initial>, Value>;
export function array(type: FieldType, length: number): FieldType {
  if (!Number.isInteger(length) || length < 1 || length > 2 ** 28)
    throw badDefinition(`array takes a length from 1 to 2^28, not ${show(length)}`, { value: length });
  checkType(type, 'array');
  const stride = alignUp(type.bytes, type.alignment);
  const parts: Part[] = [];
  if (length <= FLAT_ELEMENTS_MAX)
    for (let i = 0; i < length; i++) parts.push({ name: String(i), offset: i * stride, type });
  const isNumbers = type.numbers?.length === 1 && type.numbers.constructor.BYTES_PER_ELEMENT === stride;
  return {
    text: `${type.text}[${length}]`,
    bytes: stride * length,
    alignment: type.alignment,
    parts,
    elements: { type, length, strideBytes: stride },
    bind: isNumbers ? (binding) => bindNumbers(binding, type, length) : (binding) => bindList(binding, type, length),
    ...(isNumbers && { numbers: { constructor: type.numbers.constructor, length } }),
  };
}

function checkCount(given: ArrayLike<unknown>, length: number): void {
  if (typeof given !== 'object' || given.length !== length)
    throw badValue(`${show(given)} is no array of ${length} values`, given);
}

function bindNumbers({ views }: Binding, { numbers }: FieldType, length: number): Accessor<NumberArray, unknown> {
  const { constructor } = numbers!;
  const get = (at: number): NumberArray => new constructor(views.u8.buffer, at >>> 0, length);
  return {
    get,
    init(at, given) {
      checkCount(given as ArrayLike<unknown>, length);
      get(at).set(given as never);
    },
  };
}

function bindList(binding: Binding, type: FieldType, length: number): Accessor<List<unknown>, unknown> {
  const stride = alignUp(type.bytes, type.alignment);
  const element = type.bind(binding);
  const init = element.init ?? element.set;
  return {
    get: (at) => new List(at, length, stride, element),
    init(at, given) {
      checkCount(given as ArrayLike<unknown>, length);
      for (let i = 0; i < length; i++) init?.((at + i * stride) | 0, (given as ArrayLike<unknown>)[i]);
    },
  };
}

/** A value or undefined: a byte behind the value says which. */
export function optional<Value>(type: FieldType<Value>): FieldType<Value | undefined> {
  checkType(type, 'optional');
  const { bytes, alignment, unaligned } = type;
  return {
    text: `optional(${type.text})`,
    bytes: bytes + 1,
    alignment,
    bind(binding) {
      const { views } = binding;
      const { get, set } = type.bind(binding);
      if (set === undefined)
        throw badDefinition(`optional takes a type whose fields are assigned; ${type.text} is none`, {
          type: type.text,
        });
      return {
        get: (at) => (views.u8[(at + bytes) >>> 0] === 0 ? undefined : get(at)),
        set(at, value) {
          if (value !== undefined) set(at, value);
          views.u8[(at + bytes) >>> 0] = value === undefined ? 0 : 1;
        },
      };
    },
    ...(unaligned && { unaligned: optional(unaligned) }),
  };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A text of at most `bytes` bytes of UTF-8, 1 to 65,535, behind its length of one byte or, above 255, two. Longer ones are refused. */
export function utf8(bytes: number): FieldType<string> {
  if (!Number.isInteger(bytes) || bytes < 1 || bytes > 65535)
    throw badDefinition(`utf8 takes a number of bytes from 1 to 65535, not ${show(bytes)}`, { value: bytes });
  const head = bytes < 256 ? 1 : 2;
  return {
    text: `utf8(${bytes})`,
    bytes: head + bytes,
    alignment: 1,
    bind: ({ views }) => ({
      get(at) {
        const { u8 } = views;
        const from = (at + head) >>> 0;
        const length = u8[at >>> 0] | (head === 1 ? 0 : u8[(at + 1) >>> 0] << 8);
        // A copy: decoders refuse shared memory.
        return decoder.decode(u8.slice(from, from + Math.min(length, bytes)));
      },
      set(at, text) {
        if (typeof text !== 'string') throw badValue(`${show(text)} is no text`, text);
        const encoded = encoder.encode(text);
        if (encoded.length > bytes)
          throw badValue(`${show(text)} takes ${encoded.length} bytes of UTF-8, more than ${bytes}`, text);
        const { u8 } = views;
        u8.set(encoded, (at + head) >>> 0);
        u8[at >>> 0] = encoded.length;
        if (head === 2) u8[(at + 1) >>> 0] = encoded.length >>> 8;
      },
    }),
  };
}

/** An integer that workers change at once. A copy of the address, not of the value: keep it as long as the struct lives. */
export class AtomicCell extends Shown {
  private readonly words: Int32Array;
  private readonly index: number;
  private readonly isSigned: boolean;

  /** @internal */
  constructor(words: Int32Array, index: number, isSigned: boolean) {
    super();
    this.words = words;
    this.index = index;
    this.isSigned = isSigned;
  }

  /** Where in the heap's buffer the integer lies. */
  get address(): number {
    return this.index * 4;
  }

  load(): number {
    return this.shown(atomics.load(this.words, this.index));
  }

  store(value: number): void {
    atomics.store(this.words, this.index, value);
  }

  /** Adds, wrapping, and returns what was there before; so do `or`, `and` and `exchange`. */
  add(value: number): number {
    return this.shown(atomics.add(this.words, this.index, value));
  }

  or(value: number): number {
    return this.shown(atomics.or(this.words, this.index, value));
  }

  and(value: number): number {
    return this.shown(atomics.and(this.words, this.index, value));
  }

  exchange(value: number): number {
    return this.shown(atomics.exchange(this.words, this.index, value));
  }

  /** Stores `value` if `expected` is there; returns what was there. */
  compareExchange(expected: number, value: number): number {
    return this.shown(atomics.compareExchange(this.words, this.index, expected, value));
  }

  [SHOW](inspect: (value: unknown) => string): string {
    return `AtomicCell ${inspect(this.load())}`;
  }

  private shown(word: number): number {
    return this.isSigned ? word : word >>> 0;
  }
}

/** An integer for several workers at once. The field gives a cell, so that no `+=` looks atomic and is not. */
export function atomic(type: typeof i32 | typeof u32): FieldType<AtomicCell, number> {
  if (type !== i32 && type !== u32) throw badDefinition('atomic takes i32 or u32', { type: show(type) });
  const isSigned = type === i32;
  return {
    text: `atomic(${type.text})`,
    bytes: 4,
    alignment: 4,
    bind: ({ views }) => ({
      get: (at) => new AtomicCell(views.i32, at >>> 2, isSigned),
      init: (at, value) => atomics.store(views.i32, at >>> 2, value),
    }),
  };
}

/** Words of 32 bits, aligned to 8 bytes and zero in a new struct, for what works on an address: the field is that address. */
export function reserved(words: number): FieldType<number, never> {
  if (!Number.isInteger(words) || words < 1 || words > 2 ** 20)
    throw badDefinition(`reserved takes a number of words from 1 to 2^20, not ${show(words)}`, { value: words });
  return { text: `reserved(${words})`, bytes: words * 4, alignment: 8, bind: () => ({ get: (at) => at >>> 0 }) };
}
