#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

/* One exchange on a pool thread. The socket keeps its own namespace, so the thread's does not matter. */
struct exchange {
  napi_async_work work;
  napi_deferred deferred;
  int fd, outcome;
  struct failure failure;
  struct datagrams received;
  size_t length;
  uint8_t request[];
};

static void execute(napi_env env, void *data) {
  (void)env;
  struct exchange *exchange = data;
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

static void release(napi_env env, struct exchange *exchange) {
  if (exchange->work != NULL) napi_delete_async_work(env, exchange->work);
  datagrams_free(&exchange->received);
  free(exchange);
}

/* Cancelled means that the environment goes away: nobody awaits the promise any more. */
static void complete(napi_env env, napi_status status, void *data) {
  struct exchange *exchange = data;
  if (status == napi_ok) settle(env, exchange);
  release(env, exchange);
}

static struct exchange *copy_request(int fd, struct bytes request) {
  struct exchange *exchange = calloc(1, sizeof *exchange + request.length);
  if (exchange == NULL) return NULL;
  exchange->fd = fd;
  exchange->length = request.length;
  if (request.length > 0) memcpy(exchange->request, request.data, request.length);
  return exchange;
}

/* netlinkExchangeInThread(fd, request) → Promise<Uint8Array[]>: as netlinkExchange, in the libuv pool. */
napi_value netlink_exchange_in_thread(napi_env env, napi_callback_info info) {
  napi_value promise = NULL;
  struct call call = call_begin(env, info);
  int fd = call_int(&call, 0);
  struct bytes request = call_bytes(&call, 1);
  if (call.refused) return NULL;
  struct exchange *exchange = copy_request(fd, request);
  if (exchange == NULL) return throw_errno(env, "malloc");
  if (napi_create_promise(env, &exchange->deferred, &promise) != napi_ok ||
      napi_create_async_work(env, NULL, text_value(env, "podlace.netlink"), execute, complete, exchange,
                             &exchange->work) != napi_ok ||
      napi_queue_async_work(env, exchange->work) != napi_ok) {
    release(env, exchange);
    errno = ENOMEM;
    return throw_errno(env, "napi_queue_async_work");
  }
  return promise;
}
