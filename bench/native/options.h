/* Flags, the pseudo-random sequence and the barrier of bench.c. */
#ifndef OPTIONS_H
#define OPTIONS_H

enum bench { LARSON, RANDOM_MIXED, TINY_HOT, PRODUCER_CONSUMER, WORKER_RING, REPLAY };
#define BENCH_COUNT (REPLAY + 1)

static struct {
  enum bench bench;
  uint32_t workers, slots, rounds, warmup, ops, burst, seed, sizeMin, sizeMax, fifo, touch;
  const char *plan;
  /* Whose malloc it has to be. */
  const char *allocator;
} options;

static void fail(const char *what, const char *which) {
  fprintf(stderr, "bench: %s: %s\n", what, which);
  exit(1);
}

static void read_options(int count, char **words) {
  static const char *const benches[] = {"larson", "random-mixed", "tiny-hot", "producer-consumer",
                                       "worker-ring", "replay"};
  const struct {
    const char *name;
    uint32_t *value;
  } flags[] = {
      {"workers", &options.workers}, {"slots", &options.slots},     {"rounds", &options.rounds},
      {"warmup", &options.warmup},   {"ops", &options.ops},         {"burst", &options.burst},
      {"seed", &options.seed},       {"sizeMin", &options.sizeMin}, {"sizeMax", &options.sizeMax},
      {"fifo", &options.fifo},       {"touch", &options.touch},
  };
  if (count < 2) fail("no bench named, try one of larson, random-mixed, tiny-hot", "producer-consumer, worker-ring, replay");
  int bench = 0;
  while (bench < BENCH_COUNT && strcmp(words[1], benches[bench]) != 0) bench++;
  if (bench == BENCH_COUNT) fail("no such bench", words[1]);
  options.bench = (enum bench)bench;
  for (int i = 2; i + 1 < count; i += 2) {
    size_t flag = 0, flagCount = sizeof flags / sizeof *flags;
    while (flag < flagCount && strcmp(words[i], flags[flag].name) != 0) flag++;
    if (flag < flagCount) *flags[flag].value = (uint32_t)strtoul(words[i + 1], NULL, 10);
    else if (strcmp(words[i], "plan") == 0) options.plan = words[i + 1];
    else if (strcmp(words[i], "allocator") == 0) options.allocator = words[i + 1];
    else fail("no such flag", words[i]);
  }
}

/* xorshift32; see draw.ts. */
struct draw {
  uint32_t x, sum, sizeMin, sizeCount, sizeShift;
};

static struct draw draw_for(uint32_t worker) {
  uint32_t x = (options.seed + worker * 0x10001u) * 0x9e3779b1u;
  uint32_t range = options.sizeMax - options.sizeMin + 1, shift = 0;
  while (range > (65536ull << shift)) shift++;
  return (struct draw){x == 0 ? 1 : x, 0, options.sizeMin, range >> shift, shift};
}

static inline void step(struct draw *d) {
  uint32_t x = d->x;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  d->x = x;
}

static inline uint32_t size_of(const struct draw *d) {
  return d->sizeMin + ((((d->x >> 16) * d->sizeCount) >> 16) << d->sizeShift);
}

static inline void touch_block(void *block, uint32_t size) {
  if (size < 4) return;
  /* volatile: written, though nobody reads it. */
  *(volatile uint32_t *)block = size;
  *(volatile uint32_t *)((uintptr_t)block + ((size - 4) & ~3u)) = size;
}

struct barrier {
  pthread_mutex_t lock;
  pthread_cond_t opened;
  uint32_t arrived, generation;
};

/* Looks before a waiting thread goes to sleep, as in bench/barrier.ts: waking it would be timed as work of the round. */
#define SPINS 2000000

static void barrier_wait(struct barrier *b, uint32_t parties) {
  if (parties == 1) return;
  pthread_mutex_lock(&b->lock);
  uint32_t generation = b->generation;
  if (++b->arrived == parties) {
    b->arrived = 0;
    __atomic_store_n(&b->generation, generation + 1, __ATOMIC_SEQ_CST);
    pthread_cond_broadcast(&b->opened);
    pthread_mutex_unlock(&b->lock);
    return;
  }
  pthread_mutex_unlock(&b->lock);
  for (uint32_t spin = 0; spin < SPINS; spin++)
    if (__atomic_load_n(&b->generation, __ATOMIC_SEQ_CST) != generation) return;
  pthread_mutex_lock(&b->lock);
  while (b->generation == generation) pthread_cond_wait(&b->opened, &b->lock);
  pthread_mutex_unlock(&b->lock);
}

#endif
