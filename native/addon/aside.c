#define _GNU_SOURCE
#include "aside.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "host.h"

/* A system call or an exchange needs little. */
enum { STACK_BYTES = 256 << 10 };
enum { IDLE_SECONDS = 10 };

/* A thread that waits for work, or is given some. */
struct idler {
  pthread_t thread;
  pthread_cond_t wake;
  struct aside *work;
  struct idler *next;
  /* The processor that it was kept from when it was woken last, or -1. */
  int avoids;
};

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
/* The one that became idle last comes first: it is the most likely to be awake, and others may end. */
static struct idler *idlers;

/* Best effort: a thread may run anywhere. False if there is no choice. */
static bool all_but(int here, cpu_set_t *allowed) {
  if (here < 0 || sched_getaffinity(0, sizeof *allowed, allowed) < 0) return false;
  if (here >= CPU_SETSIZE || !CPU_ISSET(here, allowed) || CPU_COUNT(allowed) < 2) return false;
  CPU_CLR(here, allowed);
  return true;
}

static void forget(struct idler *idler) {
  struct idler **link = &idlers;
  while (*link != idler) link = &(*link)->next;
  *link = idler->next;
}

/* NULL if there has been none for long. */
static struct aside *next_work(struct idler *self) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += IDLE_SECONDS;
  pthread_mutex_lock(&guard);
  self->work = NULL;
  self->next = idlers;
  idlers = self;
  int error = 0;
  while (self->work == NULL && error == 0) error = pthread_cond_timedwait(&self->wake, &guard, &until);
  if (self->work == NULL) forget(self);
  pthread_mutex_unlock(&guard);
  return self->work;
}

/* The last that the thread does with it: `complete` or `drop` frees it. */
static void end(struct aside *aside) {
  napi_threadsafe_function done = aside->done;
  napi_status told = napi_call_threadsafe_function(done, aside, napi_tsfn_blocking);
  if (told != napi_ok) aside->drop(aside);
  /* When the environment goes away, the function goes with it. */
  if (told != napi_closing) napi_release_threadsafe_function(done, napi_tsfn_release);
}

static void *live(void *data) {
  struct idler self = {.thread = pthread_self(), .avoids = -1};
  pthread_condattr_t monotonic;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&self.wake, &monotonic);
  pthread_condattr_destroy(&monotonic);
  for (struct aside *aside = data; aside != NULL; aside = next_work(&self)) {
    aside->run(aside);
    end(aside);
  }
  pthread_cond_destroy(&self.wake);
  return NULL;
}

static int start_thread(struct aside *aside) {
  pthread_t thread;
  pthread_attr_t attributes;
  cpu_set_t others;
  int error = pthread_attr_init(&attributes);
  if (error != 0) return error;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  if (all_but(sched_getcpu(), &others)) pthread_attr_setaffinity_np(&attributes, sizeof others, &others);
  error = pthread_create(&thread, &attributes, live, aside);
  pthread_attr_destroy(&attributes);
  return error;
}

/* Mostly the caller is where it was the last time. */
static void keep_from(struct idler *idler, int here) {
  cpu_set_t others;
  if (here == idler->avoids || !all_but(here, &others)) return;
  if (pthread_setaffinity_np(idler->thread, sizeof others, &others) == 0) idler->avoids = here;
}

/* False if no thread is idle. */
static bool wake_one(struct aside *aside) {
  pthread_mutex_lock(&guard);
  struct idler *idler = idlers;
  if (idler != NULL) {
    idlers = idler->next;
    idler->work = aside;
    keep_from(idler, sched_getcpu());
    pthread_cond_signal(&idler->wake);
  }
  pthread_mutex_unlock(&guard);
  return idler != NULL;
}

/* Back on the main thread. */
static void complete(napi_env env, napi_value unused, void *context, void *data) {
  (void)unused, (void)context;
  struct aside *aside = data;
  if (env == NULL) {
    aside->drop(aside);
    return;
  }
  struct instance *instance = instance_of(env);
  /* Nothing under way keeps the process from ending. */
  if (--instance->asides == 0) napi_unref_threadsafe_function(env, instance->aside_done);
  aside->complete(env, aside);
}

static bool make_done(napi_env env, struct instance *instance) {
  if (instance->aside_done != NULL) return true;
  if (napi_create_threadsafe_function(env, NULL, NULL, text_value(env, "podlace.aside"), 0, 1, NULL, NULL, NULL, complete,
                                      &instance->aside_done) != napi_ok)
    return false;
  napi_unref_threadsafe_function(env, instance->aside_done);
  return true;
}

int aside_start(napi_env env, struct aside *aside) {
  struct instance *instance = instance_of(env);
  if (!make_done(env, instance)) return ENOMEM;
  aside->done = instance->aside_done;
  if (napi_acquire_threadsafe_function(aside->done) != napi_ok) return ENOMEM;
  int error = wake_one(aside) ? 0 : start_thread(aside);
  if (error != 0) {
    napi_release_threadsafe_function(aside->done, napi_tsfn_release);
    return error;
  }
  if (instance->asides++ == 0) napi_ref_threadsafe_function(env, instance->aside_done);
  return 0;
}
