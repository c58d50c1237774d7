import { nodeHash } from './node-hash.js';
import { bytesOf, staging, STAGING_BYTES } from './staging.js';
import { isShared, takes } from './support.js';
import { toUnshared } from './unshared.js';

/** Hashed between two turns of the event loop: a few milliseconds. */
const HASH_PART_BYTES = 4 * 1024 * 1024;

/** Fills a view of any type and length with random bytes, and returns it. */
export function randomFill<View extends ArrayBufferView>(view: View): View {
  const bytes = bytesOf('randomFill', view);
  const isTaken = takes('randomFill', bytes.buffer);
  for (let at = 0; at < bytes.length; at += STAGING_BYTES) {
    const part = bytes.subarray(at, at + STAGING_BYTES);
    if (isTaken) crypto.getRandomValues(part);
    else part.set(crypto.getRandomValues(staging(part.length)));
  }
  // Random bytes are often keys: none are left lying about.
  if (!isTaken) staging(Math.min(STAGING_BYTES, bytes.length)).fill(0);
  return view;
}

/**
 * The hash of a view's bytes, as `crypto.subtle.digest` gives it. Don't let anything write to them until it is there: where
 * the runtime has `node:crypto`, they are read in place.
 */
export async function digest(algorithm: string, view: ArrayBufferView): Promise<ArrayBuffer> {
  const bytes = bytesOf('digest', view);
  if (!isShared(bytes.buffer)) return crypto.subtle.digest(algorithm, bytes);
  const hash = takes('digest', bytes.buffer) ? nodeHash(algorithm) : undefined;
  if (hash === undefined) return crypto.subtle.digest(algorithm, toUnshared(bytes));
  for (let at = 0; at < bytes.length; at += HASH_PART_BYTES) {
    if (at > 0) await new Promise((resolve) => setImmediate(resolve));
    hash.update(bytes.subarray(at, at + HASH_PART_BYTES));
  }
  return new Uint8Array(hash.digest()).buffer;
}
