import { type Heap, HeapError, type HeapErrorCode, TINY_MAX_BYTES } from '../index.js';

/**
 * The calls of C, as a wasm32 module imports them: addresses and sizes are i32, meant unsigned. A request that finds no room
 * returns 0, as in C. `free`, `realloc` and `malloc_usable_size` of an address within the heap that is no live block's start
 * throw the HeapError of the heap, which the code that called into the module catches; the heap is as it was.
 */
export interface CMalloc {
  malloc(bytes: number): number;
  free(address: number): void;
  calloc(count: number, bytes: number): number;
  /** `realloc(p, 0)` keeps a block of size 0: programs that take 0 for a failure would free `p` a second time. */
  realloc(address: number, bytes: number): number;
  /** 0 for an alignment that is no power of two. `bytes` need not be a multiple of it. */
  aligned_alloc(alignment: number, bytes: number): number;
  memalign(alignment: number, bytes: number): number;
  /** Writes the address to `out` and returns 0, or leaves it as it was and returns EINVAL or ENOMEM of WASI. */
  posix_memalign(out: number, alignment: number, bytes: number): number;
  malloc_usable_size(address: number): number;
}

/** Another allocator over the same memory, such as the module's own. Called as C would: what it returns is taken as unsigned. */
export interface Fallback {
  malloc(bytes: number): number;
  free(address: number): void;
  calloc(count: number, bytes: number): number;
  realloc(address: number, bytes: number): number;
  aligned_alloc?(alignment: number, bytes: number): number;
  malloc_usable_size?(address: number): number;
}

export interface MallocOptions {
  /** Serves what the heap does not, and gets the addresses outside the heap. */
  readonly fallback?: Fallback | undefined;
  /**
   * `tiny`: requests of more than TINY_MAX_BYTES go to the fallback. `all`: only those that the heap has no room for.
   * Default: `tiny` if there is a fallback, for that changes least of what the module does today; `all` if there is none.
   */
  readonly serve?: 'all' | 'tiny' | undefined;
  /** Without a fallback, addresses outside the heap throw instead of being left alone. Default: false. */
  readonly strict?: boolean | undefined;
}

/** How many calls went where. Calls with a null address to `free` and `malloc_usable_size`, and calls that threw, are in none of them. */
export interface MallocCounters {
  /** Done by the heap. */
  readonly served: number;
  /** Done by the fallback, well or badly. */
  readonly passedOn: number;
  /** Done by nobody: requests that returned 0 or an error number, addresses outside the heap that were left alone. */
  readonly refused: number;
}

/** Error numbers of WASI, which wasi-libc and Emscripten share. */
const enum Errno {
  EINVAL = 28,
  ENOMEM = 48,
}

const SIZE_MAX = 2 ** 32 - 1;
/** Of wasm32. */
const POINTER_BYTES = 4;

function isPowerOfTwo(value: number): boolean {
  return value !== 0 && (value & (value - 1)) === 0;
}

/** Anything but these errors is none that a null pointer could tell. */
function expectOnly(code: HeapErrorCode, error: unknown): void {
  if (!(error instanceof HeapError) || error.code !== code) throw error;
}

/** Where a call went. */
const enum Count {
  SERVED,
  PASSED_ON,
  REFUSED,
  LENGTH,
}

/** Counts the calls of one instance, whichever heaps it had. */
export class Counts implements MallocCounters {
  // Of floats, which hold any count: numbers in fields of their own would be allocated anew beyond 31 bits.
  private readonly calls = new Float64Array(Count.LENGTH);

  get served(): number {
    return this.calls[Count.SERVED];
  }

  get passedOn(): number {
    return this.calls[Count.PASSED_ON];
  }

  get refused(): number {
    return this.calls[Count.REFUSED];
  }

  serve(answer: number): number {
    this.calls[Count.SERVED]++;
    return answer;
  }

  /** What a fallback answered is signed, as WebAssembly hands out i32. */
  passOn(answer: number): number {
    this.calls[Count.PASSED_ON]++;
    return answer >>> 0;
  }

  refuse(answer: number): number {
    this.calls[Count.REFUSED]++;
    return answer;
  }
}

/**
 * Requests that go to the fallback unasked after the heap was full: it takes a heap of 64 MiB a millisecond to be sure that it
 * has no room, for it looks everywhere.
 */
const REQUESTS_PASSED_BY = 1000;

/** The calls of C over one heap. Arguments are unsigned already. */
export class HeapAsCMalloc implements CMalloc {
  private readonly heap: Heap;
  private readonly memory: WebAssembly.Memory;
  private readonly counts: Counts;
  private readonly fallback: Fallback | undefined;
  private readonly isStrict: boolean;
  private readonly begin: number;
  private readonly extentBytes: number;
  /** Largest request that the heap is asked for. */
  private readonly mostBytes: number;
  /** Requests that still go past the heap. */
  private passedBy = 0;

  constructor(heap: Heap, memory: WebAssembly.Memory, counts: Counts, options: MallocOptions) {
    const { fallback, strict = false, serve = fallback === undefined ? 'all' : 'tiny' } = options;
    const choices: readonly string[] = fallback === undefined ? ['all'] : ['all', 'tiny'];
    if (!choices.includes(serve))
      throw new HeapError(
        'ERR_HEAP_CONFIG',
        `serve is ${JSON.stringify(serve)}; it must be "all", or "tiny" where a fallback takes larger requests`,
        { option: 'serve', value: serve },
      );
    const { begin, end } = heap.bounds;
    this.heap = heap;
    this.memory = memory;
    this.counts = counts;
    this.fallback = fallback;
    this.isStrict = strict && fallback === undefined;
    this.begin = begin;
    this.extentBytes = end - begin;
    this.mostBytes = serve === 'tiny' ? TINY_MAX_BYTES : SIZE_MAX;
  }

  malloc(bytes: number): number {
    if (this.isForHeap(bytes)) {
      try {
        return this.counts.serve(this.heap.malloc(bytes));
      } catch (error) {
        this.noteFull(error);
      }
    }
    const { fallback, counts } = this;
    return fallback === undefined ? counts.refuse(0) : counts.passOn(fallback.malloc(bytes));
  }

  calloc(count: number, bytes: number): number {
    const { fallback, counts } = this;
    // Rounded where it takes more than 53 bits, but never down to a size that there is.
    const total = count * bytes;
    if (this.isForHeap(total)) {
      try {
        return counts.serve(this.heap.calloc(total));
      } catch (error) {
        this.noteFull(error);
      }
    }
    return fallback === undefined ? counts.refuse(0) : counts.passOn(fallback.calloc(count, bytes));
  }

  free(address: number): void {
    if (address === 0) return;
    const { fallback, counts } = this;
    if (this.owns(address)) {
      this.heap.free(address);
      counts.serve(0);
    } else if (fallback !== undefined) {
      fallback.free(address);
      counts.passOn(0);
    } else counts.refuse(0);
  }

  realloc(address: number, bytes: number): number {
    if (address === 0) return this.malloc(bytes);
    const { fallback, counts } = this;
    if (!this.owns(address))
      return fallback === undefined ? counts.refuse(0) : counts.passOn(fallback.realloc(address, bytes));
    if (this.isForHeap(bytes) || this.fitsInPlace(address, bytes)) {
      try {
        return counts.serve(this.heap.realloc(address, bytes));
      } catch (error) {
        this.noteFull(error);
      }
    }
    return fallback === undefined ? counts.refuse(0) : this.moveOut(fallback, address, bytes);
  }

  aligned_alloc(alignment: number, bytes: number): number {
    const { fallback, counts } = this;
    if (!isPowerOfTwo(alignment)) return counts.refuse(0);
    if (this.isForHeap(Math.max(alignment, bytes))) {
      const address = this.alignedInHeap(alignment, bytes);
      if (address !== 0) return counts.serve(address);
    }
    if (fallback?.aligned_alloc === undefined) return counts.refuse(0);
    return counts.passOn(fallback.aligned_alloc(alignment, bytes));
  }

  memalign(alignment: number, bytes: number): number {
    return this.aligned_alloc(alignment, bytes);
  }

  posix_memalign(out: number, alignment: number, bytes: number): number {
    const isPlace = out !== 0 && out + POINTER_BYTES <= this.memory.buffer.byteLength;
    if (!isPlace || alignment < POINTER_BYTES || !isPowerOfTwo(alignment)) return this.counts.refuse(Errno.EINVAL);
    const address = this.aligned_alloc(alignment, bytes);
    if (address === 0) return Errno.ENOMEM;
    new DataView(this.memory.buffer).setUint32(out, address, true);
    return 0;
  }

  malloc_usable_size(address: number): number {
    if (address === 0) return 0;
    const { fallback, counts } = this;
    if (this.owns(address)) return counts.serve(this.heap.usableSize(address));
    if (fallback?.malloc_usable_size === undefined) return counts.refuse(0);
    return counts.passOn(fallback.malloc_usable_size(address));
  }

  /** True for what lies between the ends of the region, live block or not: nobody else has memory there. Strict heaps judge every address. */
  private owns(address: number): boolean {
    return (address - this.begin) >>> 0 < this.extentBytes || this.isStrict;
  }

  private isForHeap(bytes: number): boolean {
    if (bytes > this.mostBytes) return false;
    if (this.passedBy === 0) return true;
    this.passedBy--;
    return false;
  }

  /** True for what takes no looking for room. */
  private fitsInPlace(address: number, bytes: number): boolean {
    return bytes <= this.mostBytes && bytes <= this.heap.usableSize(address);
  }

  /** Throws the error on unless it says that there is no room. */
  private noteFull(error: unknown): void {
    expectOnly('ERR_HEAP_OUT_OF_MEMORY', error);
    if (this.fallback !== undefined) this.passedBy = REQUESTS_PASSED_BY;
  }

  /** 0 if there is no room, or if the alignment is beyond what the heap has. */
  private alignedInHeap(alignment: number, bytes: number): number {
    try {
      return this.heap.tryMalloc(bytes, alignment);
    } catch (error) {
      expectOnly('ERR_HEAP_INVALID_ALIGNMENT', error);
      return 0;
    }
  }

  /** Moves a block of the heap to the fallback; if that has no room either, the block is as before. */
  private moveOut(fallback: Fallback, address: number, bytes: number): number {
    const have = this.heap.usableSize(address);
    const moved = this.counts.passOn(fallback.malloc(bytes));
    if (moved === 0) return 0;
    new Uint8Array(this.memory.buffer).copyWithin(moved, address, address + Math.min(have, bytes));
    this.heap.free(address);
    return moved;
  }
}
