import { Geometry } from '../layout/geometry.js';
import type { TypedArray, TypedArrayConstructor } from './arrays.js';
import type { Attachment } from './attachment.js';
import { zeroBlock } from './bytes.js';
import type { FastPath } from './fast.js';
import { keepsPlace } from './place.js';
import { moveBlock, reallocate } from './reallocate.js';
import { checkLength, checkSize } from './validate.js';

export type Blocks = ReturnType<typeof openBlocks>;

/** What is built on the fast path: zeroed and moved blocks, and blocks with a view. Functions of each heap for the reason given there. */
export function openBlocks(heap: Attachment, { take, free, ownBlockBytes }: FastPath) {
  const { region, owner } = heap;
  /** The type checked last, and the size of its elements. */
  let checkedType: TypedArrayConstructor = Uint8Array;
  let elementBytes = 1;

  function calloc(bytes: number, alignment?: number): number {
    const address = (alignment === undefined && take(bytes)) || heap.allocate('calloc', bytes, alignment);
    zeroBlock(region, address, bytes);
    return address;
  }

  function realloc(address: number, bytes: number): number {
    const have = ownBlockBytes(address);
    if (have !== 0 && typeof bytes === 'number' && bytes >>> 0 === bytes) {
      if (keepsPlace(have, bytes)) return address;
      const larger = have < bytes ? take(bytes) : 0;
      if (larger !== 0) return moveBlock(free, region, address, larger, have);
    }
    return reallocSlow(address, bytes);
  }

  function reallocSlow(address: number, bytes: number): number {
    heap.check('realloc');
    checkSize('realloc', 'bytes', bytes);
    if (address === 0) return heap.allocate('realloc', bytes, undefined);
    const moved = reallocate(owner, free, 'realloc', address, bytes);
    if (moved === 0) throw heap.exhausted('realloc', bytes, Geometry.GRANULE_BYTES);
    return moved;
  }

  function bytesOf(call: string, type: TypedArrayConstructor, length: number): number {
    if (type === checkedType && typeof length === 'number' && length >>> 0 === length) return length * elementBytes;
    const bytes = checkLength(call, type, length);
    checkedType = type;
    elementBytes = type.BYTES_PER_ELEMENT;
    return bytes;
  }

  function alloc<View extends TypedArray>(type: TypedArrayConstructor<View>, length: number): View {
    const bytes = bytesOf('alloc', type, length);
    const address = take(bytes) || heap.allocate('alloc', bytes, undefined);
    zeroBlock(region, address, bytes);
    return viewOrNothing(heap, type, address, length);
  }

  function allocUnsafe<View extends TypedArray>(type: TypedArrayConstructor<View>, length: number): View {
    const bytes = bytesOf('allocUnsafe', type, length);
    const address = take(bytes) || heap.allocate('allocUnsafe', bytes, undefined);
    return viewOrNothing(heap, type, address, length);
  }

  return { calloc, realloc, alloc, allocUnsafe };
}

/** A constructor of the user's own may throw; nobody would know the block. */
export function viewOrNothing<View extends TypedArray>(
  heap: Attachment,
  type: TypedArrayConstructor<View>,
  address: number,
  length: number,
): View {
  try {
    return heap.views.at(type, address, length);
  } catch (error) {
    heap.free(address);
    throw error;
  }
}
