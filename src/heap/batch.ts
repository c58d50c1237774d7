import { HeapError } from '../base/errors.js';
import type { Attachment } from './attachment.js';
import type { FastPath } from './fast.js';
import { checkIterable } from './validate.js';

type Free = FastPath['free'];

/** Fills the list with the addresses of `count` blocks, or frees those it got and throws what the last one threw. */
export function allOrNone(
  heap: Attachment,
  { take, free }: FastPath,
  list: number[] | Uint32Array | Float64Array,
  bytes: number,
  count: number,
): void {
  for (let made = 0; made < count; made++) {
    try {
      list[made] = take(bytes) || heap.allocate('mallocMany', bytes, undefined);
    } catch (error) {
      for (let i = 0; i < made; i++) free(list[i]);
      throw error;
    }
  }
}

/** Frees one after the other; an error says at which `index` it stopped. */
export function freeEach(free: Free, list: Iterable<Parameters<Free>[0]>): void {
  let index = 0;
  checkIterable(list);
  try {
    for (const target of list) {
      free(target);
      index++;
    }
  } catch (error) {
    if (error instanceof HeapError) error['index'] = index;
    throw error;
  }
}
