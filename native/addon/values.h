/*
 * Between JavaScript values and C. Every host function starts with `call_begin`, reads its arguments, and
 * returns NULL at once if `call.refused`: a TypeError is then pending. The one caller is src/sys, so
 * arguments are checked for type only.
 */
#pragma once

#define NAPI_VERSION 8
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../common/failure.h"

enum { MAX_ARGUMENTS = 6 };

struct call {
  napi_env env;
  napi_value arguments[MAX_ARGUMENTS];
  size_t count;
  bool refused;
};

struct bytes {
  uint8_t *data;
  size_t length;
};

struct call call_begin(napi_env env, napi_callback_info info);
int call_int(struct call *call, size_t index);
bool call_bool(struct call *call, size_t index);
/* Points into the JavaScript buffer: valid until the host function returns. */
struct bytes call_bytes(struct call *call, size_t index);
/* Copies a string of less than `size` bytes, without NUL inside, and terminates it. */
void call_text(struct call *call, size_t index, char *text, size_t size);
/* Copies an array of unsigned integers; returns how many. */
unsigned call_unsigneds(struct call *call, size_t index, unsigned *values, unsigned limit);
bool call_is_null(struct call *call, size_t index);

/* Makes an Error with properties `errno` and `syscall`; src/sys turns it into a PodlaceError. */
napi_value failure_error(napi_env env, const struct failure *failure);
/* Throws it; returns NULL so that host functions can write `return throw_failure(...)`. */
napi_value throw_failure(napi_env env, const struct failure *failure);
/* The same from errno. */
napi_value throw_errno(napi_env env, const char *call);

napi_value int_value(napi_env env, int value);
napi_value bool_value(napi_env env, bool value);
napi_value ints_value(napi_env env, const int *values, size_t count);
napi_value text_value(napi_env env, const char *text);
napi_value bytes_value(napi_env env, const void *data, size_t length);
napi_value undefined_value(napi_env env);
/* [first, second, ...] */
napi_value array_value(napi_env env, const napi_value *items, size_t count);
