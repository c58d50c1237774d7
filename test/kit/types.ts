import { TYPES as ALL } from 'sabmalloc/testing';

/** What the tests do with a view of any type. */
export type TypedArray =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array;

export interface TypedArrayType {
  readonly name: string;
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): TypedArray;
}

export const TYPES = ALL as unknown as readonly TypedArrayType[];

export const isBig = (type: TypedArrayType): boolean => type.name.startsWith('Big');

/** An element that no other index has, of the right kind for the type. */
export const elementOf = (type: TypedArrayType, i: number): number | bigint =>
  isBig(type) ? BigInt(i % 100) : i % 100;
