/** What an allocator under test looks like to the loops. Each process measures one, so every call site sees one kind. */
export interface Allocator<B = number> {
  malloc(bytes: number): B;
  free(block: B): void;
}

/** All that a recorded program may have called. */
export interface FullAllocator extends Allocator {
  malloc(bytes: number, alignment?: number): number;
  calloc(bytes: number): number;
  realloc(address: number, bytes: number): number;
}

/** The memory that addresses point into. */
export interface Memory {
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
}

export interface ArrayAllocator {
  alloc(length: number): Float32Array;
  free(array: Float32Array): void;
}
