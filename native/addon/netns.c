#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../common/bundle.h"
#include "host.h"

enum { PATH_SIZE = 4096 };

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

static napi_value bundle_value(napi_env env, const struct bundle *bundle) {
  return ints_value(env, bundle->fds, BUNDLE_SIZE);
}

/* netnsOwn() → one descriptor, or -1, for each place of a bundle (common/bundle.h), of the calling thread's namespace. */
napi_value netns_own(napi_env env, napi_callback_info info) {
  (void)info;
  struct bundle bundle;
  struct failure failure;
  return bundle_open_here(&bundle, BUNDLE_SIZE, &failure) < 0 ? throw_failure(env, &failure) : bundle_value(env, &bundle);
}

/*
 * Nothing may run between entering and leaving but the opening itself: no allocation by V8, no job for the
 * pool.
 */
static int open_inside(int target, struct bundle *bundle, struct failure *failure) {
  struct visit visit;
  int entered = target < 0 ? visit_begin_new(&visit, failure) : visit_begin(&visit, target, failure);
  if (entered < 0) return -1;
  int outcome = bundle_open_here(bundle, BUNDLE_SIZE, failure);
  visit_end(&visit);
  return outcome;
}

/* netnsOpen(path) → as netnsOwn, of the namespace file at `path`: setns(2), needs CAP_SYS_ADMIN. */
napi_value netns_open(napi_env env, napi_callback_info info) {
  char path[PATH_SIZE];
  struct bundle bundle;
  struct failure failure;
  struct call call = call_begin(env, info);
  call_text(&call, 0, path, sizeof path);
  if (call.refused) return NULL;
  int target = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (target < 0) return throw_errno(env, "open");
  int outcome = open_inside(target, &bundle, &failure);
  close(target);
  return outcome < 0 ? throw_failure(env, &failure) : bundle_value(env, &bundle);
}

/*
 * netnsCreate() → as netnsOwn, of a new namespace without a name: unshare(CLONE_NEWNET), needs CAP_SYS_ADMIN.
 */
napi_value netns_create(napi_env env, napi_callback_info info) {
  (void)info;
  struct bundle bundle;
  struct failure failure;
  return open_inside(-1, &bundle, &failure) < 0 ? throw_failure(env, &failure) : bundle_value(env, &bundle);
}

/* netnsCookie(socketFd) → bigint: SO_NETNS_COOKIE, never reused while the machine runs (the inode is). */
napi_value netns_cookie(napi_env env, napi_callback_info info) {
  uint64_t cookie = 0;
  socklen_t length = sizeof cookie;
  napi_value result = NULL;
  struct call call = call_begin(env, info);
  int fd = call_int(&call, 0);
  if (call.refused) return NULL;
  if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &length) < 0) return throw_errno(env, "getsockopt");
  napi_create_bigint_uint64(env, cookie, &result);
  return result;
}

/*
 * netnsSocket(netnsFd | -1, domain, type, protocol) → fd: socket(2) inside the namespace, or in that of the calling
 * thread; non-blocking.
 */
napi_value netns_socket(napi_env env, napi_callback_info info) {
  struct visit visit;
  struct failure failure;
  struct call call = call_begin(env, info);
  int target = call_int(&call, 0), domain = call_int(&call, 1);
  int type = call_int(&call, 2), protocol = call_int(&call, 3);
  if (call.refused) return NULL;
  if (target >= 0 && visit_begin(&visit, target, &failure) < 0) return throw_failure(env, &failure);
  int fd = socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
  if (fd < 0) failed(&failure, "socket");
  if (target >= 0) visit_end(&visit);
  return fd < 0 ? throw_failure(env, &failure) : int_value(env, fd);
}
