/** Data of a heap for calls of the runtime that refuse shared memory: docs/EGRESS.md. */
export { toBlob, toResponse, toStream } from './body.js';
export { digest, randomFill } from './crypto.js';
export { toImageData } from './image.js';
export { type EgressCall, egressSupport } from './support.js';
export { type DecodeTextOptions, decodeText, encodeInto, encodeText } from './text.js';
export { toUnshared, type Unshared, withUnshared } from './unshared.js';
