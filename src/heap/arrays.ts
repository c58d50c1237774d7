/** Any typed array constructor, Float16Array included where the runtime has it. */
export interface TypedArrayConstructor<View extends TypedArray = TypedArray> {
  readonly BYTES_PER_ELEMENT: number;
  readonly name: string;
  new (buffer: SharedArrayBuffer, byteOffset: number, length: number): View;
}

/** What all typed arrays over a SharedArrayBuffer have in common. */
export interface TypedArray {
  readonly buffer: ArrayBufferLike;
  readonly byteOffset: number;
  readonly byteLength: number;
  readonly length: number;
  readonly BYTES_PER_ELEMENT: number;
  fill(value: never, start?: number, end?: number): unknown;
}

/** True for typed arrays, not for DataViews. */
export function isTypedArray(value: unknown): value is TypedArray {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}

/** What all typed array constructors inherit from. */
const TypedArrayBase = Object.getPrototypeOf(Uint8Array) as abstract new () => TypedArray;

export function isTypedArrayConstructor(value: unknown): value is TypedArrayConstructor {
  return typeof value === 'function' && (value as { prototype?: unknown }).prototype instanceof TypedArrayBase;
}
