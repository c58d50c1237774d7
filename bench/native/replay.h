/*
 * Replay of a trace that replay-plan.ts prepared and native-plan.ts wrote: what cells, mailboxes, WAIT and PUBLISH mean
 * is said there. The file holds uint32 only:
 *
 *   threads, mailboxes, cells, then per thread: events, leftovers, the events (struct event) and the cells left over.
 */
#ifndef REPLAY_H
#define REPLAY_H

enum { OP_MALLOC = 1, OP_CALLOC, OP_REALLOC, OP_MEMALIGN, OP_FREE, OP_MASK = 7 };
enum { ALIGN_SHIFT = 3, ALIGN_MASK = 31, WAIT = 1 << 8, PUBLISH = 1 << 9, REPORT = 1 << 10 };
enum { WINDOW = 4096, FINISHED = 0x7fffffff, PACE_SPINS = 200 };

struct event {
  uint32_t op, from, to, size, position;
};

struct thread_plan {
  uint32_t eventCount, leftoverCount;
  struct event *events;
  uint32_t *leftovers;
  /* A cache line of its own for what others read. */
  _Alignas(64) _Atomic uint32_t progress;
};

struct replay_plan {
  uint32_t threadCount, mailboxes, cellCount;
  _Atomic(void *) * cells;
  struct thread_plan *threads;
};

static uint32_t *read_words(FILE *file, uint32_t count) {
  uint32_t *words = calloc((size_t)count + 1, sizeof *words);
  if (words == NULL || fread(words, sizeof *words, count, file) != count) fail("cut short", "the plan");
  return words;
}

static void read_plan(struct replay_plan *plan, const char *path) {
  FILE *file = path == NULL ? NULL : fopen(path, "rb");
  if (file == NULL) fail("no plan to read", path == NULL ? "use: plan FILE" : path);
  uint32_t *head = read_words(file, 3);
  plan->threadCount = head[0];
  plan->mailboxes = head[1];
  plan->cellCount = head[2];
  plan->cells = calloc(plan->cellCount, sizeof *plan->cells);
  plan->threads = aligned_alloc(64, plan->threadCount * sizeof *plan->threads);
  for (uint32_t i = 0; i < plan->threadCount; i++) {
    struct thread_plan *t = &plan->threads[i];
    uint32_t *counts = read_words(file, 2);
    t->eventCount = counts[0];
    t->leftoverCount = counts[1];
    t->events = (struct event *)read_words(file, t->eventCount * (sizeof(struct event) / sizeof(uint32_t)));
    t->leftovers = read_words(file, t->leftoverCount);
    t->progress = 0;
    free(counts);
  }
  free(head);
  fclose(file);
}

static uint32_t limit_of(struct replay_plan *plan, struct thread_plan *own) {
  uint32_t slowest = FINISHED - WINDOW;
  for (struct thread_plan *t = plan->threads; t < plan->threads + plan->threadCount; t++) {
    if (t == own) continue;
    uint32_t progress = atomic_load(&t->progress);
    if (progress < slowest) slowest = progress;
  }
  return slowest + WINDOW;
}

static void idle(int tries) {
  static const struct timespec nap = {0, 20000};
  if (tries >= PACE_SPINS) nanosleep(&nap, NULL);
}

static uint32_t wait_for(struct replay_plan *plan, struct thread_plan *own, uint32_t position) {
  atomic_store(&own->progress, position);
  uint32_t limit = limit_of(plan, own);
  for (int tries = 0; limit <= position; limit = limit_of(plan, own)) idle(tries++);
  return limit;
}

static void *await_mailbox(struct replay_plan *plan, struct thread_plan *own, uint32_t mailbox, uint32_t position) {
  void *block = atomic_load(&plan->cells[mailbox]);
  if (block != NULL) return block;
  atomic_store(&own->progress, position);
  for (int tries = 0; block == NULL; block = atomic_load(&plan->cells[mailbox])) idle(tries++);
  return block;
}

static void *allocate(uint32_t op, void *known, size_t size) {
  void *block = NULL;
  switch (op & OP_MASK) {
    case OP_MALLOC: block = malloc(size); break;
    case OP_CALLOC: block = calloc(1, size); break;
    /* realloc to 0 would free; sabmalloc keeps the block. */
    case OP_REALLOC: block = realloc(known, size == 0 ? 1 : size); break;
    default:
      if (posix_memalign(&block, (size_t)1 << ((op >> ALIGN_SHIFT) & ALIGN_MASK), size) != 0) abort();
  }
  if (block == NULL) abort();
  return block;
}

static uint32_t replay(struct replay_plan *plan, struct thread_plan *own) {
  uint32_t sum = 0, limit = 0;
  for (const struct event *e = own->events; e < own->events + own->eventCount; e++) {
    const uint32_t op = e->op, size = e->size, position = e->position;
    if (position >= limit) limit = wait_for(plan, own, position);
    else if (op & REPORT) atomic_store(&own->progress, position);
    sum += size;
    const uint32_t kind = op & OP_MASK;
    void *known = NULL;
    if (kind == OP_FREE || kind == OP_REALLOC)
      known = op & WAIT ? await_mailbox(plan, own, e->from, position)
                        : atomic_load_explicit(&plan->cells[e->from], memory_order_relaxed);
    if (kind == OP_FREE) {
      free(known);
      continue;
    }
    void *block = allocate(op, known, size);
    if (options.touch) touch_block(block, size);
    atomic_store_explicit(&plan->cells[e->to], block, op & PUBLISH ? memory_order_seq_cst : memory_order_relaxed);
  }
  atomic_store(&own->progress, FINISHED);
  return sum;
}

/* The only thread of a replay: as replayAlone() in bench/loops/replay.ts. */
static uint32_t replay_alone(struct replay_plan *plan, struct thread_plan *own) {
  uint32_t sum = 0;
  void **cells = (void **)plan->cells;
  for (const struct event *e = own->events; e < own->events + own->eventCount; e++) {
    sum += e->size;
    switch (e->op & OP_MASK) {
      case OP_FREE: free(cells[e->from]); break;
      case OP_MALLOC:
        if ((cells[e->to] = malloc(e->size)) == NULL) abort();
        break;
      case OP_REALLOC: cells[e->to] = allocate(e->op, cells[e->from], e->size); break;
      default: cells[e->to] = allocate(e->op, NULL, e->size);
    }
  }
  return sum;
}

static void settle(struct replay_plan *plan, struct thread_plan *own, int first) {
  for (uint32_t i = 0; i < own->leftoverCount; i++) free(plan->cells[own->leftovers[i]]);
  if (first) memset((void *)plan->cells, 0, plan->mailboxes * sizeof *plan->cells);
  atomic_store(&own->progress, 0);
}

#endif
