#define _GNU_SOURCE
#include "aside.h"

#include <pthread.h>
#include <sched.h>

/* A system call or an exchange needs little. */
enum { STACK_BYTES = 256 << 10 };

/* Best effort: a thread may begin anywhere. */
static void avoid_this_processor(pthread_attr_t *attributes) {
  cpu_set_t allowed;
  int here = sched_getcpu();
  if (here < 0 || sched_getaffinity(0, sizeof allowed, &allowed) < 0) return;
  if (here >= CPU_SETSIZE || !CPU_ISSET(here, &allowed) || CPU_COUNT(&allowed) < 2) return;
  CPU_CLR(here, &allowed);
  pthread_attr_setaffinity_np(attributes, sizeof allowed, &allowed);
}

int aside_start(void *(*run)(void *data), void *data) {
  pthread_t thread;
  pthread_attr_t attributes;
  int error = pthread_attr_init(&attributes);
  if (error != 0) return error;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  avoid_this_processor(&attributes);
  error = pthread_create(&thread, &attributes, run, data);
  pthread_attr_destroy(&attributes);
  return error;
}
