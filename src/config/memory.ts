/** Objects that only inherit from the class throw as soon as they are used. */
function isGenuine(test: () => boolean): boolean {
  try {
    return test();
  } catch {
    return false;
  }
}

export function isSharedBuffer(value: unknown): value is SharedArrayBuffer {
  if (typeof SharedArrayBuffer !== 'function') return false;
  return isGenuine(() => value instanceof SharedArrayBuffer && value.byteLength >= 0);
}

export function isSharedMemory(value: unknown): value is WebAssembly.Memory {
  if (typeof WebAssembly !== 'object') return false;
  return isGenuine(() => value instanceof WebAssembly.Memory && isSharedBuffer(value.buffer) && value.grow(0) >= 0);
}
