import { type Heap, HeapError } from '../index.js';
import { type CMalloc, Counts, HeapAsCMalloc, type MallocCounters, type MallocOptions } from './c-malloc.js';

/** The runtime of Emscripten calls them by these names too. */
const ALIAS = 'emscripten_builtin_';

export type MallocImports = CMalloc & { readonly [Name in keyof CMalloc as `${typeof ALIAS}${Name}`]: CMalloc[Name] };

/** The imports of one instance of a module, which is made before anybody can know where its heap may begin. */
export interface WasmMalloc {
  /** Put these into the `env` of the module's imports. */
  readonly imports: MallocImports;
  /** How many calls went where, so far, in this instance. */
  readonly counters: MallocCounters;
  /**
   * From now on the imports are served by this heap, as this thread holds it. Calls before the first `bind` and after
   * `unbind` throw ERR_HEAP_DETACHED. Throws ERR_HEAP_CONFIG for a heap in no WebAssembly.Memory.
   */
  readonly bind: (heap: Heap, options?: MallocOptions) => void;
  readonly unbind: () => void;
}

function refuse(name: string): () => never {
  return () => {
    throw new HeapError('ERR_HEAP_DETACHED', `${name}: called by a module whose imports have no heap; bind one first`);
  };
}

const UNBOUND: CMalloc = {
  malloc: refuse('malloc'),
  free: refuse('free'),
  calloc: refuse('calloc'),
  realloc: refuse('realloc'),
  aligned_alloc: refuse('aligned_alloc'),
  memalign: refuse('memalign'),
  posix_memalign: refuse('posix_memalign'),
  malloc_usable_size: refuse('malloc_usable_size'),
};

/** The memory that a heap lives in and a module can import. Throws ERR_HEAP_CONFIG if it is a SharedArrayBuffer. */
export function memoryOf(heap: Heap): WebAssembly.Memory {
  const { memory } = heap.token;
  if (memory instanceof WebAssembly.Memory) return memory;
  throw new HeapError(
    'ERR_HEAP_CONFIG',
    'a module cannot import the SharedArrayBuffer that this heap lives in; make the heap with the option memory: new WebAssembly.Memory({ shared: true, ... })',
    { option: 'memory' },
  );
}

/** `malloc`, `free` and the rest for one instance of a module. For the thread that calls it. */
export function wasmMalloc(): WasmMalloc {
  const counters = new Counts();
  let bound = UNBOUND;
  // Each takes as many arguments as the module passes, which engines call faster.
  const calls: CMalloc = {
    malloc: (bytes) => bound.malloc(bytes >>> 0),
    free: (address) => {
      bound.free(address >>> 0);
    },
    calloc: (count, bytes) => bound.calloc(count >>> 0, bytes >>> 0),
    realloc: (address, bytes) => bound.realloc(address >>> 0, bytes >>> 0),
    aligned_alloc: (alignment, bytes) => bound.aligned_alloc(alignment >>> 0, bytes >>> 0),
    memalign: (alignment, bytes) => bound.memalign(alignment >>> 0, bytes >>> 0),
    posix_memalign: (out, alignment, bytes) => bound.posix_memalign(out >>> 0, alignment >>> 0, bytes >>> 0),
    malloc_usable_size: (address) => bound.malloc_usable_size(address >>> 0),
  };
  const aliases = Object.entries(calls).map(([name, call]) => [`${ALIAS}${name}`, call as unknown]);
  return {
    imports: { ...calls, ...Object.fromEntries(aliases) } as MallocImports,
    counters,
    bind(heap, options = {}) {
      bound = new HeapAsCMalloc(heap, memoryOf(heap), counters, options);
    },
    unbind() {
      bound = UNBOUND;
    },
  };
}
