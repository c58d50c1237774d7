import { HeapError, type Heap } from '../index.js';
import { Values, type ValueType } from './values.js';

/** For what a call can't be asked to do. */
export function badArgument(call: string, what: string, details: Readonly<Record<string, unknown>>): HeapError {
  return new HeapError('ERR_COLLECTION_ARGUMENT', `${call}: ${what}`, details);
}

/** Throws ERR_COLLECTION_ARGUMENT unless it is a heap. */
export function checkHeap(call: string, heap: unknown): void {
  if (typeof (heap as Partial<Heap> | null | undefined)?.workerId === 'number') return;
  throw badArgument(call, 'the first argument is no heap; pass what Heap.create or Heap.attach returned', {});
}

/** The values of a type in a heap. Throws ERR_COLLECTION_ARGUMENT for what is neither heap nor type. */
export function valuesOf<T>(call: string, heap: Heap, type: ValueType<T>): Values<T> {
  checkHeap(call, heap);
  const values: unknown =
    typeof (type as Partial<ValueType<T>> | null | undefined)?.in === 'function' ? type.in(heap) : undefined;
  if (values instanceof Values) return values as Values<T>;
  throw badArgument(
    call,
    'an argument names no type of values; pass numbers, handles, texts, bytes, or structs(Definition)',
    {},
  );
}

/** The values of the keys and of the values of a map. */
export function bothOf<K, V>(
  call: string,
  heap: Heap,
  keyType: ValueType<K>,
  valueType: ValueType<V>,
): [Values<K>, Values<V>] {
  return [valuesOf(call, heap, keyType), valuesOf(call, heap, valueType)];
}

/** Throws ERR_COLLECTION_ARGUMENT for an option of another name. */
export function checkOptions(call: string, options: object, names: readonly string[]): void {
  const other = Object.keys(options).find((name) => !names.includes(name));
  if (other === undefined) return;
  throw badArgument(call, `there is no option ${other}; there are ${names.join(', ')}`, { option: other });
}
