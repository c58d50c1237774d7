/*
 * malloc and free called from C: the block of a random slot is freed, and one of random size put there. Compiled with each
 * allocator of emscripten, and once with sabmalloc's calls as imports (npm run build:wasm).
 */
#include <stddef.h>
#include <stdint.h>

void *malloc(size_t bytes);
void free(void *block);

enum { SLOTS = 1024, BYTES_MIN = 8 };

static void *slots[SLOTS];

/* `pairs` times malloc and free; sizes are BYTES_MIN to BYTES_MIN + `size_mask`, which is a power of two less 1. */
__attribute__((export_name("churn"))) uint32_t churn(uint32_t pairs, uint32_t size_mask, uint32_t seed) {
  uint32_t x = seed;
  for (uint32_t i = 0; i < pairs; i++) {
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    uint32_t slot = x % SLOTS;
    free(slots[slot]);
    slots[slot] = malloc(BYTES_MIN + (x / SLOTS & size_mask));
  }
  for (uint32_t slot = 0; slot < SLOTS; slot++) {
    free(slots[slot]);
    slots[slot] = NULL;
  }
  return x;
}
