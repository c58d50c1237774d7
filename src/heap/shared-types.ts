import { HeapError, show } from '../base/errors.js';
import { isTypedArrayConstructor, type TypedArray, type TypedArrayConstructor } from './arrays.js';

/** What `heap.share` takes besides typed arrays: an object that says, under this symbol, where it lies and what it is. */
export const SHAREABLE = Symbol.for('sabmalloc.shareable');

/** Where an object lies in the heap, and what opens it. */
export interface ShareableForm {
  /** Its first byte, inside a live block of the heap. */
  readonly address: number;
  readonly byteLength: number;
  /** The number under which `registerShareable` knows its type: 256 .. 2^32 - 1. */
  readonly type: number;
  /** Given to the opener as it is: 0 .. 2^32 - 1. */
  readonly length: number;
}

export interface Shareable {
  readonly [SHAREABLE]: () => ShareableForm;
}

/** Makes the object of a type at an address. `heap` is the `Heap` that opens it. */
export type Opener = (address: number, length: number, heap: object) => object;

/** In memory each is known by its place in this list, counted from 1: new ones go to the end. */
const ARRAYS = [
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
  'Float16Array',
];
const FIRST_REGISTERED = 256;
const WORD_MAX = 0xffffffff;

const openers = new Map<number, Opener>();

/**
 * Says how objects of a type are opened in this thread: whoever shares or opens one registers it first, with the same number.
 * Throws ERR_HEAP_CONFIG for a number that is none, and for one that has another opener.
 */
export function registerShareable(type: number, open: Opener): void {
  if (!Number.isInteger(type) || type < FIRST_REGISTERED || type > WORD_MAX)
    throw new HeapError(
      'ERR_HEAP_CONFIG',
      `registerShareable: the type is ${show(type)}; it must be an integer from ${FIRST_REGISTERED} to ${WORD_MAX}`,
      { type },
    );
  if ((openers.get(type) ?? open) !== open)
    throw new HeapError('ERR_HEAP_CONFIG', `registerShareable: type ${type} has another opener already`, { type });
  openers.set(type, open);
}

const { get: nameOfArray } = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
) as unknown as { readonly get: (this: unknown) => string | undefined };

/** The number of a typed array's type. Of a subclass, as Buffer, that of the array it is. */
export function typeOfArray(view: TypedArray): number {
  return ARRAYS.indexOf(nameOfArray.call(view) ?? '') + 1;
}

/** What an object says of itself; undefined if it says nothing, or nonsense. */
export function formOf(value: unknown): ShareableForm | undefined {
  const describe = (value as Partial<Shareable> | null | undefined)?.[SHAREABLE];
  if (typeof describe !== 'function') return undefined;
  const form = describe.call(value) as ShareableForm | null | undefined;
  const words = [form?.address, form?.byteLength, form?.type, form?.length];
  const isRight = words.every((word) => Number.isInteger(word) && word! >= 0 && word! <= WORD_MAX);
  return isRight && form!.type >= FIRST_REGISTERED ? form! : undefined;
}

/** The constructor of a type of typed array; undefined for registered types. */
export function arrayOf(type: number): TypedArrayConstructor | undefined {
  if (type < 1 || type > ARRAYS.length) return undefined;
  const name = ARRAYS[type - 1];
  const constructor = (globalThis as Record<string, unknown>)[name];
  if (isTypedArrayConstructor(constructor)) return constructor;
  throw new HeapError('ERR_HEAP_CONFIG', `open: the object is a ${name}, which this runtime does not have`, { type });
}

export function openerOf(type: number): Opener {
  const opener = openers.get(type);
  if (opener !== undefined) return opener;
  throw new HeapError(
    'ERR_HEAP_CONFIG',
    `open: nothing opens objects of type ${type} in this thread; import the module that defines them before`,
    { type },
  );
}
