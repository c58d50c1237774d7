import type { TypedArray, TypedArrayConstructor } from './arrays.js';
import type { Attachment } from './attachment.js';
import { zeroBlock } from './bytes.js';
import type { FastPath } from './fast.js';
import { checkLength } from './validate.js';

export type ViewAllocation = ReturnType<typeof openViewAllocation>;

/** Blocks with a view over all of them. Functions of each heap for the reason given in fast.ts. */
export function openViewAllocation(heap: Attachment, { take }: FastPath) {
  const { region, views } = heap;
  /** The type checked last, and the size of its elements. */
  let checkedType: TypedArrayConstructor = Uint8Array;
  let elementBytes = 1;

  function bytesOf(call: string, type: TypedArrayConstructor, length: number): number {
    if (type === checkedType && typeof length === 'number' && length >>> 0 === length) return length * elementBytes;
    const bytes = checkLength(call, type, length);
    checkedType = type;
    elementBytes = type.BYTES_PER_ELEMENT;
    return bytes;
  }

  /** A constructor of the user's own may throw; nobody would know the block. */
  function viewOrNothing<View extends TypedArray>(
    type: TypedArrayConstructor<View>,
    address: number,
    length: number,
  ): View {
    try {
      return views.at(type, address, length);
    } catch (error) {
      heap.free(address);
      throw error;
    }
  }

  function alloc<View extends TypedArray>(type: TypedArrayConstructor<View>, length: number): View {
    const bytes = bytesOf('alloc', type, length);
    const address = take(bytes) || heap.allocate('alloc', bytes, undefined);
    zeroBlock(region, address, bytes);
    return viewOrNothing(type, address, length);
  }

  function allocUnsafe<View extends TypedArray>(type: TypedArrayConstructor<View>, length: number): View {
    const bytes = bytesOf('allocUnsafe', type, length);
    const address = take(bytes) || heap.allocate('allocUnsafe', bytes, undefined);
    return viewOrNothing(type, address, length);
  }

  return { alloc, allocUnsafe };
}
