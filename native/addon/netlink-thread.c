#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "aside.h"
#include "host.h"

/* One exchange on another thread. The socket keeps its own namespace, so the thread's does not matter. */
struct exchange {
  struct aside aside;   /* on a thread of its own; first, so that the one is the other's address */
  napi_async_work work; /* in the libuv pool */
  napi_deferred deferred;
  int fd, outcome;
  struct failure failure;
  struct datagrams received;
  size_t length;
  uint8_t request[];
};

static void carry_out(struct exchange *exchange) {
  exchange->outcome = datagrams_exchange(&exchange->received, exchange->fd, exchange->request, exchange->length,
                                         &exchange->failure);
}

static void settle(napi_env env, struct exchange *exchange) {
  if (exchange->outcome < 0) {
    napi_reject_deferred(env, exchange->deferred, failure_error(env, &exchange->failure));
    return;
  }
  napi_value result = datagrams_value(env, &exchange->received);
  if (result != NULL) {
    napi_resolve_deferred(env, exchange->deferred, result);
    return;
  }
  const struct failure no_memory = {ENOMEM, "napi_create_arraybuffer"};
  napi_reject_deferred(env, exchange->deferred, failure_error(env, &no_memory));
}

static void release(void *data) {
  struct exchange *exchange = data;
  datagrams_free(&exchange->received);
  free(exchange);
}

static void execute_in_pool(napi_env env, void *data) {
  (void)env;
  carry_out(data);
}

/* Cancelled means that the environment goes away: nobody awaits the promise any more. */
static void complete_in_pool(napi_env env, napi_status status, void *data) {
  struct exchange *exchange = data;
  if (status == napi_ok) settle(env, exchange);
  napi_delete_async_work(env, exchange->work);
  release(exchange);
}

static void run_aside(struct aside *aside) { carry_out((struct exchange *)aside); }

static void complete_aside(napi_env env, struct aside *aside) {
  settle(env, (struct exchange *)aside);
  release(aside);
}

static void drop_aside(struct aside *aside) { release(aside); }

/* 0, or an errno; nothing is under way then. */
static int start_on_thread(napi_env env, struct exchange *exchange) {
  exchange->aside = (struct aside){.run = run_aside, .complete = complete_aside, .drop = drop_aside};
  return aside_start(env, &exchange->aside);
}

/* The same in the libuv pool. */
static int start_in_pool(napi_env env, struct exchange *exchange) {
  if (napi_create_async_work(env, NULL, text_value(env, "podlace.netlink"), execute_in_pool, complete_in_pool,
                             exchange, &exchange->work) != napi_ok)
    return ENOMEM;
  if (napi_queue_async_work(env, exchange->work) == napi_ok) return 0;
  napi_delete_async_work(env, exchange->work);
  return ENOMEM;
}

static struct exchange *copy_request(int fd, struct bytes request) {
  struct exchange *exchange = calloc(1, sizeof *exchange + request.length);
  if (exchange == NULL) return NULL;
  exchange->fd = fd;
  exchange->length = request.length;
  if (request.length > 0) memcpy(exchange->request, request.data, request.length);
  return exchange;
}

static napi_value begin_exchange(napi_env env, napi_callback_info info,
                                 int (*start)(napi_env env, struct exchange *exchange)) {
  napi_value promise = NULL;
  struct call call = call_begin(env, info);
  int fd = call_int(&call, 0);
  struct bytes request = call_bytes(&call, 1);
  if (call.refused) return NULL;
  struct exchange *exchange = copy_request(fd, request);
  if (exchange == NULL) return throw_errno(env, "malloc");
  int error = napi_create_promise(env, &exchange->deferred, &promise) == napi_ok ? start(env, exchange) : ENOMEM;
  if (error == 0) return promise;
  release(exchange);
  errno = error;
  return throw_errno(env, "start an exchange");
}

/* netlinkExchangeInThread(fd, request) → Promise<Uint8Array[]>: as netlinkExchange, in the libuv pool. */
napi_value netlink_exchange_in_thread(napi_env env, napi_callback_info info) {
  return begin_exchange(env, info, start_in_pool);
}

/*
 * netlinkExchangeAside(fd, request) → Promise<Uint8Array[]>: the same on a thread of its own, for what holds a
 * thread for tens of milliseconds; the pool has only four, which the disk needs too.
 */
napi_value netlink_exchange_aside(napi_env env, napi_callback_info info) {
  return begin_exchange(env, info, start_on_thread);
}
