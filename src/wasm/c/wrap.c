/*
 * The heap goes before the malloc that the module has: link with
 *
 *   -Wl,--wrap=malloc,--wrap=free,--wrap=calloc,--wrap=realloc
 *   -Wl,--wrap=aligned_alloc,--wrap=posix_memalign,--wrap=malloc_usable_size
 *
 * and every call from the module's code and its libraries goes to the heap. The module's own are exported, for the
 * `fallback` of wrapModule.
 */
#include "sabmalloc.h"

#define EXPORT(name) __attribute__((export_name(#name)))

void *__wrap_malloc(size_t bytes) { return heap_malloc(bytes); }
void __wrap_free(void *block) { heap_free(block); }
void *__wrap_calloc(size_t count, size_t bytes) { return heap_calloc(count, bytes); }
void *__wrap_realloc(void *block, size_t bytes) { return heap_realloc(block, bytes); }
void *__wrap_aligned_alloc(size_t alignment, size_t bytes) { return heap_aligned_alloc(alignment, bytes); }
int __wrap_posix_memalign(void **out, size_t alignment, size_t bytes) {
  return heap_posix_memalign(out, alignment, bytes);
}
size_t __wrap_malloc_usable_size(void *block) { return heap_malloc_usable_size(block); }

void *__real_malloc(size_t bytes);
void __real_free(void *block);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *block, size_t bytes);
void *__real_aligned_alloc(size_t alignment, size_t bytes);
size_t __real_malloc_usable_size(void *block);

EXPORT(malloc) void *own_malloc(size_t bytes) { return __real_malloc(bytes); }
EXPORT(free) void own_free(void *block) { __real_free(block); }
EXPORT(calloc) void *own_calloc(size_t count, size_t bytes) { return __real_calloc(count, bytes); }
EXPORT(realloc) void *own_realloc(void *block, size_t bytes) { return __real_realloc(block, bytes); }
EXPORT(aligned_alloc) void *own_aligned_alloc(size_t alignment, size_t bytes) {
  return __real_aligned_alloc(alignment, bytes);
}
EXPORT(malloc_usable_size) size_t own_malloc_usable_size(void *block) { return __real_malloc_usable_size(block); }
