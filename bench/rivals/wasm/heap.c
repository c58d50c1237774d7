/*
 * The malloc of emscripten, called from JavaScript: exported as it is. The rest makes the threads known to the C library, for
 * a worker that instantiates the module by hand, without the runtime that emscripten writes, has to bring a stack and a
 * thread of its own. pthread_create fills the thread in; its import that would start a worker does nothing.
 */
#include <emscripten.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>

enum { STACK_BYTES = 65536, STACK_ALIGNMENT = 16 };

static void *never_called(void *argument) { return argument; }

EMSCRIPTEN_KEEPALIVE char *rival_stack(void) { return memalign(STACK_ALIGNMENT, STACK_BYTES); }

EMSCRIPTEN_KEEPALIVE char *rival_stack_end(char *stack) { return stack + STACK_BYTES; }

EMSCRIPTEN_KEEPALIVE pthread_t rival_thread(char *stack) {
  pthread_t thread;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstack(&attributes, stack, STACK_BYTES);
  return pthread_create(&thread, &attributes, never_called, NULL) == 0 ? thread : 0;
}

/* realloc to 0 would free; sabmalloc keeps the block. */
EMSCRIPTEN_KEEPALIVE void *rival_realloc(void *block, size_t bytes) { return realloc(block, bytes == 0 ? 1 : bytes); }

EMSCRIPTEN_KEEPALIVE void *rival_memalign(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }
