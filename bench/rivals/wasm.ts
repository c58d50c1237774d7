import { readFileSync } from 'node:fs';
import { type FullAllocator, type Memory } from '../allocator.js';
import { AddressEntry } from '../entry.js';

/** Not growable, for an emscripten memory that grows makes every view stale; what is not touched costs nothing. */
export const WASM_MEMORY_BYTES = 2 ** 30;
const WASM_PAGE_BYTES = 65536;

/** What a worker needs to enter the module: the same memory, and a stack and a thread of its own. */
export interface WasmTicket {
  readonly kind: 'wasm';
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly stack: number;
  readonly stackEnd: number;
  readonly thread: number;
}

interface Exports {
  malloc(bytes: number): number;
  free(address: number): void;
  calloc(count: number, bytes: number): number;
  churn(pairs: number, sizeMask: number, seed: number): number;
  rival_realloc(address: number, bytes: number): number;
  rival_memalign(alignment: number, bytes: number): number;
  rival_stack(): number;
  rival_stack_end(stack: number): number;
  rival_thread(stack: number): number;
  __wasm_call_ctors(): void;
  emscripten_main_browser_thread_id(): number;
  emscripten_stack_set_limits(end: number, stack: number): void;
  emscripten_tls_init(): number;
  stackRestore(address: number): void;
  _emscripten_thread_init(thread: number, isMain: number, isRuntime: number, canBlock: number, profile: number): void;
}

/** Most imports are for starting threads and for the main thread of a page: never called. The other two are as emscripten writes them. */
function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): Exports {
  const env: Record<string, unknown> = { memory };
  for (const { name, kind } of WebAssembly.Module.imports(module)) if (kind === 'function') env[name] = () => 0;
  env['emscripten_get_now'] = () => performance.now();
  // memcpy of 512 bytes and more, which realloc needs.
  const bytes = new Uint8Array(memory.buffer);
  env['emscripten_memcpy_big'] = (to: number, from: number, count: number) => {
    bytes.copyWithin(to, from, from + count);
  };
  const { exports } = new WebAssembly.Instance(module, { env, wasi_snapshot_preview1: env });
  return exports as unknown as Exports;
}

/** Sets the memory up and prepares a seat in it for each of `workers`. */
export function wasmTickets(path: string, workers: number): WasmTicket[] {
  const module = new WebAssembly.Module(readFileSync(path));
  const pages = WASM_MEMORY_BYTES / WASM_PAGE_BYTES;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const exports = instantiate(module, memory);
  exports.__wasm_call_ctors();
  exports._emscripten_thread_init(exports.emscripten_main_browser_thread_id(), 0, 1, 1, 0);
  return Array.from({ length: workers }, () => {
    const stack = exports.rival_stack();
    const thread = exports.rival_thread(stack);
    return { kind: 'wasm', module, memory, stack, stackEnd: exports.rival_stack_end(stack), thread };
  });
}

class WasmHeap implements FullAllocator, Memory {
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
  readonly exports: Exports;

  constructor(exports: Exports, { buffer }: WebAssembly.Memory) {
    this.exports = exports;
    this.u8 = new Uint8Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.f64 = new Float64Array(buffer);
  }

  malloc(bytes: number, alignment = 0): number {
    const address = alignment === 0 ? this.exports.malloc(bytes) : this.exports.rival_memalign(alignment, bytes);
    return address === 0 ? outOfMemory(bytes) : address;
  }

  calloc(bytes: number): number {
    const address = this.exports.calloc(1, bytes);
    return address === 0 ? outOfMemory(bytes) : address;
  }

  realloc(address: number, bytes: number): number {
    const moved = this.exports.rival_realloc(address, bytes);
    return moved === 0 ? outOfMemory(bytes) : moved;
  }

  free(address: number): void {
    this.exports.free(address);
  }
}

export function outOfMemory(bytes: number): never {
  throw new Error(`No room for ${bytes} bytes: give this allocator fewer or smaller blocks.`);
}

/** The module as a thread of its own. */
export function enterModule({ module, memory, stack, stackEnd, thread }: WasmTicket): Exports {
  const exports = instantiate(module, memory);
  exports.stackRestore(stackEnd);
  exports.emscripten_stack_set_limits(stackEnd, stack);
  exports._emscripten_thread_init(thread, 0, 0, 1, 0);
  exports.emscripten_tls_init();
  return exports;
}

export function enterWasm(ticket: WasmTicket): AddressEntry {
  return new AddressEntry({ heap: new WasmHeap(enterModule(ticket), ticket.memory), alignment: 8 });
}
