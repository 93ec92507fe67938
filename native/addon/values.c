#include "values.h"

#include <errno.h>
#include <string.h>

struct call call_begin(napi_env env, napi_callback_info info) {
  struct call call = {.env = env, .count = MAX_ARGUMENTS};
  if (napi_get_cb_info(env, info, &call.count, call.arguments, NULL, NULL) != napi_ok) call.refused = true;
  return call;
}

static void refuse(struct call *call, const char *expected) {
  if (!call->refused) napi_throw_type_error(call->env, NULL, expected);
  call->refused = true;
}

int call_int(struct call *call, size_t index) {
  int32_t value = 0;
  if (napi_get_value_int32(call->env, call->arguments[index], &value) != napi_ok)
    refuse(call, "expected an integer");
  return value;
}

bool call_bool(struct call *call, size_t index) {
  bool value = false;
  if (napi_get_value_bool(call->env, call->arguments[index], &value) != napi_ok)
    refuse(call, "expected a boolean");
  return value;
}

struct bytes call_bytes(struct call *call, size_t index) {
  struct bytes bytes = {NULL, 0};
  void *data = NULL;
  napi_typedarray_type type;
  napi_status status = napi_get_typedarray_info(call->env, call->arguments[index], &type, &bytes.length, &data,
                                                NULL, NULL);
  if (status != napi_ok || type != napi_uint8_array)
    refuse(call, "expected a Uint8Array");
  bytes.data = data;
  return bytes;
}

void call_text(struct call *call, size_t index, char *text, size_t size) {
  size_t length = 0;
  text[0] = '\0';
  if (napi_get_value_string_utf8(call->env, call->arguments[index], NULL, 0, &length) != napi_ok)
    return refuse(call, "expected a string");
  if (length >= size) return refuse(call, "string too long");
  napi_get_value_string_utf8(call->env, call->arguments[index], text, size, &length);
  if (strlen(text) != length) refuse(call, "string with a NUL inside");
}

unsigned call_unsigneds(struct call *call, size_t index, unsigned *values, unsigned limit) {
  uint32_t count = 0;
  if (napi_get_array_length(call->env, call->arguments[index], &count) != napi_ok || count > limit) {
    refuse(call, "expected a short array of integers");
    return 0;
  }
  for (uint32_t i = 0; i < count; i++) {
    napi_value item;
    if (napi_get_element(call->env, call->arguments[index], i, &item) != napi_ok ||
        napi_get_value_uint32(call->env, item, &values[i]) != napi_ok)
      refuse(call, "expected an array of integers");
  }
  return call->refused ? 0 : count;
}

bool call_is_null(struct call *call, size_t index) {
  napi_valuetype type = napi_undefined;
  napi_typeof(call->env, call->arguments[index], &type);
  return type == napi_null || type == napi_undefined;
}

napi_value failure_error(napi_env env, const struct failure *failure) {
  napi_value error = NULL;
  napi_create_error(env, NULL, text_value(env, strerror(failure->number)), &error);
  napi_set_named_property(env, error, "errno", int_value(env, failure->number));
  napi_set_named_property(env, error, "syscall", text_value(env, failure->call));
  return error;
}

napi_value throw_failure(napi_env env, const struct failure *failure) {
  napi_throw(env, failure_error(env, failure));
  return NULL;
}

napi_value throw_errno(napi_env env, const char *call) {
  struct failure failure;
  failed(&failure, call);
  return throw_failure(env, &failure);
}

napi_value int_value(napi_env env, int value) {
  napi_value result = NULL;
  napi_create_int32(env, value, &result);
  return result;
}

napi_value bool_value(napi_env env, bool value) {
  napi_value result = NULL;
  napi_get_boolean(env, value, &result);
  return result;
}

napi_value ints_value(napi_env env, const int *values, size_t count) {
  napi_value result = NULL;
  napi_create_array_with_length(env, count, &result);
  for (size_t i = 0; i < count; i++) napi_set_element(env, result, (uint32_t)i, int_value(env, values[i]));
  return result;
}

napi_value text_value(napi_env env, const char *text) {
  napi_value result = NULL;
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &result);
  return result;
}

napi_value bytes_value(napi_env env, const void *data, size_t length) {
  void *copy = NULL;
  napi_value buffer = NULL, result = NULL;
  if (napi_create_arraybuffer(env, length, &copy, &buffer) != napi_ok) return NULL;
  if (length > 0) memcpy(copy, data, length);
  napi_create_typedarray(env, napi_uint8_array, length, buffer, 0, &result);
  return result;
}

napi_value undefined_value(napi_env env) {
  napi_value result = NULL;
  napi_get_undefined(env, &result);
  return result;
}

napi_value array_value(napi_env env, const napi_value *items, size_t count) {
  napi_value result = NULL;
  napi_create_array_with_length(env, count, &result);
  for (size_t i = 0; i < count; i++) napi_set_element(env, result, (uint32_t)i, items[i]);
  return result;
}
