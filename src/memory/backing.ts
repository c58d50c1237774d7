import { HeapError } from '../base/errors.js';
import { Geometry } from '../layout/geometry.js';

/** What a region can be made of. */
export type Memory = SharedArrayBuffer | WebAssembly.Memory;

const WASM_PAGE_BYTES = 65536;

function isWasmMemory(memory: Memory): memory is WebAssembly.Memory {
  return typeof WebAssembly === 'object' && memory instanceof WebAssembly.Memory;
}

/** The buffer as it is now. A WebAssembly.Memory grown elsewhere shows its new length only after a grow(0) here. */
export function bufferOf(memory: Memory): SharedArrayBuffer {
  if (!isWasmMemory(memory)) return memory;
  memory.grow(0);
  return memory.buffer as unknown as SharedArrayBuffer;
}

/** Makes the buffer at least `bytes` long; false if the runtime or the memory's own maximum refuses. */
export function growBacking(memory: Memory, bytes: number): boolean {
  const missing = bytes - bufferOf(memory).byteLength;
  if (missing <= 0) return true;
  try {
    if (isWasmMemory(memory)) memory.grow(Math.ceil(missing / WASM_PAGE_BYTES));
    else if (memory.growable) memory.grow(bytes);
  } catch {
    // Another worker may have grown it further meanwhile, which a second grow to `bytes` is not allowed to undo.
  }
  return bufferOf(memory).byteLength >= bytes;
}

type Backing = 'growable' | 'wasm' | 'fixed';

function makeGrowable(initialBytes: number, maxBytes: number): Memory | undefined {
  if (typeof SharedArrayBuffer.prototype.grow !== 'function') return undefined;
  return new SharedArrayBuffer(initialBytes, { maxByteLength: maxBytes });
}

function makeWasm(initialBytes: number, maxBytes: number): Memory | undefined {
  if (typeof WebAssembly !== 'object') return undefined;
  const pages = (bytes: number): number => Math.ceil(bytes / WASM_PAGE_BYTES);
  return new WebAssembly.Memory({ initial: pages(initialBytes), maximum: pages(maxBytes), shared: true });
}

const makers: Record<Backing, (initialBytes: number, maxBytes: number) => Memory | undefined> = {
  growable: makeGrowable,
  wasm: makeWasm,
  fixed: (_, maxBytes) => new SharedArrayBuffer(maxBytes),
};

/**
 * Memory of the kind asked for; `auto` is the first kind that the runtime has and grants.
 * Throws ERR_HEAP_CONFIG with the runtime's own words when there is none.
 */
export function makeMemory(backing: Backing | 'auto', initialBytes: number, maxBytes: number): Memory {
  if (typeof SharedArrayBuffer !== 'function')
    throw new HeapError(
      'ERR_HEAP_CONFIG',
      'this runtime has no SharedArrayBuffer; a web page gets it with the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp',
      { option: 'backing', value: backing },
    );
  const candidates: readonly Backing[] = backing === 'auto' ? ['growable', 'wasm', 'fixed'] : [backing];
  let reason: unknown = `this runtime has no ${candidates.join(' or ')} shared memory`;
  for (const candidate of candidates) {
    try {
      const memory = makers[candidate](initialBytes, maxBytes);
      if (memory !== undefined) return memory;
    } catch (error) {
      reason = error;
    }
  }
  throw new HeapError(
    'ERR_HEAP_CONFIG',
    `cannot make a region of maxBytes ${maxBytes} with backing "${backing}": ${String(reason)}; lower maxBytes or choose another backing`,
    { option: 'maxBytes', value: maxBytes, backing, cause: reason },
  );
}

/** Bytes the region may take of memory that the caller owns, from `baseBytes` on. */
export function callerBytes(
  memory: Memory,
  baseBytes: number,
  memoryBytes: number | undefined,
  maxBytes: number | undefined,
): number {
  const existing = bufferOf(memory).byteLength;
  if (memoryBytes !== undefined) return memoryBytes;
  if (maxBytes !== undefined) return maxBytes;
  const end = !isWasmMemory(memory) && memory.growable ? memory.maxByteLength : existing;
  return Math.min(end - baseBytes, Geometry.REGION_MAX_BYTES - baseBytes);
}
