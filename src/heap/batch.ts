import { HeapError } from '../base/errors.js';
import type { Attachment } from './attachment.js';
import type { FastPath } from './fast.js';
import { checkAddressList, checkIterable, checkSize } from './validate.js';

type Free = FastPath['free'];

/** Fills the list with the addresses of `count` blocks, or frees those it got and throws what the last one threw. */
export function allOrNone(
  heap: Attachment,
  { take, free }: FastPath,
  list: number[] | Uint32Array | Float64Array,
  bytes: number,
  count: number,
): void {
  heap.check('mallocMany');
  checkSize('mallocMany', 'bytes', bytes);
  checkSize('mallocMany', 'count', count);
  checkAddressList(list, count);
  const next = (): number => take(bytes) || heap.allocate('mallocMany', bytes, undefined);
  let made = 0;
  try {
    // A loop for each kind of list: one that meets several looks up at each element which one it has, for 20 ns and more.
    if (list instanceof Uint32Array) for (; made < count; made++) list[made] = next();
    else if (list instanceof Float64Array) for (; made < count; made++) list[made] = next();
    else for (; made < count; made++) list[made] = next();
  } catch (error) {
    for (let i = 0; i < made; i++) free(list[i]);
    throw error;
  }
}

/** Frees one after the other; an error says at which `index` it stopped. */
export function freeEach(free: Free, list: Iterable<Parameters<Free>[0]>): void {
  let index = 0;
  checkIterable(list);
  try {
    if (list instanceof Uint32Array) for (; index < list.length; index++) free(list[index]);
    else if (list instanceof Float64Array) for (; index < list.length; index++) free(list[index]);
    else
      for (const target of list) {
        free(target);
        index++;
      }
  } catch (error) {
    if (error instanceof HeapError) error['index'] = index;
    throw error;
  }
}
