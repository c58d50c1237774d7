/**
 * `sabmalloc/collections`: what many workers put things into and take them out of. Everything here lives in blocks of the heap and is
 * opened in other workers by its address.
 */
export { HashMap } from './hash-map.js';
export type { HashMapOptions } from './hash-map.js';
export { LruCache } from './lru-cache.js';
export type { LruCacheCounts, LruCacheOptions } from './lru-cache.js';
export { structs } from './struct-values.js';
export { bytes, handles, numbers, texts } from './values.js';
export type { ValueType } from './values.js';
