/** Hashes of bytes: FNV-1a (Fowler, Noll, Vo), with the last step of MurmurHash3 (Appleby), which spreads it over all bits. */

/** What a hash of no bytes begins with. */
export const HASH_SEED = 0x811c9dc5 | 0;

/** The state after more bytes: pieces give the same as the whole. */
export function hashMore(state: number, bytes: Uint8Array): number {
  let hash = state;
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
  return hash;
}

/** The hash that a state stands for: 32 bits, signed. */
export function hashOf(state: number): number {
  let hash = state;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** Hash of bytes: the same in every worker, on every machine, and that of `ByteString.hash`. */
export const hashBytes = (bytes: Uint8Array): number => hashOf(hashMore(HASH_SEED, bytes));
