import { type CreateOptions, Heap, HeapError } from '../index.js';
import { type Fallback, type MallocCounters, type MallocOptions } from './c-malloc.js';
import { memoryOf, type WasmMalloc, wasmMalloc } from './imports.js';
import { enterThread, type Exports, leaveThread, missingExport, type ThreadBlocks, valueOf } from './thread.js';

/** What Heap.create takes, less what says where the heap lies. */
export type HeapInModuleOptions = Omit<CreateOptions, 'memory' | 'memoryOffset' | 'memoryBytes' | 'backing'>;

export interface WrapOptions<E extends object = Exports> extends Omit<MallocOptions, 'fallback'> {
  /**
   * For the first instance: the shared memory that the module imports. A heap is made in it, from `__heap_base` on, where the
   * module's static data and its stack end; or, if there is a fallback, in one block of `create.maxBytes` of the fallback.
   */
  readonly memory?: WebAssembly.Memory;
  /** Options of that heap. Give `maxBytes`: how far a memory may grow is not to be seen from outside. */
  readonly create?: HeapInModuleOptions;
  /** For every further instance, in this thread or another: the heap that the first one made, as this thread is attached to it. */
  readonly heap?: Heap;
  /**
   * Bytes of the stack of a further instance, in a block of the heap; 1024 or more, by default 65536. An overflow writes into the
   * blocks below. 0 leaves it the stack of the linker: for the one instance that uses that, over a heap made beforehand.
   */
  readonly stackBytes?: number;
  /** The module's other imports. */
  readonly imports?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** The module's own allocator, out of what it exports. */
  readonly fallback?: (exports: E) => Fallback;
}

export interface WrappedModule<E extends object = Exports> {
  readonly instance: WebAssembly.Instance;
  readonly exports: E;
  readonly heap: Heap;
  /** How many calls of this instance went where, so far. */
  readonly counters: MallocCounters;
  /** Blocks that this instance runs on. A worker that is killed leaves them live, for others to free. */
  readonly blocks: ThreadBlocks;
  /** Frees those blocks, and takes the heap from the instance: it must not be called again. The thread stays attached. */
  readonly release: () => void;
}

/**
 * Instantiates a module whose `malloc` and `free` are those of a heap in the memory that it imports. Call it in every thread
 * that is to run the module, with `memory` in the first and with `heap` in the others. Constructors are not run: call
 * what the linker exports for them (`_initialize`, `__wasm_call_ctors`) in the first. Throws ERR_HEAP_CONFIG, and what
 * Heap.create and the engine throw; a heap given is as before then.
 */
export function wrapModule<E extends object = Exports>(
  module: WebAssembly.Module,
  options: WrapOptions<E>,
): WrappedModule<E> {
  const memory = memoryFor(options);
  const malloc = wasmMalloc();
  const env = { memory, ...malloc.imports, ...options.imports?.['env'] };
  const instance = new WebAssembly.Instance(module, { ...options.imports, env });
  const exports = instance.exports as E & Exports;
  const fallback = options.fallback?.(exports);
  const made = options.heap === undefined ? createHeap(memory, exports, fallback, options.create) : undefined;
  const heap = options.heap ?? made!.heap;
  try {
    checkPlace(heap, exports);
    malloc.bind(heap, { fallback, serve: options.serve, strict: options.strict });
    const blocks = enterThread(heap, exports, options.heap === undefined ? 0 : options.stackBytes);
    return wrapped(instance, exports, heap, malloc, blocks);
  } catch (error) {
    made?.giveUp();
    throw error;
  }
}

function wrapped<E extends object>(
  instance: WebAssembly.Instance,
  exports: E,
  heap: Heap,
  malloc: WasmMalloc,
  blocks: ThreadBlocks,
): WrappedModule<E> {
  let isReleased = false;
  return {
    instance,
    exports,
    heap,
    blocks,
    counters: malloc.counters,
    release() {
      if (isReleased) return;
      isReleased = true;
      malloc.unbind();
      leaveThread(heap, blocks);
    },
  };
}

function memoryFor<E extends object>({ heap, memory, create }: WrapOptions<E>): WebAssembly.Memory {
  if (heap !== undefined && memory === undefined && create === undefined) return memoryOf(heap);
  if (heap === undefined && memory !== undefined) return memory;
  throw new HeapError(
    'ERR_HEAP_CONFIG',
    'wrapModule takes either memory, and makes a heap in it, or heap, and nothing that says how to make one',
    { option: 'memory' },
  );
}

interface MadeHeap {
  readonly heap: Heap;
  /** Leaves the memory as if there had been no heap. */
  giveUp(): void;
}

/** The heap where the module leaves room for one. */
function createHeap(
  memory: WebAssembly.Memory,
  exports: Exports,
  fallback: Fallback | undefined,
  create: HeapInModuleOptions = {},
): MadeHeap {
  if (fallback !== undefined) return createInBlock(memory, fallback, create);
  const base = valueOf(exports, '__heap_base');
  if (base === undefined) throw missingExport('__heap_base', 'so nobody knows where its static data and its stack end');
  return revocable(Heap.create({ ...create, memory, memoryOffset: base }), memory);
}

/** The module's own allocator grows from `__heap_base` on; what it has handed out is the only memory it never touches. */
function createInBlock(memory: WebAssembly.Memory, fallback: Fallback, create: HeapInModuleOptions): MadeHeap {
  const { maxBytes, ...rest } = create;
  if (typeof maxBytes !== 'number')
    throw new HeapError(
      'ERR_HEAP_CONFIG',
      'with a fallback, give create.maxBytes: the heap gets one block of so many bytes from it',
      { option: 'maxBytes', value: maxBytes },
    );
  const address = fallback.malloc(maxBytes) >>> 0;
  if (address === 0)
    throw new HeapError(
      'ERR_HEAP_CONFIG',
      `the fallback has no block of create.maxBytes ${maxBytes} for the heap; lower it, or give the module more memory`,
      { option: 'maxBytes', value: maxBytes },
    );
  try {
    return revocable(Heap.create({ ...rest, memory, memoryOffset: address, memoryBytes: maxBytes }), memory, () => {
      fallback.free(address);
    });
  } catch (error) {
    fallback.free(address);
    throw error;
  }
}

function revocable(heap: Heap, memory: WebAssembly.Memory, giveBack = (): void => undefined): MadeHeap {
  return {
    heap,
    giveUp() {
      heap.detach();
      // Without its first word a region is none, and the memory can be tried again.
      new Int32Array(memory.buffer)[heap.bounds.begin >>> 2] = 0;
      giveBack();
    },
  };
}

/** Throws if the heap lies where the module has its static data, which it has written by now. */
function checkPlace(heap: Heap, exports: Exports): void {
  const base = valueOf(exports, '__heap_base');
  const { begin, end } = heap.bounds;
  if (base === undefined || begin >= base || end <= base) return;
  throw new HeapError(
    'ERR_HEAP_CONFIG',
    `the module's static data and stack end at ${base}, and the heap begins before, at ${begin}, so they overwrite each other; make the heap with the option memoryOffset at ${base} or above`,
    { option: 'memoryOffset', value: begin },
  );
}
