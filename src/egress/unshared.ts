import { bytesOf } from './staging.js';
import { isShared } from './support.js';

/** The same type over memory that is not shared; of objects, arrays, maps and sets, each of what they hold. */
export type Unshared<T> = T extends Int8Array
  ? Int8Array<ArrayBuffer>
  : T extends Uint8Array
    ? Uint8Array<ArrayBuffer>
    : T extends Uint8ClampedArray
      ? Uint8ClampedArray<ArrayBuffer>
      : T extends Int16Array
        ? Int16Array<ArrayBuffer>
        : T extends Uint16Array
          ? Uint16Array<ArrayBuffer>
          : T extends Int32Array
            ? Int32Array<ArrayBuffer>
            : T extends Uint32Array
              ? Uint32Array<ArrayBuffer>
              : UnsharedWide<T>;

type UnsharedWide<T> = T extends Float32Array
  ? Float32Array<ArrayBuffer>
  : T extends Float64Array
    ? Float64Array<ArrayBuffer>
    : T extends BigInt64Array
      ? BigInt64Array<ArrayBuffer>
      : T extends BigUint64Array
        ? BigUint64Array<ArrayBuffer>
        : T extends DataView
          ? DataView<ArrayBuffer>
          : T extends SharedArrayBuffer
            ? ArrayBuffer
            : T extends ArrayBufferView
              ? T
              : UnsharedWithin<T>;

type UnsharedWithin<T> =
  T extends Map<infer K, infer V>
    ? Map<K, Unshared<V>>
    : T extends Set<infer V>
      ? Set<Unshared<V>>
      : T extends (...args: never) => unknown
        ? T
        : T extends object
          ? { [K in keyof T]: Unshared<T[K]> }
          : T;

type Maker = new (buffer: ArrayBuffer, byteOffset: number, length: number) => ArrayBufferView;

/** The runtime's own class of a view: of a Buffer, Uint8Array. */
function classOf(view: ArrayBufferView): Maker {
  const tag = (view as unknown as Record<symbol, string>)[Symbol.toStringTag];
  return (globalThis as unknown as Record<string, Maker>)[tag];
}

/** A view of a view's type and length over other memory. */
function sameOver(view: ArrayBufferView, buffer: ArrayBuffer): ArrayBufferView {
  const { length = view.byteLength } = view as { length?: number };
  return new (classOf(view))(buffer, 0, length);
}

function copyOf(view: ArrayBufferView): ArrayBufferView {
  const bytes = new Uint8Array(bytesOf('toUnshared', view));
  return sameOver(view, bytes.buffer);
}

/**
 * A copy over memory of its own, for whatever refuses shared memory: of a view (a Buffer gives a Uint8Array), of a
 * SharedArrayBuffer, or of plain objects, arrays, maps and sets that hold such at any depth. What is not shared is in the
 * copy as it is, objects of classes included.
 */
export function toUnshared<T>(value: T): Unshared<T> {
  return unshare(value, new Map()) as Unshared<T>;
}

function unshare(value: unknown, done: Map<object, object>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const known = done.get(value);
  if (known !== undefined) return known;
  if (ArrayBuffer.isView(value)) return noted(value, isShared(value.buffer) ? copyOf(value) : value, done);
  if (isShared(value as ArrayBufferLike))
    return noted(value, new Uint8Array(new Uint8Array(value as SharedArrayBuffer)).buffer, done);
  return unshareWithin(value, done);
}

/** Keeps what a value became: what was one object is one in the copy, circles included. */
function noted<Copy extends object>(value: object, copy: Copy, done: Map<object, object>): Copy {
  done.set(value, copy);
  return copy;
}

function unshareWithin(value: object, done: Map<object, object>): object {
  if (Array.isArray(value)) {
    const copy = noted<unknown[]>(value, [], done);
    for (const each of value) copy.push(unshare(each, done));
    return copy;
  }
  if (value instanceof Map) {
    const copy = noted(value, new Map(), done);
    for (const [key, each] of value) copy.set(key, unshare(each, done));
    return copy;
  }
  if (value instanceof Set) {
    const copy = noted(value, new Set(), done);
    for (const each of value) copy.add(unshare(each, done));
    return copy;
  }
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype !== Object.prototype && prototype !== null) return value;
  const copy = noted<Record<string, unknown>>(value, Object.create(prototype) as Record<string, unknown>, done);
  for (const [key, each] of Object.entries(value))
    Object.defineProperty(copy, key, {
      value: unshare(each, done),
      writable: true,
      enumerable: true,
      configurable: true,
    });
  return copy;
}

/** Larger buffers are not kept. */
const KEPT_BYTES = 16 * 1024 * 1024;

let kept: ArrayBuffer | undefined;

/** Takes the kept buffer, if it is large enough, or makes one: whoever has it gives it back or not. */
function takeBuffer(bytes: number): ArrayBuffer {
  const buffer = kept !== undefined && kept.byteLength >= bytes ? kept : new ArrayBuffer(bytes);
  kept = undefined;
  return buffer;
}

/**
 * Calls `use` with a view of the same type, length and contents that is not shared, and returns what it returns: the view
 * itself if it isn't shared, else a copy in a buffer that the next call uses again. So it is for `use` only, and not for
 * later: texture uploads, synchronous writers. What `use` writes there is lost.
 */
export function withUnshared<View extends ArrayBufferView, Result>(
  view: View,
  use: (copy: Unshared<View>) => Result,
): Result {
  const bytes = bytesOf('withUnshared', view);
  if (!isShared(bytes.buffer)) return use(view as unknown as Unshared<View>);
  const buffer = takeBuffer(bytes.length);
  new Uint8Array(buffer).set(bytes);
  const result = use(sameOver(view, buffer) as unknown as Unshared<View>);
  // Whoever returns a promise has not done with the copy.
  const isDone = typeof (result as Partial<PromiseLike<unknown>> | null | undefined)?.then !== 'function';
  if (isDone && buffer.byteLength <= KEPT_BYTES) kept = buffer;
  return result;
}
