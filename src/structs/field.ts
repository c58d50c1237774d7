import { type Heap, HeapError } from '../index.js';
import type { Views } from '../records/index.js';

/** What a field type gets to make its accessors: the heap, and the views through which they reach it. */
export interface Binding {
  readonly heap: Heap;
  readonly views: Views;
  /** The definition whose field it is. */
  readonly holder: Target;
}

/** A definition as references see it. */
export interface Target {
  readonly name: string;
  in(heap: Heap): Referred;
}

/** A definition in one heap. */
export interface Referred {
  /** The struct at an address that a reference held. */
  follow(address: number): unknown;
  /** What a reference to it holds. Throws ERR_HEAP_VALUE for anything but a struct of this definition and heap. */
  addressOf(value: unknown): number;
}

/** A function that may stand for one of any values, as methods may: the types of fields are lists of different ones. */
type Setter<Value> = { set(at: number, value: Value): void }['set'];

/**
 * How values of a field are read and written, made once for each definition and heap. `at` is the address of the value, a
 * 32-bit integer that may be negative: use it by `at >>> 2` and the like.
 */
export interface Accessor<Value = unknown, Initial = Value> {
  readonly get: (at: number) => Value;
  /** Absent where the field itself can't be assigned, only what it gives: arrays, nested structs, atomics. */
  readonly set?: Setter<Value>;
  /** Writes what `create` was given; `set` where there is none. The memory is zero. */
  readonly init?: Setter<Initial>;
}

/** Another field type within one: `pos` of three numbers has `pos.0`, `pos.1` and `pos.2`. */
export interface Part {
  readonly name: string;
  readonly offset: number;
  readonly type: FieldType;
}

/** A contiguous run of numbers, for views of whole columns. */
export interface Numbers {
  readonly constructor: NumberArrayConstructor;
  readonly length: number;
}

export type NumberArray =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array;

export interface NumberArrayConstructor {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: SharedArrayBuffer, byteOffset: number, length: number): NumberArray;
}

/**
 * The type of a field: any object of this shape is one, so other packages may bring their own. The memory of a new struct is zero,
 * and zero bytes must be a value.
 */
export interface FieldType<Value = unknown, Initial = Value> {
  /** How the type is written in a definition: two types of the same text have the same layout and meaning. */
  readonly text: string;
  readonly bytes: number;
  /** 1, 2, 4 or 8. */
  readonly alignment: number;
  bind(binding: Binding): Accessor<Value, Initial>;
  /** The same without alignment, for packed structs; types without it keep theirs there. */
  readonly unaligned?: FieldType<Value, Initial>;
  /** What has flat names within a field of this type. */
  readonly parts?: readonly Part[];
  /** Of an array: what repeats, and how far apart. */
  readonly elements?: { readonly type: FieldType; readonly length: number; readonly strideBytes: number };
  readonly numbers?: Numbers;
  /** Bits that the type needs of a number that neighbours share. */
  readonly bits?: number;
  /** Of an owning reference: the definition of what is freed with its holder. */
  readonly owns?: (holder: Target) => Target;
  /** Of a struct within a struct: its definition, which is `holder` for its parts. */
  readonly holder?: Target;
}

export function badDefinition(what: string, details: Readonly<Record<string, unknown>>): HeapError {
  return new HeapError('ERR_HEAP_DEFINITION', what, details);
}

export function badValue(what: string, value: unknown): HeapError {
  return new HeapError('ERR_HEAP_VALUE', what, { value });
}

export function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}

/** A value in a message. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'object' && value !== null) return Object.prototype.toString.call(value);
  return String(value);
}

/** Throws if something that should be the type of a field is none. `what` has it. */
export function checkType(type: unknown, what: string, details: Readonly<Record<string, unknown>> = {}): void {
  const field = type as Partial<FieldType> | undefined | null;
  const isType =
    typeof field === 'object' &&
    field !== null &&
    // A line of the definition's text.
    /^[^\t\n]+$/.test(field.text ?? '') &&
    typeof field.bind === 'function' &&
    Number.isInteger(field.bytes) &&
    [1, 2, 4, 8].includes(field.alignment ?? 0);
  if (!isType)
    throw badDefinition(`${what} has ${show(type)} for a type; pass f64, utf8(24), array(f32, 3), ...`, details);
}
