#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>

#include "host.h"
#include "libuv.h"

/*
 * A uv_poll_t and its JavaScript callback. It lives until uv_close has called back: closed by pollClose, or
 * by the environment's end, which waits for it (asynchronous cleanup hook).
 */
struct poll {
  napi_env env;
  napi_ref callback;
  napi_async_context context;
  napi_async_cleanup_hook_handle hook;
  uv_poll_t *handle;
  int events;
  bool closing;
};

static void on_ready(uv_poll_t *handle, int status, int events);

/* Last step of every poll: after this nothing refers to it. */
static void on_closed(uv_handle_t *handle) {
  struct poll *poll = uv_handle_get_data(handle);
  napi_remove_async_cleanup_hook(poll->hook);
  free(poll->handle);
  free(poll);
}

static void close_poll(struct poll *poll) {
  if (poll->closing) return;
  poll->closing = true;
  napi_delete_reference(poll->env, poll->callback);
  napi_async_destroy(poll->env, poll->context);
  uv_poll_stop(poll->handle);
  uv_close((uv_handle_t *)poll->handle, on_closed);
}

static void on_environment_end(napi_async_cleanup_hook_handle hook, void *data) {
  (void)hook;
  close_poll(data);
}

/* Calls JavaScript outside of any call from it: an exception there is an uncaught one. */
static void call_back(struct poll *poll, int events) {
  napi_handle_scope scope;
  napi_env env = poll->env;
  napi_value receiver, function, argument, error;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  argument = int_value(env, events);
  napi_get_reference_value(env, poll->callback, &function);
  napi_get_global(env, &receiver); /* must be an object */
  if (napi_make_callback(env, poll->context, receiver, function, 1, &argument, NULL) ==
          napi_pending_exception &&
      napi_get_and_clear_last_exception(env, &error) == napi_ok)
    napi_fatal_exception(env, error);
  napi_close_handle_scope(env, scope);
}

/*
 * For a descriptor with a pending error (ENOBUFS of a netlink queue, ECONNREFUSED of a datagram socket) libuv
 * stops the handle and says EBADF. The error is read by the callback's next receive, so the handle is started
 * again.
 */
static void on_ready(uv_poll_t *handle, int status, int events) {
  struct poll *poll = uv_handle_get_data((uv_handle_t *)handle);
  if (poll->closing) return;
  if (status < 0) {
    events = UV_READABLE;
    uv_poll_start(handle, poll->events, on_ready);
  }
  call_back(poll, events);
}

static struct poll *allocate_poll(napi_env env) {
  struct poll *poll = calloc(1, sizeof *poll);
  if (poll == NULL) return NULL;
  poll->env = env;
  poll->handle = calloc(1, uv_handle_size(UV_POLL));
  if (poll->handle != NULL) return poll;
  free(poll);
  return NULL;
}

static void free_unstarted(struct poll *poll) {
  free(poll->handle);
  free(poll);
}

/* What can fail without libuv is done before uv_poll_init, so that nothing is half open. */
static bool attach_callback(struct poll *poll, napi_value function) {
  napi_env env = poll->env;
  napi_value name = text_value(env, "podlace.poll");
  if (napi_create_reference(env, function, 1, &poll->callback) != napi_ok) return false;
  if (napi_async_init(env, NULL, name, &poll->context) == napi_ok) return true;
  napi_delete_reference(env, poll->callback);
  return false;
}

static int start_poll(struct poll *poll, int fd) {
  struct uv_loop_s *loop = NULL;
  if (napi_get_uv_event_loop(poll->env, &loop) != napi_ok) return -EINVAL;
  int error = uv_poll_init(loop, poll->handle, fd);
  if (error != 0) return error;
  uv_handle_set_data((uv_handle_t *)poll->handle, poll);
  napi_add_async_cleanup_hook(poll->env, on_environment_end, poll, &poll->hook);
  return 0;
}

static napi_value throw_uv(napi_env env, int error) {
  const struct failure failure = {-error, "uv_poll"};
  return throw_failure(env, &failure);
}

/*
 * pollOpen(fd, events, callback(events)) → handle: uv_poll_init and uv_poll_start (epoll(7),
 * level-triggered). The descriptor stays the caller's, who closes the handle first.
 */
napi_value poll_open(napi_env env, napi_callback_info info) {
  napi_value result = NULL;
  struct call call = call_begin(env, info);
  int fd = call_int(&call, 0), events = call_int(&call, 1);
  if (call.refused) return NULL;
  struct poll *poll = allocate_poll(env);
  if (poll == NULL) return throw_uv(env, -ENOMEM);
  poll->events = events;
  if (!attach_callback(poll, call.arguments[2])) {
    free_unstarted(poll);
    return throw_uv(env, -EINVAL);
  }
  int error = start_poll(poll, fd);
  if (error != 0) {
    napi_delete_reference(env, poll->callback);
    napi_async_destroy(env, poll->context);
    free_unstarted(poll);
    return throw_uv(env, error);
  }
  error = uv_poll_start(poll->handle, events, on_ready);
  if (error == 0 && napi_create_external(env, poll, NULL, NULL, &result) == napi_ok) return result;
  close_poll(poll);
  return throw_uv(env, error != 0 ? error : -ENOMEM);
}

static struct poll *poll_argument(struct call *call) {
  void *poll = NULL;
  if (napi_get_value_external(call->env, call->arguments[0], &poll) == napi_ok) return poll;
  napi_throw_type_error(call->env, NULL, "expected a poll handle");
  return NULL;
}

/* pollClose(handle): uv_close. The handle must not be used again; src/sys forgets it. */
napi_value poll_close(napi_env env, napi_callback_info info) {
  struct call call = call_begin(env, info);
  struct poll *poll = poll_argument(&call);
  if (poll != NULL) close_poll(poll);
  return NULL;
}

/* pollEvents(handle, events): what to wait for from now on, 1 readable, 2 writable. */
napi_value poll_events(napi_env env, napi_callback_info info) {
  struct call call = call_begin(env, info);
  struct poll *poll = poll_argument(&call);
  int events = call_int(&call, 1);
  if (poll == NULL || call.refused) return NULL;
  poll->events = events;
  int error = uv_poll_start(poll->handle, events, on_ready);
  return error == 0 ? NULL : throw_uv(env, error);
}
