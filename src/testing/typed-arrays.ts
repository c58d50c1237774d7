import { type TypedArrayConstructor } from '../index.js';

const NAMES = [
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Float16Array',
  'Int32Array',
  'Uint32Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
];

/** Every typed array constructor of this runtime. Float16Array is younger than the oldest node we run on. */
export const TYPES: readonly TypedArrayConstructor[] = NAMES.flatMap((name) => {
  const type = (globalThis as unknown as Record<string, TypedArrayConstructor | undefined>)[name];
  return type === undefined ? [] : [type];
});
