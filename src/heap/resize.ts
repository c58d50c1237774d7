import { Geometry } from '../layout/geometry.js';
import type { TypedArray, TypedArrayConstructor } from './arrays.js';
import type { Attachment } from './attachment.js';
import { zeroTail } from './bytes.js';
import type { FastPath } from './fast.js';
import { reallocate } from './reallocate.js';
import { checkLength } from './validate.js';

export type Resize = ReturnType<typeof openResize>;

/** realloc for typed arrays: the view to use from now on, zero beyond the old length. */
export function openResize(heap: Attachment, free: FastPath['free']) {
  const { region, owner, debug } = heap;

  return function resize<View extends TypedArray>(view: View, length: number): View {
    heap.check('resize');
    const address = heap.addressOf('resize', view);
    const type = view.constructor as TypedArrayConstructor<View>;
    const bytes = checkLength('resize', type, length);
    const moved =
      debug === undefined
        ? reallocate(owner, free, 'resize', address, bytes)
        : debug.reallocate('resize', address, bytes, view);
    if (moved === 0) throw heap.exhausted('resize', bytes, Geometry.GRANULE_BYTES);
    if (region.isStale()) region.renew();
    const tail = moved + view.byteLength;
    if (debug === undefined) zeroTail(region, tail, moved + bytes);
    else if (bytes > view.byteLength) region.u8.fill(0, tail, moved + bytes);
    return heap.views.at(type, moved, length);
  };
}
