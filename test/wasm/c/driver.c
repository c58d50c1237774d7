/* What the tests call the heap through: each call as it is, addresses that are no block's, and a program that uses them all at random. */
#include <stddef.h>
#include <stdint.h>

void *malloc(size_t bytes);
void free(void *block);
void *calloc(size_t count, size_t bytes);
void *realloc(void *block, size_t bytes);
void *aligned_alloc(size_t alignment, size_t bytes);
void *memalign(size_t alignment, size_t bytes);
int posix_memalign(void **out, size_t alignment, size_t bytes);
size_t malloc_usable_size(void *block);

#define EXPORT(name) __attribute__((export_name(#name)))

EXPORT(c_malloc) void *c_malloc(size_t bytes) { return malloc(bytes); }
EXPORT(c_free) void c_free(void *block) { free(block); }
EXPORT(c_calloc) void *c_calloc(size_t count, size_t bytes) { return calloc(count, bytes); }
EXPORT(c_realloc) void *c_realloc(void *block, size_t bytes) { return realloc(block, bytes); }
EXPORT(c_aligned_alloc) void *c_aligned_alloc(size_t alignment, size_t bytes) { return aligned_alloc(alignment, bytes); }
EXPORT(c_memalign) void *c_memalign(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }
EXPORT(c_posix_memalign) int c_posix_memalign(void **out, size_t alignment, size_t bytes) {
  return posix_memalign(out, alignment, bytes);
}
EXPORT(c_malloc_usable_size) size_t c_malloc_usable_size(void *block) { return malloc_usable_size(block); }

static uint64_t variable[4] = {1, 2, 3, 4};
static _Thread_local uint32_t thread_variable = 42;

EXPORT(static_address) void *static_address(void) { return variable; }
EXPORT(tls_address) uint32_t *tls_address(void) { return &thread_variable; }

/* Frees a variable on the stack, at an address that could be a block's. */
EXPORT(free_local) void free_local(void) {
  _Alignas(16) volatile char local[32];
  local[0] = 1;
  free((void *)local);
}

/* Takes as much of the stack as it is told, and writes all of it. */
EXPORT(use_stack) uint32_t use_stack(uint32_t frames) {
  volatile uint32_t frame[64];
  for (uint32_t i = 0; i < 64; i++) frame[i] = frames + i;
  uint32_t below = frames == 0 ? 0 : use_stack(frames - 1);
  for (uint32_t i = 0; i < 64; i++)
    if (frame[i] != frames + i) return below + 1;
  return below;
}

enum { SLOTS = 256, ALIGNMENT_SHIFT_MAX = 12 };

struct block {
  uint32_t *words;
  uint32_t count;
  uint32_t stamp;
};

static _Thread_local uint32_t state;

static uint32_t next(void) {
  state ^= state << 13;
  state ^= state >> 17;
  return state ^= state << 5;
}

/* Bytes of a request: each power of two as likely as the others. */
static size_t size_below(uint32_t most) {
  uint32_t size = next() >> (next() % 32);
  return size % (most + 1);
}

static void stamp(struct block *block, uint32_t from) {
  for (uint32_t i = from; i < block->count; i++) block->words[i] = block->stamp + i;
}

/* Words that are not what was written there. */
static uint32_t damage(const struct block *block, uint32_t count) {
  uint32_t damaged = 0;
  for (uint32_t i = 0; i < count; i++) damaged += block->words[i] != block->stamp + i;
  return damaged;
}

static void *take_aligned(size_t alignment, size_t bytes) {
  void *block = NULL;
  return posix_memalign(&block, alignment, bytes) == 0 ? block : NULL;
}

static uint32_t take(struct block *block, size_t bytes) {
  uint32_t faults = 0;
  size_t alignment = 16;
  switch (next() % 6) {
  case 0:
    block->words = calloc(1, bytes);
    for (uint32_t i = 0; block->words != NULL && i < bytes / 4; i++) faults += block->words[i] != 0;
    break;
  case 1:
    alignment = (size_t)1 << (next() % (ALIGNMENT_SHIFT_MAX + 1));
    block->words = aligned_alloc(alignment, bytes);
    break;
  case 2:
    alignment = (size_t)4 << (next() % (ALIGNMENT_SHIFT_MAX - 1));
    block->words = take_aligned(alignment, bytes);
    break;
  default:
    block->words = malloc(bytes);
  }
  if (block->words == NULL) return faults;
  faults += (uintptr_t)block->words % alignment != 0;
  faults += malloc_usable_size(block->words) < bytes;
  block->count = bytes / 4;
  block->stamp = next();
  stamp(block, 0);
  return faults;
}

static uint32_t resize(struct block *block, size_t bytes) {
  uint32_t *moved = realloc(block->words, bytes);
  if (moved == NULL) return 0;
  block->words = moved;
  uint32_t kept = bytes / 4 < block->count ? bytes / 4 : block->count;
  uint32_t faults = damage(block, kept);
  block->count = bytes / 4;
  stamp(block, kept);
  return faults;
}

/* So many random calls, by a table of blocks in memory of the heap; returns how many times something was wrong. Frees everything. */
EXPORT(churn) uint32_t churn(uint32_t seed, uint32_t steps, uint32_t most_bytes) {
  state = seed * 2 + 1;
  uint32_t faults = 0;
  struct block *blocks = calloc(SLOTS, sizeof(struct block));
  if (blocks == NULL) return 1;
  for (uint32_t step = 0; step < steps; step++) {
    struct block *block = &blocks[next() % SLOTS];
    size_t bytes = size_below(most_bytes);
    if (block->words == NULL) {
      faults += take(block, bytes);
    } else if (next() % 4 == 0) {
      faults += resize(block, bytes);
    } else {
      faults += damage(block, block->count);
      free(block->words);
      block->words = NULL;
    }
  }
  for (uint32_t slot = 0; slot < SLOTS; slot++) {
    if (blocks[slot].words == NULL) continue;
    faults += damage(&blocks[slot], blocks[slot].count);
    free(blocks[slot].words);
  }
  free(blocks);
  return faults;
}
