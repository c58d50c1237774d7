import { HeapError, show } from '../base/errors.js';
import { isTypedArrayConstructor, type TypedArray, type TypedArrayConstructor } from './arrays.js';

/** What `heap.share` takes besides typed arrays: an object that says, under this symbol, where it lies and what it is. */
export const SHAREABLE = Symbol.for('sabmalloc.shareable');

/** Where an object lies in the heap, and what opens it. */
export interface ShareableForm {
  /** Its first byte, inside a live block of the heap. */
  readonly address: number;
  readonly byteLength: number;
  /** The name under which `registerShareable` knows its type. The heap keeps it, as `intern` does. */
  readonly type: string;
  /** Given to the opener as it is: 0 .. 2^32 - 1. */
  readonly length: number;
}

export interface Shareable {
  readonly [SHAREABLE]: () => ShareableForm;
}

/** A handle whose type is known: what `heap.share` returns. Any number may be one, after a message or JSON. */
export type Handle<Value extends object = object> = number & { readonly [HANDLE_OF]?: Value };
/** Never there. */
declare const HANDLE_OF: unique symbol;

/** Makes the object of a type at an address. `heap` is the `Heap` that opens it. */
export type Opener = (address: number, length: number, heap: object) => object;

/** Frees the object of a type at an address, its block included. `heap` is the `Heap` that released it last. */
export type Freer = (address: number, length: number, heap: object) => void;

/** How a thread deals with objects of a type. */
export interface ShareableType {
  readonly opener: Opener;
  readonly freer: Freer | undefined;
}

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
/** In memory the type of an object with a name is this and the number of the name. */
export const FIRST_NAMED = 256;
const WORD_MAX = 0xffffffff;

const types = new Map<string, ShareableType>();

/**
 * Says how objects of a type are opened in this thread, and how they are freed if there is more to it than freeing their block. Whoever
 * shares, opens or releases one registers it first, by the same name. Throws ERR_HEAP_CONFIG for a name that is none, and for
 * one that has another opener.
 */
export function registerShareable(type: string, open: Opener, free?: Freer): void {
  if (typeof type !== 'string' || type === '')
    throw new HeapError(
      'ERR_HEAP_CONFIG',
      `registerShareable: the type is ${show(type)}; pass a name that is the same in every worker, and no other type's`,
      { type },
    );
  const known = types.get(type);
  if (known !== undefined && (known.opener !== open || known.freer !== free))
    throw new HeapError('ERR_HEAP_CONFIG', `registerShareable: type ${show(type)} has another opener already`, {
      type,
    });
  types.set(type, { opener: open, freer: free });
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
  const words = [form?.address, form?.byteLength, form?.length];
  const isRight = words.every((word) => Number.isInteger(word) && word! >= 0 && word! <= WORD_MAX);
  return isRight && typeof form!.type === 'string' ? form! : undefined;
}

/** The constructor of a type of typed array. */
export function arrayOf(type: number): TypedArrayConstructor {
  const name = ARRAYS[type - 1];
  const constructor = (globalThis as Record<string, unknown>)[name];
  if (isTypedArrayConstructor(constructor)) return constructor;
  throw new HeapError('ERR_HEAP_CONFIG', `open: the object is a ${name}, which this runtime does not have`, { type });
}

/** Throws ERR_HEAP_DEFINITION for a type that this thread has not registered. */
export function typeNamed(call: string, name: string): ShareableType {
  const type = types.get(name);
  if (type !== undefined) return type;
  // Definitions of structs are texts of several lines, of which the first begins with the struct's name.
  const short = name.split(/[\t\n]/, 1)[0];
  throw new HeapError(
    'ERR_HEAP_DEFINITION',
    `${call}: the object is a ${short}, which this thread has not defined, or not alike; import the module that defines it before`,
    { type: name },
  );
}
