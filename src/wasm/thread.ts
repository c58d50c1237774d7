import { type Heap, HeapError } from '../index.js';

export type Exports = Readonly<Record<string, unknown>>;

/** What wasm-ld gives a module by default. */
const STACK_BYTES = 65536;
/** Less holds hardly a call. */
const STACK_BYTES_MIN = 1024;
/** The stack pointer of wasm32 stays a multiple of this. */
const STACK_ALIGNMENT = 16;

function globalOf(exports: Exports, name: string): WebAssembly.Global | undefined {
  const value = exports[name];
  return typeof value === 'object' && value !== null && 'value' in value ? value : undefined;
}

/** Value of an exported global, as an unsigned number. */
export function valueOf(exports: Exports, name: string): number | undefined {
  const value = globalOf(exports, name)?.value;
  return typeof value === 'number' ? value >>> 0 : undefined;
}

export function missingExport(name: string, what: string): HeapError {
  const reason = `the module exports no ${name}, ${what}; link it with -Wl,--export=${name}`;
  return new HeapError('ERR_HEAP_CONFIG', reason, { option: 'module', value: name });
}

/** Blocks of the heap that one instance of a module runs on. */
export interface ThreadBlocks {
  /** Address of the block with its stack, which begins at the end and grows down; 0 if it runs on the stack that the linker gave the module. */
  readonly stack: number;
  /** Address of the block with its thread-local variables; 0 if the module has none. */
  readonly tls: number;
}

/**
 * Gives an instance a stack and thread-local variables of its own, in blocks of the heap. `stackBytes` is 1024 or more, or 0
 * to leave it the stack of the linker, which one instance over a memory may use. To be called before any function of the
 * instance. Throws ERR_HEAP_CONFIG for another `stackBytes` and for what the module should export and doesn't, and
 * ERR_HEAP_OUT_OF_MEMORY; the heap is as before then.
 */
export function enterThread(heap: Heap, exports: Exports, stackBytes = STACK_BYTES): ThreadBlocks {
  if (!Number.isInteger(stackBytes) || (stackBytes < STACK_BYTES_MIN && stackBytes !== 0))
    throw new HeapError(
      'ERR_HEAP_CONFIG',
      `stackBytes is ${String(stackBytes)}; it must be an integer of at least ${STACK_BYTES_MIN}, or 0 for the stack of the linker`,
      { option: 'stackBytes', value: stackBytes },
    );
  const pointer = globalOf(exports, '__stack_pointer');
  if (stackBytes > 0 && pointer === undefined)
    throw missingExport('__stack_pointer', 'so its instances would share one stack');
  const stack = stackBytes > 0 ? heap.malloc(stackBytes) : 0;
  try {
    const tls = placeTls(heap, exports);
    if (stack > 0 && pointer !== undefined)
      pointer.value = (stack + Math.floor(stackBytes / STACK_ALIGNMENT) * STACK_ALIGNMENT) | 0;
    return { stack, tls };
  } catch (error) {
    heap.free(stack);
    throw error;
  }
}

/** The linker gives every thread but the first nothing, and older ones not even that. */
function placeTls(heap: Heap, exports: Exports): number {
  const bytes = valueOf(exports, '__tls_size') ?? 0;
  const init = exports['__wasm_init_tls'];
  if (bytes === 0) return 0;
  if (typeof init !== 'function') throw missingExport('__wasm_init_tls', 'so its thread-local variables have no place');
  const address = heap.malloc(bytes, valueOf(exports, '__tls_align'));
  (init as (address: number) => void)(address);
  return address;
}

export function leaveThread(heap: Heap, { stack, tls }: ThreadBlocks): void {
  heap.free(stack);
  heap.free(tls);
}
