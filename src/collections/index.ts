/**
 * `sabmalloc/collections`: what many workers put things into and take them out of. Everything here lives in blocks of the heap and is
 * opened in other workers by its address.
 */
export { structs } from './struct-values.js';
export { bytes, handles, numbers, texts } from './values.js';
export type { ValueType } from './values.js';
export { Channel } from './channel.js';
export type { ChannelOptions, ChannelUse } from './channel.js';
export { select, selectAsync } from './select.js';
export type { Selected } from './select.js';
export { Ring } from './ring.js';
export type { RingView } from './ring.js';
