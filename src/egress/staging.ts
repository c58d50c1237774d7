import { HeapError } from '../index.js';

/** What goes through the staging buffer at once; also what `getRandomValues` fills in one call. */
export const STAGING_BYTES = 64 * 1024;

let buffer: Uint8Array<ArrayBuffer> | undefined;

/** Memory that is not shared, `bytes` long, up to STAGING_BYTES. The same for all calls of a thread: for use within one. */
export function staging(bytes: number): Uint8Array<ArrayBuffer> {
  return (buffer ??= new Uint8Array(STAGING_BYTES)).subarray(0, bytes);
}

/** A view's bytes, in place. For the type checker the memory is not shared: runtimes are asked, not types. */
export function bytesOf(call: string, view: ArrayBufferView): Uint8Array<ArrayBuffer> {
  if (!ArrayBuffer.isView(view))
    throw new HeapError('ERR_HEAP_VALUE', `${call}: this is no typed array and no DataView`, { value: view });
  return new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength);
}
