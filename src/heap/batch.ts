import { HeapError } from '../base/errors.js';
import type { TypedArray } from './arrays.js';
import { checkIterable } from './validate.js';

type Target = number | TypedArray | null | undefined;

interface Frees {
  free(target: Target): void;
}

/** Fills the list with `count` addresses, or frees those it got and throws what `allocate` threw. */
export function allOrNone(
  heap: Frees,
  list: number[] | Uint32Array | Float64Array,
  count: number,
  allocate: () => number,
): void {
  for (let made = 0; made < count; made++) {
    try {
      list[made] = allocate();
    } catch (error) {
      for (let i = 0; i < made; i++) heap.free(list[i]);
      throw error;
    }
  }
}

/** Frees one after the other; an error says at which `index` it stopped. */
export function freeEach(heap: Frees, list: Iterable<Target>): void {
  let index = 0;
  checkIterable(list);
  try {
    for (const target of list) {
      heap.free(target);
      index++;
    }
  } catch (error) {
    if (error instanceof HeapError) error['index'] = index;
    throw error;
  }
}
