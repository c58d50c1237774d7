import { readFileSync } from 'node:fs';
import { type Heap } from 'sabmalloc';
import { type WrapOptions, type WrappedModule, wrapModule } from 'sabmalloc/wasm';
import { afterEach } from 'vitest';
import { leave, MIB } from '../kit/heaps.js';

export const PAGE_BYTES = 65536;
/** What build-wasm.ts tells the linker. */
export const MEMORY_MAX_BYTES = 256 * MIB;

/** The exports of test/wasm/c/driver.c: addresses come out signed, as from any module. */
export interface Driver extends Record<string, unknown> {
  c_malloc(bytes: number): number;
  c_free(address: number): void;
  c_calloc(count: number, bytes: number): number;
  c_realloc(address: number, bytes: number): number;
  c_aligned_alloc(alignment: number, bytes: number): number;
  c_memalign(alignment: number, bytes: number): number;
  c_posix_memalign(out: number, alignment: number, bytes: number): number;
  c_malloc_usable_size(address: number): number;
  static_address(): number;
  tls_address(): number;
  free_local(): void;
  use_stack(frames: number): number;
  churn(seed: number, steps: number, mostBytes: number): number;
}

/** Those of wrapped.wasm: the same, and the malloc of test/wasm/c/own.c. */
export interface Wrapped extends Driver {
  malloc(bytes: number): number;
  free(address: number): void;
  calloc(count: number, bytes: number): number;
  realloc(address: number, bytes: number): number;
  aligned_alloc(alignment: number, bytes: number): number;
  malloc_usable_size(address: number): number;
  own_live_blocks(): number;
  own_strays(): number;
}

const compile = (name: string): WebAssembly.Module =>
  new WebAssembly.Module(readFileSync(new URL(`./${name}.wasm`, import.meta.url)));

export const DRIVER = compile('driver');
export const WRAPPED = compile('wrapped');

export const newMemory = (initialBytes = 4 * MIB, maxBytes = MEMORY_MAX_BYTES): WebAssembly.Memory =>
  new WebAssembly.Memory({ initial: initialBytes / PAGE_BYTES, maximum: maxBytes / PAGE_BYTES, shared: true });

export interface ModulesOfTest {
  driver(options?: WrapOptions<Driver>): WrappedModule<Driver>;
  /** With its own allocator as the fallback; the pool of that has 8 MiB. */
  wrapped(options?: WrapOptions<Wrapped>): WrappedModule<Wrapped>;
}

/** Instances whose heaps are left after each test. */
export function modulesOfTest(): ModulesOfTest {
  const heaps: Heap[] = [];
  afterEach(() => {
    for (const heap of heaps.splice(0)) leave(heap);
  });
  const kept = <E extends object>(made: WrappedModule<E>): WrappedModule<E> => {
    heaps.push(made.heap);
    return made;
  };
  return {
    driver: (options) => kept(wrapModule<Driver>(DRIVER, { ...inNewMemory(options), ...options })),
    wrapped: (options) =>
      kept(
        wrapModule<Wrapped>(WRAPPED, {
          ...inNewMemory(options, 16 * MIB),
          fallback: (exports) => exports,
          ...options,
        }),
      ),
  };
}

function inNewMemory(
  options: WrapOptions<never> | undefined,
  initialBytes?: number,
): Pick<WrapOptions, 'memory' | 'create'> {
  if (options?.heap !== undefined) return {};
  return { memory: newMemory(initialBytes), create: { maxBytes: 4 * MIB } };
}
