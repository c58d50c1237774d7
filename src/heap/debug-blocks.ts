import { Geometry } from '../layout/geometry.js';
import type { TypedArray, TypedArrayConstructor } from './arrays.js';
import type { Attachment } from './attachment.js';
import { viewOrNothing, type Blocks } from './blocks.js';
import type { DebugLayer } from './debug.js';
import { checkLength, checkSize } from './validate.js';

/** What openBlocks gives, for a heap that is looked after: to the byte, where the others zero and copy up to the next 16. */
export function openDebugBlocks(heap: Attachment, debug: DebugLayer): Blocks {
  const { region } = heap;

  function zeroed(call: string, bytes: number, alignment: number | undefined): number {
    const address = heap.allocate(call, bytes, alignment);
    region.u8.fill(0, address, address + bytes);
    return address;
  }

  function realloc(address: number, bytes: number): number {
    heap.check('realloc');
    checkSize('realloc', 'bytes', bytes);
    if (address === 0) return heap.allocate('realloc', bytes, undefined);
    const moved = debug.reallocate('realloc', address, bytes);
    if (moved === 0) throw heap.exhausted('realloc', bytes, Geometry.GRANULE_BYTES);
    return moved;
  }

  function alloc<View extends TypedArray>(type: TypedArrayConstructor<View>, length: number): View {
    return viewOrNothing(heap, type, zeroed('alloc', checkLength('alloc', type, length), undefined), length);
  }

  function allocUnsafe<View extends TypedArray>(type: TypedArrayConstructor<View>, length: number): View {
    const bytes = checkLength('allocUnsafe', type, length);
    return viewOrNothing(heap, type, heap.allocate('allocUnsafe', bytes, undefined), length);
  }

  return { calloc: (bytes, alignment) => zeroed('calloc', bytes, alignment), realloc, alloc, allocUnsafe };
}
