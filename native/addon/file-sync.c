#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "aside.h"
#include "host.h"

/* One fdatasync. */
struct sync {
  napi_threadsafe_function done;
  napi_deferred deferred;
  /* Keeps the byte that `told` points to. */
  napi_ref kept;
  uint8_t *told;
  int fd, error;
};

static void *run_sync(void *data) {
  struct sync *sync = data;
  napi_threadsafe_function done = sync->done;
  int outcome;
  do outcome = fdatasync(sync->fd);
  while (outcome < 0 && errno == EINTR);
  sync->error = outcome < 0 ? errno : 0;
  if (outcome == 0) __atomic_store_n(sync->told, 1, __ATOMIC_RELEASE);
  aside_end(done, sync, free);
  return NULL;
}

/* Back on the main thread; without an environment nobody awaits the promise any more. */
static void complete_sync(napi_env env, napi_value unused, void *context, void *data) {
  (void)unused, (void)context;
  struct sync *sync = data;
  const struct failure failure = {sync->error, "fdatasync"};
  if (env != NULL) napi_delete_reference(env, sync->kept);
  if (env != NULL && sync->error == 0) napi_resolve_deferred(env, sync->deferred, undefined_value(env));
  if (env != NULL && sync->error != 0) napi_reject_deferred(env, sync->deferred, failure_error(env, &failure));
  free(sync);
}

/* 0, or an errno; nothing is under way then. */
static int start_sync(napi_env env, struct sync *sync, napi_value told, napi_value *promise) {
  if (napi_create_reference(env, told, 1, &sync->kept) != napi_ok) return ENOMEM;
  int error = napi_create_promise(env, &sync->deferred, promise) == napi_ok
                  ? aside_start(env, run_sync, complete_sync, sync, &sync->done)
                  : ENOMEM;
  if (error != 0) napi_delete_reference(env, sync->kept);
  return error;
}

/*
 * fileSync(fd, told) → Promise<undefined>: fdatasync(2) on a thread of its own. The byte `told` becomes 1 when it has
 * succeeded, which is before the promise can say so.
 */
napi_value file_sync(napi_env env, napi_callback_info info) {
  napi_value promise = NULL;
  struct call call = call_begin(env, info);
  int fd = call_int(&call, 0);
  struct bytes told = call_bytes(&call, 1);
  if (call.refused) return NULL;
  struct sync *sync = calloc(1, sizeof *sync);
  if (sync == NULL || told.length == 0) {
    free(sync);
    errno = sync == NULL ? ENOMEM : EINVAL;
    return throw_errno(env, "start a sync");
  }
  sync->fd = fd;
  sync->told = told.data;
  int error = start_sync(env, sync, call.arguments[1], &promise);
  if (error == 0) return promise;
  free(sync);
  errno = error;
  return throw_errno(env, "start a sync");
}
