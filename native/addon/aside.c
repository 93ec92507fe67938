#define _GNU_SOURCE
#include "aside.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "values.h"

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

static int start_thread(void *(*run)(void *data), void *data) {
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

int aside_start(napi_env env, void *(*run)(void *data), napi_threadsafe_function_call_js complete, void *data,
                napi_threadsafe_function *done) {
  if (napi_create_threadsafe_function(env, NULL, NULL, text_value(env, "podlace.aside"), 0, 1, NULL, NULL, NULL, complete,
                                      done) != napi_ok)
    return ENOMEM;
  int error = start_thread(run, data);
  if (error != 0) napi_release_threadsafe_function(*done, napi_tsfn_abort);
  return error;
}

void aside_end(napi_threadsafe_function done, void *data, void (*drop)(void *data)) {
  napi_status told = napi_call_threadsafe_function(done, data, napi_tsfn_blocking);
  if (told != napi_ok) drop(data);
  /* When the environment goes away, the function goes with it. */
  if (told != napi_closing) napi_release_threadsafe_function(done, napi_tsfn_release);
}
