/*
 * A module's own malloc, as a C library would bring one: first fit over a pool. For one thread; it counts its live blocks,
 * and what it is asked to free that is none of them.
 */
#include <stddef.h>
#include <stdint.h>

enum { POOL_BYTES = 8 << 20, HEADER_BYTES = 16, LIVE = 0x11fe, FREE = 0xf4ee };

struct header {
  uint32_t bytes;
  uint32_t state;
  /* What aligned_alloc put before the block it handed out: how far back the true header is. */
  uint32_t back;
  uint32_t unused;
};

_Alignas(16) static char pool[POOL_BYTES];
static uint32_t used, live_blocks, strays;

__attribute__((export_name("own_live_blocks"))) uint32_t own_live_blocks(void) { return live_blocks; }
__attribute__((export_name("own_strays"))) uint32_t own_strays(void) { return strays; }

static struct header *header_of(void *block) {
  struct header *header = (struct header *)((char *)block - HEADER_BYTES);
  return header->back == 0 ? header : (struct header *)((char *)header - header->back);
}

void *malloc(size_t bytes) {
  if (bytes > POOL_BYTES) return NULL;
  uint32_t need = (bytes + 15) & ~15u;
  for (uint32_t at = 0; at < used;) {
    struct header *header = (struct header *)(pool + at);
    if (header->state == FREE && header->bytes >= need) {
      header->state = LIVE;
      live_blocks++;
      return header + 1;
    }
    at += HEADER_BYTES + header->bytes;
  }
  if (need + HEADER_BYTES > POOL_BYTES - used) return NULL;
  struct header *header = (struct header *)(pool + used);
  *header = (struct header){need, LIVE, 0, 0};
  used += HEADER_BYTES + need;
  live_blocks++;
  return header + 1;
}

void free(void *block) {
  if (block == NULL) return;
  if ((char *)block < pool || (char *)block >= pool + used || header_of(block)->state != LIVE) {
    strays++;
    return;
  }
  header_of(block)->state = FREE;
  live_blocks--;
}

size_t malloc_usable_size(void *block) {
  struct header *header = header_of(block);
  return header->bytes - ((char *)block - (char *)(header + 1));
}

void *calloc(size_t count, size_t bytes) {
  if (bytes != 0 && count > POOL_BYTES / bytes) return NULL;
  char *block = malloc(count * bytes);
  if (block != NULL) __builtin_memset(block, 0, count * bytes);
  return block;
}

void *realloc(void *block, size_t bytes) {
  if (block == NULL) return malloc(bytes);
  size_t have = malloc_usable_size(block);
  if (bytes <= have) return block;
  char *moved = malloc(bytes);
  if (moved == NULL) return NULL;
  __builtin_memcpy(moved, block, have);
  free(block);
  return moved;
}

void *aligned_alloc(size_t alignment, size_t bytes) {
  if (alignment <= 16) return malloc(bytes);
  char *block = malloc(bytes + alignment + HEADER_BYTES);
  if (block == NULL) return NULL;
  char *aligned = (char *)(((uintptr_t)block + HEADER_BYTES + alignment - 1) & ~(alignment - 1));
  ((struct header *)(aligned - HEADER_BYTES))->back = aligned - block;
  return aligned;
}

void *memalign(size_t alignment, size_t bytes) { return aligned_alloc(alignment, bytes); }

int posix_memalign(void **out, size_t alignment, size_t bytes) {
  *out = aligned_alloc(alignment, bytes);
  return *out == NULL ? 48 : 0;
}
