import { isPowerOfTwo } from '../base/bits.js';
import { HeapError, show } from '../base/errors.js';
import { Geometry } from '../layout/geometry.js';
import { isTypedArrayConstructor, type TypedArrayConstructor } from './arrays.js';

/** Throws ERR_HEAP_INVALID_SIZE unless `bytes` is a finite, non-negative integer; numbers only, nothing is coerced. */
export function checkSize(call: string, what: string, bytes: unknown): asserts bytes is number {
  if (typeof bytes === 'number' && Number.isInteger(bytes) && bytes >= 0) return;
  throw new HeapError(
    'ERR_HEAP_INVALID_SIZE',
    `${call}: ${what} is ${show(bytes)}; it must be a non-negative integer`,
    { [what]: bytes },
  );
}

/** The alignment asked for, 16 if none. Throws ERR_HEAP_INVALID_ALIGNMENT unless it is a power of two up to 64 KiB. */
export function checkAlignment(call: string, alignment: unknown): number {
  if (alignment === undefined) return Geometry.GRANULE_BYTES;
  if (typeof alignment === 'number' && isPowerOfTwo(alignment) && alignment <= Geometry.ALIGNMENT_MAX_BYTES)
    return Math.max(alignment, Geometry.GRANULE_BYTES);
  throw new HeapError(
    'ERR_HEAP_INVALID_ALIGNMENT',
    `${call}: alignment is ${show(alignment)}; it must be a power of two from 1 to ${Geometry.ALIGNMENT_MAX_BYTES}`,
    { alignment },
  );
}

/** Bytes of `length` elements. Throws ERR_HEAP_INVALID_SIZE for what is no length or no typed array constructor. */
export function checkLength(call: string, type: TypedArrayConstructor, length: unknown): number {
  if (!isTypedArrayConstructor(type))
    throw new HeapError(
      'ERR_HEAP_INVALID_SIZE',
      `${call}: ${show(type)} is no typed array constructor; pass one such as Uint8Array`,
      { type },
    );
  checkSize(call, 'length', length);
  // Never Infinity: too large for any heap, but a size.
  return Math.min(length * type.BYTES_PER_ELEMENT, Number.MAX_VALUE);
}

/** Throws ERR_HEAP_INVALID_SIZE for what can't take `count` addresses. */
export function checkAddressList(list: unknown, count: number): void {
  const isRight =
    list instanceof Uint32Array || list instanceof Float64Array
      ? list.length >= count
      : Array.isArray(list) && Object.isExtensible(list);
  if (isRight) return;
  const length = Array.isArray(list) || ArrayBuffer.isView(list) ? (list as { length?: number }).length : undefined;
  throw new HeapError(
    'ERR_HEAP_INVALID_SIZE',
    `mallocMany: out is ${show(list)} of length ${length}, which does not take ${count} addresses; pass an array, or a Uint32Array or Float64Array that is long enough`,
    { count, length },
  );
}

/** Throws ERR_HEAP_INVALID_FREE for what is no list. */
export function checkIterable(list: unknown): void {
  const isObject = (typeof list === 'object' && list !== null) || typeof list === 'string';
  if (isObject && typeof (list as Partial<Iterable<unknown>>)[Symbol.iterator] === 'function') return;
  throw new HeapError(
    'ERR_HEAP_INVALID_FREE',
    `freeMany(${show(list)}): this is no list; pass an array or another iterable of addresses and views`,
    { value: list },
  );
}
