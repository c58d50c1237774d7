/** Every typed array constructor of this runtime. Float16Array is younger than the oldest node we run on. */
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

const names = [
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Float16Array',
  'Int32Array',
  'Uint32Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
];

export const TYPES: readonly TypedArrayType[] = names.flatMap((name) => {
  const type = (globalThis as unknown as Record<string, TypedArrayType | undefined>)[name];
  return type === undefined ? [] : [type];
});

export const isBig = (type: TypedArrayType): boolean => type.name.startsWith('Big');

/** An element that no other index has, of the right kind for the type. */
export const elementOf = (type: TypedArrayType, i: number): number | bigint =>
  isBig(type) ? BigInt(i % 100) : i % 100;
