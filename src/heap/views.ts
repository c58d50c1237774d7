import { HeapError, show } from '../base/errors.js';
import type { Region } from '../memory/region.js';
import type { TypedArray, TypedArrayConstructor } from './arrays.js';
import { checkLength } from './validate.js';

/** A view of `length` elements at an address that must lie, with all of them, behind the tables of the region. */
export function openView<View extends TypedArray>(
  region: Region,
  type: TypedArrayConstructor<View>,
  address: number,
  length: number,
): View {
  const bytes = checkLength('view', type, length);
  if (region.isStale()) region.renew();
  const isInside =
    Number.isInteger(address) &&
    address >= region.addressOf(region.firstSlice) &&
    address + bytes <= region.addressOf(region.limit);
  if (!isInside || address % type.BYTES_PER_ELEMENT !== 0)
    throw new HeapError(
      'ERR_HEAP_INVALID_ADDRESS',
      `view: ${bytes} bytes at ${show(address)} are not inside the region or not aligned to ${type.BYTES_PER_ELEMENT}; pass the address and the size of a block`,
      { address, bytes, alignment: type.BYTES_PER_ELEMENT },
    );
  return new type(region.buffer, address, length);
}

/** The error for something that should have been a view of the heap's memory. */
export function foreignView(call: 'free' | 'addressOf' | 'resize' | 'share', view: unknown): HeapError {
  if (call === 'free')
    return new HeapError(
      'ERR_HEAP_INVALID_FREE',
      `free(${show(view)}): the view is of other memory than this heap; pass it to the heap it came from`,
      { kind: 'wild' },
    );
  return new HeapError(
    'ERR_HEAP_INVALID_ADDRESS',
    `${call}: ${show(view)} is no typed array over the memory of this heap; pass what alloc, resize or view of this heap returned`,
    { value: view },
  );
}
