/*
 * The benches of this folder against the malloc of the C library: the same pseudo-random numbers, sizes, slots and
 * hand-over, so that its checksum equals that of the JavaScript workers.
 *
 *   bench BENCH workers N slots N rounds N warmup N ops N burst N seed N sizeMin N sizeMax N fifo 0|1 touch 0|1 [plan FILE]
 *         [allocator NAME]
 *
 * Worker 0 is the main thread: with one worker the process has no other, which lets the C library leave out its locks.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

#include "options.h"
#include "allocator.h"
#include "replay.h"

struct worker {
  struct draw draw;
  int index;
  uint64_t opsPerRound;
  uint64_t *starts, *ends;
  struct thread_plan *plan;
};

/* The most slots that the 16 random bits of `churn` can name. */
#define CHURN_SLOTS_MAX 65536

/* A ring from one producer to one consumer; it moves whole batches. */
struct ring {
  pthread_mutex_t lock;
  pthread_cond_t moved;
  uint64_t head, tail;
};

static struct barrier barrier = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0};
static void ***tables;
static struct ring *rings;
static struct replay_plan plan;

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void churn(struct worker *w, void **slots, uint64_t pairs) {
  struct draw d = w->draw;
  const int touch = options.touch;
  const uint32_t count = options.slots;
  for (uint64_t i = 0; i < pairs; i++) {
    step(&d);
    uint32_t slot = ((d.x & 0xffff) * count) >> 16;
    uint32_t size = size_of(&d);
    free(slots[slot]);
    void *block = malloc(size);
    if (block == NULL) abort();
    slots[slot] = block;
    if (touch) touch_block(block, size);
    d.sum += size;
  }
  w->draw = d;
}

/* The same on more slots than 16 bits can name; see churnMany in bench/loops/churn.ts. */
static void churn_many(struct worker *w, void **slots, uint64_t pairs) {
  struct draw d = w->draw;
  const int touch = options.touch;
  const uint64_t count = options.slots;
  for (uint64_t i = 0; i < pairs; i++) {
    step(&d);
    uint32_t slot = (uint32_t)(((uint64_t)(d.x >> 4) * count) >> 28);
    step(&d);
    uint32_t size = size_of(&d);
    free(slots[slot]);
    void *block = malloc(size);
    if (block == NULL) abort();
    slots[slot] = block;
    if (touch) touch_block(block, size);
    d.sum += size;
  }
  w->draw = d;
}

static void churn_bursts(struct worker *w, void **slots, uint64_t pairs) {
  struct draw d = w->draw;
  const int touch = options.touch;
  const uint32_t burst = options.burst, firsts = options.slots - burst + 1;
  for (uint64_t i = 0; i < pairs; i += burst) {
    uint32_t first = ((d.x & 0xffff) * firsts) >> 16;
    for (uint32_t slot = first; slot < first + burst; slot++) free(slots[slot]);
    for (uint32_t slot = first; slot < first + burst; slot++) {
      step(&d);
      uint32_t size = size_of(&d);
      void *block = malloc(size);
      if (block == NULL) abort();
      slots[slot] = block;
      if (touch) touch_block(block, size);
      d.sum += size;
    }
  }
  w->draw = d;
}

static void tiny_hot(struct worker *w, void **slots, uint64_t laps) {
  const uint32_t count = options.slots, size = options.sizeMin;
  const int touch = options.touch;
  for (uint64_t lap = 0; lap < laps; lap++) {
    for (uint32_t slot = 0; slot < count; slot++) {
      void *block = malloc(size);
      if (block == NULL) abort();
      slots[slot] = block;
      if (touch) touch_block(block, size);
    }
    if (options.fifo)
      for (uint32_t slot = 0; slot < count; slot++) free(slots[slot]);
    else
      for (uint32_t slot = count; slot-- > 0;) free(slots[slot]);
  }
  w->draw.sum += size * (uint32_t)(laps * count);
}

static void move_ring(struct ring *ring, uint64_t *counter) {
  pthread_mutex_lock(&ring->lock);
  ++*counter;
  pthread_cond_signal(&ring->moved);
  pthread_mutex_unlock(&ring->lock);
}

static void await_ring(struct ring *ring, uint64_t *counter, uint64_t at_least) {
  pthread_mutex_lock(&ring->lock);
  while (*counter < at_least) pthread_cond_wait(&ring->moved, &ring->lock);
  pthread_mutex_unlock(&ring->lock);
}

static void produce(struct worker *w, struct ring *ring, void **slots, uint64_t batches) {
  struct draw d = w->draw;
  const uint32_t burst = options.burst, room = options.slots / burst;
  const int touch = options.touch;
  for (uint64_t i = 0, at = ring->head; i < batches; i++, at++) {
    if (at >= room) await_ring(ring, &ring->tail, at - room + 1);
    void **slot = slots + (at % room) * burst;
    for (uint32_t k = 0; k < burst; k++) {
      step(&d);
      uint32_t size = size_of(&d);
      slot[k] = malloc(size);
      if (slot[k] == NULL) abort();
      if (touch) touch_block(slot[k], size);
      d.sum += size;
    }
    move_ring(ring, &ring->head);
  }
  w->draw = d;
}

static void consume(struct ring *ring, void **slots, uint64_t batches) {
  const uint32_t burst = options.burst, room = options.slots / burst;
  for (uint64_t i = 0, at = ring->tail; i < batches; i++, at++) {
    await_ring(ring, &ring->head, at + 1);
    void **slot = slots + (at % room) * burst;
    for (uint32_t k = 0; k < burst; k++) free(slot[k]);
    move_ring(ring, &ring->tail);
  }
}

/* Fills a batch for the next worker, then frees one of the worker before. */
static void relay(struct worker *w, uint32_t from, uint64_t batches) {
  for (uint64_t i = 0; i < batches; i++) {
    produce(w, &rings[w->index], tables[w->index], 1);
    consume(&rings[from], tables[from], 1);
  }
}

static void prepare(struct worker *w) {
  if (options.bench != LARSON && options.bench != RANDOM_MIXED) return;
  void **slots = tables[w->index];
  for (uint32_t slot = 0; slot < options.slots; slot++) {
    step(&w->draw);
    uint32_t size = size_of(&w->draw);
    slots[slot] = malloc(size);
    if (slots[slot] == NULL) abort();
    w->draw.sum += size;
  }
}

static void play_round(struct worker *w, uint32_t round) {
  const uint32_t burst = options.burst, pairs = options.workers / 2;
  const uint32_t table = options.bench == LARSON ? (w->index + round) % options.workers : (uint32_t)w->index;
  switch (options.bench) {
    case LARSON:
    case RANDOM_MIXED:
      if (options.slots > CHURN_SLOTS_MAX) churn_many(w, tables[table], w->opsPerRound / 2);
      else (burst == 1 ? churn : churn_bursts)(w, tables[table], w->opsPerRound / 2);
      break;
    case TINY_HOT:
      tiny_hot(w, tables[table], w->opsPerRound / 2 / options.slots);
      break;
    case PRODUCER_CONSUMER:
      if (table < pairs) produce(w, &rings[table], tables[table], w->opsPerRound / burst);
      else consume(&rings[table - pairs], tables[table - pairs], w->opsPerRound / burst);
      break;
    case WORKER_RING:
      relay(w, ((uint32_t)w->index + options.workers - 1) % options.workers, w->opsPerRound / 2 / burst);
      break;
    case REPLAY:
      w->draw.sum += options.workers == 1 && !options.touch ? replay_alone(&plan, w->plan) : replay(&plan, w->plan);
      break;
  }
}

static uint64_t ops_per_round(const struct worker *w) {
  const uint64_t half = (options.ops + 1) / 2, burst = options.burst, slots = options.slots;
  switch (options.bench) {
    case TINY_HOT: return (half + slots - 1) / slots * slots * 2;
    case PRODUCER_CONSUMER: return (options.ops + burst - 1) / burst * burst;
    case REPLAY: return w->plan->eventCount;
    default: return (half + burst - 1) / burst * burst * 2;
  }
}

static void *play(void *argument) {
  struct worker *w = argument;
  prepare(w);
  barrier_wait(&barrier, options.workers);
  for (uint32_t round = 0; round < options.warmup + options.rounds; round++) {
    uint64_t start = now();
    play_round(w, round);
    uint64_t end = now();
    if (round >= options.warmup) {
      w->starts[round - options.warmup] = start;
      w->ends[round - options.warmup] = end;
    }
    barrier_wait(&barrier, options.workers);
    if (options.bench == REPLAY) settle(&plan, w->plan, w->index == 0);
    barrier_wait(&barrier, options.workers);
  }
  return NULL;
}

static void set_up(struct worker *workers) {
  tables = calloc(options.workers, sizeof *tables);
  rings = calloc(options.workers, sizeof *rings);
  if (options.bench == REPLAY) read_plan(&plan, options.plan);
  for (uint32_t i = 0; i < options.workers; i++) {
    struct worker *w = &workers[i];
    if (options.bench != REPLAY) tables[i] = calloc(options.slots + 16, sizeof(void *));
    pthread_mutex_init(&rings[i].lock, NULL);
    pthread_cond_init(&rings[i].moved, NULL);
    w->index = (int)i;
    w->plan = options.bench == REPLAY ? &plan.threads[i] : NULL;
    w->draw = draw_for(i);
    w->starts = calloc(options.rounds, sizeof(uint64_t));
    w->ends = calloc(options.rounds, sizeof(uint64_t));
    w->opsPerRound = ops_per_round(w);
  }
}

static void report(const struct worker *workers) {
  uint64_t ops = 0, nanoseconds = 0;
  uint32_t checksum = 0;
  for (uint32_t round = 0; round < options.rounds; round++) {
    uint64_t first = UINT64_MAX, last = 0;
    for (uint32_t i = 0; i < options.workers; i++) {
      if (workers[i].starts[round] < first) first = workers[i].starts[round];
      if (workers[i].ends[round] > last) last = workers[i].ends[round];
    }
    nanoseconds += last - first;
  }
  for (uint32_t i = 0; i < options.workers; i++) {
    const struct draw *d = &workers[i].draw;
    checksum += (d->sum ^ d->x) * 0x9e3779b1u * (2 * i + 1);
    ops += workers[i].opsPerRound * options.rounds;
  }
  printf("{\"allocator\":\"%s\",", allocator_name(options.allocator));
  printf("\"ops\":%llu,\"seconds\":%.9f,\"checksum\":%u}\n", (unsigned long long)ops, nanoseconds / 1e9, checksum);
}

int main(int count, char **words) {
  read_options(count, words);
  allocator_name(options.allocator);
  struct worker *workers = calloc(options.workers, sizeof *workers);
  pthread_t *threads = calloc(options.workers, sizeof *threads);
  set_up(workers);
  for (uint32_t i = 1; i < options.workers; i++)
    if (pthread_create(&threads[i], NULL, play, &workers[i]) != 0) abort();
  play(&workers[0]);
  for (uint32_t i = 1; i < options.workers; i++) pthread_join(threads[i], NULL);
  report(workers);
  return 0;
}
