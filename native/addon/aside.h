/* Threads for one piece of work each, beside the event loop and the libuv pool. */
#pragma once

#define NAPI_VERSION 8
#include <node_api.h>

/*
 * Runs `run` on a detached thread with a small stack; 0, or an errno, and nothing is under way then. Where there is a
 * choice it is not on the caller's processor: many virtual machines let a thread begin only when the caller there has to
 * wait. `complete` is called on the main thread once `run` has called `aside_end`; its `env` is NULL when the environment
 * goes away.
 */
int aside_start(napi_env env, void *(*run)(void *data), napi_threadsafe_function_call_js complete, void *data,
                napi_threadsafe_function *done);

/* The last of `run`: hands `data` to `complete`, or to `drop` if there is nobody any more. */
void aside_end(napi_threadsafe_function done, void *data, void (*drop)(void *data));
