#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "aside.h"
#include "host.h"

/* One fdatasync. */
struct sync {
  napi_threadsafe_function done;
  napi_deferred deferred;
  int fd, error;
};

static void *run_sync(void *data) {
  struct sync *sync = data;
  napi_threadsafe_function done = sync->done;
  int outcome;
  do outcome = fdatasync(sync->fd);
  while (outcome < 0 && errno == EINTR);
  sync->error = outcome < 0 ? errno : 0;
  aside_end(done, sync, free);
  return NULL;
}

/* Back on the main thread; without an environment nobody awaits the promise any more. */
static void complete_sync(napi_env env, napi_value unused, void *context, void *data) {
  (void)unused, (void)context;
  struct sync *sync = data;
  const struct failure failure = {sync->error, "fdatasync"};
  if (env != NULL && sync->error == 0) napi_resolve_deferred(env, sync->deferred, undefined_value(env));
  if (env != NULL && sync->error != 0) napi_reject_deferred(env, sync->deferred, failure_error(env, &failure));
  free(sync);
}

/* 0, or an errno; nothing is under way then. */
static int start_sync(napi_env env, struct sync *sync, napi_value *promise) {
  if (napi_create_promise(env, &sync->deferred, promise) != napi_ok) return ENOMEM;
  return aside_start(env, run_sync, complete_sync, sync, &sync->done);
}

/* fileSync(fd) → Promise<undefined>: fdatasync(2) on a thread of its own. */
napi_value file_sync(napi_env env, napi_callback_info info) {
  napi_value promise = NULL;
  struct call call = call_begin(env, info);
  int fd = call_int(&call, 0);
  if (call.refused) return NULL;
  struct sync *sync = calloc(1, sizeof *sync);
  if (sync == NULL) return throw_errno(env, "malloc");
  sync->fd = fd;
  int error = start_sync(env, sync, &promise);
  if (error == 0) return promise;
  free(sync);
  errno = error;
  return throw_errno(env, "start a sync");
}
