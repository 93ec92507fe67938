/* Threads for one piece of work at a time, beside the event loop and the libuv pool. */
#pragma once

#define NAPI_VERSION 8
#include <node_api.h>

/* To be made part of what a piece of work needs; kept by its owner until `complete` or `drop` is called. */
struct aside {
  void (*run)(struct aside *aside);
  /* On the main thread, after `run`. */
  void (*complete)(napi_env env, struct aside *aside);
  /* Instead of `complete`, on any thread: there is no environment any more. */
  void (*drop)(struct aside *aside);
  napi_threadsafe_function done;
};

/*
 * Runs `run` on a thread that has nothing else to do; 0, or an errno, and nothing is under way then. Such threads are
 * made when all others are busy and end when they have been idle for some seconds: starting one takes the caller 65
 * microseconds, waking one 31. Where there is a choice it is not on the caller's processor: many virtual machines let a
 * thread begin only when the caller there has to wait.
 */
int aside_start(napi_env env, struct aside *aside);
