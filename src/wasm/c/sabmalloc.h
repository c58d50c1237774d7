/* The calls of a heap of sabmalloc, as imports of a WebAssembly module: `env.malloc` and so on, from wrapModule or wasmMalloc. */
#ifndef SABMALLOC_H
#define SABMALLOC_H

#include <stddef.h>

#define SABMALLOC_IMPORT(name) __attribute__((import_module("env"), import_name(#name)))

SABMALLOC_IMPORT(malloc) void *heap_malloc(size_t bytes);
SABMALLOC_IMPORT(free) void heap_free(void *block);
SABMALLOC_IMPORT(calloc) void *heap_calloc(size_t count, size_t bytes);
SABMALLOC_IMPORT(realloc) void *heap_realloc(void *block, size_t bytes);
SABMALLOC_IMPORT(aligned_alloc) void *heap_aligned_alloc(size_t alignment, size_t bytes);
SABMALLOC_IMPORT(memalign) void *heap_memalign(size_t alignment, size_t bytes);
SABMALLOC_IMPORT(posix_memalign) int heap_posix_memalign(void **out, size_t alignment, size_t bytes);
SABMALLOC_IMPORT(malloc_usable_size) size_t heap_malloc_usable_size(void *block);

#endif
