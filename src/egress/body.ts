import { bytesOf, STAGING_BYTES } from './staging.js';
import { takes } from './support.js';

/** Copied at once on the way into a Blob. */
const BLOB_PART_BYTES = 4 * 1024 * 1024;

/** A Blob with a view's bytes as they are now: the block may be freed afterwards. */
export function toBlob(view: ArrayBufferView, options: { readonly type?: string } = {}): Blob {
  const bytes = bytesOf('toBlob', view);
  if (takes('toBlob', bytes.buffer)) return new Blob([bytes], options);
  const part = new Uint8Array(Math.min(BLOB_PART_BYTES, bytes.length));
  const parts: Blob[] = [];
  // A Blob of Blobs refers to them, so that no more than one part is there twice.
  for (let at = 0; at < bytes.length; at += part.length) {
    const from = bytes.subarray(at, at + part.length);
    part.set(from);
    parts.push(new Blob([part.subarray(0, from.length)]));
  }
  return new Blob(parts, options);
}

/** A Response whose body is a view's bytes as they are now: the block may be freed afterwards. */
export function toResponse(view: ArrayBufferView, init?: ResponseInit): Response {
  return new Response(toBlob(view), init);
}

/**
 * A view's bytes as a stream, in chunks of their own that are copied when they are asked for: for what is too large to be there
 * twice, and for CompressionStream. Don't free the block before the stream has been read to its end or cancelled.
 */
export function toStream(view: ArrayBufferView): ReadableStream<Uint8Array<ArrayBuffer>> {
  const bytes = bytesOf('toStream', view);
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at < bytes.length) controller.enqueue(new Uint8Array(bytes.subarray(at, (at += STAGING_BYTES))));
      if (at >= bytes.length) controller.close();
    },
  });
}
