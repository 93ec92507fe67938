#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aside.h"
#include "host.h"

/* What a disk may keep waiting, beside the event loop. */
struct file_work {
  struct aside aside; /* first, so that the one is the other's address */
  napi_deferred deferred;
  /* Keeps the byte that `told` points to. */
  napi_ref kept;
  uint8_t *told;
  struct failure failure;
  int fd;
  char path[PATH_MAX];
  size_t length;
  uint8_t content[];
};

static void tell(struct file_work *work, int outcome) {
  if (outcome == 0) __atomic_store_n(work->told, 1, __ATOMIC_RELEASE);
}

static void run_sync(struct aside *aside) {
  struct file_work *work = (struct file_work *)aside;
  int outcome;
  do outcome = fdatasync(work->fd);
  while (outcome < 0 && errno == EINTR);
  tell(work, outcome < 0 ? failed(&work->failure, "fdatasync") : 0);
}

static int write_all(int fd, const uint8_t *bytes, size_t length) {
  while (length > 0) {
    ssize_t written = write(fd, bytes, length);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return -1;
    bytes += written;
    length -= (size_t)written;
  }
  return 0;
}

static void run_create(struct aside *aside) {
  struct file_work *work = (struct file_work *)aside;
  int outcome = 0, fd = open(work->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) {
    failed(&work->failure, "open");
    return;
  }
  if (write_all(fd, work->content, work->length) < 0) {
    outcome = failed(&work->failure, "write");
    unlink(work->path);
  }
  close(fd);
  tell(work, outcome);
}

/* Back on the main thread. */
static void complete(napi_env env, struct aside *aside) {
  struct file_work *work = (struct file_work *)aside;
  napi_delete_reference(env, work->kept);
  if (work->failure.number == 0) napi_resolve_deferred(env, work->deferred, undefined_value(env));
  else napi_reject_deferred(env, work->deferred, failure_error(env, &work->failure));
  free(work);
}

static void drop(struct aside *aside) { free(aside); }

static struct file_work *new_work(void (*run)(struct aside *aside), size_t room) {
  struct file_work *work = calloc(1, sizeof *work + room);
  if (work != NULL) work->aside = (struct aside){.run = run, .complete = complete, .drop = drop};
  return work;
}

/* Takes the work over. */
static napi_value start(napi_env env, struct file_work *work, napi_value told, struct bytes byte) {
  napi_value promise = NULL;
  int error = EINVAL;
  work->told = byte.data;
  if (byte.length > 0 && napi_create_reference(env, told, 1, &work->kept) == napi_ok) {
    error = napi_create_promise(env, &work->deferred, &promise) == napi_ok ? aside_start(env, &work->aside) : ENOMEM;
    if (error == 0) return promise;
    napi_delete_reference(env, work->kept);
  }
  free(work);
  errno = error;
  return throw_errno(env, "start a thread");
}

/*
 * fileSync(fd, told) → Promise<undefined>: fdatasync(2) on another thread. The byte `told` becomes 1 when it has
 * succeeded, which is before the promise can say so.
 */
napi_value file_sync(napi_env env, napi_callback_info info) {
  struct call call = call_begin(env, info);
  int fd = call_int(&call, 0);
  struct bytes told = call_bytes(&call, 1);
  if (call.refused) return NULL;
  struct file_work *work = new_work(run_sync, 0);
  if (work == NULL) return throw_errno(env, "malloc");
  work->fd = fd;
  return start(env, work, call.arguments[1], told);
}

/*
 * fileCreate(path, content, told) → Promise<undefined>: makes a file that is not there, mode 0600, on another thread;
 * nothing is left of one that cannot be written. `told` as above.
 */
napi_value file_create(napi_env env, napi_callback_info info) {
  char path[PATH_MAX];
  struct call call = call_begin(env, info);
  call_text(&call, 0, path, sizeof path);
  struct bytes content = call_bytes(&call, 1);
  struct bytes told = call_bytes(&call, 2);
  if (call.refused) return NULL;
  struct file_work *work = new_work(run_create, content.length);
  if (work == NULL) return throw_errno(env, "malloc");
  strcpy(work->path, path);
  work->length = content.length;
  memcpy(work->content, content.data, content.length);
  return start(env, work, call.arguments[2], told);
}
