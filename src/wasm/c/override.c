/*
 * malloc and its like are the heap's: for modules without a C library, and with one, whose own they replace. All of them
 * together, for a C library whose malloc is needed for one of them brings the rest along.
 */
#include "sabmalloc.h"

void *malloc(size_t bytes) { return heap_malloc(bytes); }
void free(void *block) { heap_free(block); }
void *calloc(size_t count, size_t bytes) { return heap_calloc(count, bytes); }
void *realloc(void *block, size_t bytes) { return heap_realloc(block, bytes); }
void *aligned_alloc(size_t alignment, size_t bytes) { return heap_aligned_alloc(alignment, bytes); }
void *memalign(size_t alignment, size_t bytes) { return heap_memalign(alignment, bytes); }
int posix_memalign(void **out, size_t alignment, size_t bytes) { return heap_posix_memalign(out, alignment, bytes); }
size_t malloc_usable_size(void *block) { return heap_malloc_usable_size(block); }
