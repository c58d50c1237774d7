/**
 * `sabmalloc/collections`: what many workers put things into and take them out of. Everything here lives in blocks of the heap and is
 * opened in other workers by its address.
 */
export { HashMap } from './hash-map.js';
export type { HashMapOptions } from './hash-map.js';
export type { MapPart } from './keyed.js';
export { LruCache } from './lru-cache.js';
export type { LruCacheCounts, LruCacheOptions } from './lru-cache.js';
export { ByteString } from './byte-string.js';
export type { ByteStringOptions } from './byte-string.js';
export { PriorityQueue } from './priority-queue.js';
export type { PriorityQueueOptions } from './priority-queue.js';
export { structs } from './struct-values.js';
export { Texts } from './texts.js';
export type { TextsOptions } from './texts.js';
export { bytes, handles, numbers, texts } from './values.js';
export type { ValueType } from './values.js';
export { Channel } from './channel.js';
export type { ChannelOptions, ChannelUse } from './channel.js';
export { select, selectAsync } from './select.js';
export type { Selected } from './select.js';
export { Ring } from './ring.js';
export type { RingView } from './ring.js';
export { Vector } from './vector.js';
export type { ElementOf, VectorOptions } from './vector.js';
