/** A heap as the `malloc` and `free` of WebAssembly modules over the same memory: docs/WASM.md. */
export { type CMalloc, type Fallback, type MallocCounters, type MallocOptions } from './c-malloc.js';
export { type MallocImports, type WasmMalloc, wasmMalloc } from './imports.js';
export { type HeapInModuleOptions, type WrapOptions, type WrappedModule, wrapModule } from './module.js';
export { enterThread, leaveThread, type ThreadBlocks } from './thread.js';
