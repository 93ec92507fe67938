#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "../common/bundle.h"
#include "host.h"

enum { PATH_SIZE = 4096, TYPE_SIZE = 64 };

/* fileClose(fd): close(2); of a bad descriptor it throws EBADF, which is a defect of the caller. */
napi_value file_close(napi_env env, napi_callback_info info) {
  struct call call = call_begin(env, info);
  int fd = call_int(&call, 0);
  if (call.refused) return NULL;
  return close(fd) < 0 && errno == EBADF ? throw_errno(env, "close") : NULL;
}

/* fileLock(fd, operation) → false if somebody else holds it and LOCK_NB is set: flock(2). */
napi_value file_lock(napi_env env, napi_callback_info info) {
  int outcome;
  struct call call = call_begin(env, info);
  int fd = call_int(&call, 0), operation = call_int(&call, 1);
  if (call.refused) return NULL;
  do outcome = flock(fd, operation);
  while (outcome < 0 && errno == EINTR);
  if (outcome < 0 && errno != EWOULDBLOCK) return throw_errno(env, "flock");
  return bool_value(env, outcome == 0);
}

/* processorYield(): sched_yield(2), which does not fail. */
napi_value processor_yield(napi_env env, napi_callback_info info) {
  (void)env, (void)info;
  sched_yield();
  return NULL;
}

static const char *optional_text(struct call *call, size_t index, char *text, size_t size) {
  if (call_is_null(call, index)) return NULL;
  call_text(call, index, text, size);
  return text;
}

/* mountFile(source | null, target, type | null, flags, data | null): mount(2), needs CAP_SYS_ADMIN. */
napi_value mount_file(napi_env env, napi_callback_info info) {
  char source[PATH_SIZE], target[PATH_SIZE], type[TYPE_SIZE], data[PATH_SIZE];
  struct call call = call_begin(env, info);
  const char *source_text = optional_text(&call, 0, source, sizeof source);
  call_text(&call, 1, target, sizeof target);
  const char *type_text = optional_text(&call, 2, type, sizeof type);
  int flags = call_int(&call, 3);
  const char *data_text = optional_text(&call, 4, data, sizeof data);
  if (call.refused) return NULL;
  if (mount(source_text, target, type_text, (unsigned)flags, data_text) < 0) return throw_errno(env, "mount");
  return NULL;
}

/* unmountFile(target, flags): umount2(2). */
napi_value unmount_file(napi_env env, napi_callback_info info) {
  char target[PATH_SIZE];
  struct call call = call_begin(env, info);
  call_text(&call, 0, target, sizeof target);
  int flags = call_int(&call, 1);
  if (call.refused) return NULL;
  return umount2(target, flags) < 0 ? throw_errno(env, "umount2") : NULL;
}

/* A TUN device belongs to the namespace its control file was opened in. */
static int open_control(int netns, struct failure *failure) {
  struct visit visit;
  if (netns >= 0 && visit_begin(&visit, netns, failure) < 0) return -1;
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) failed(failure, "open");
  if (netns >= 0) visit_end(&visit);
  return fd;
}

static const char *attach_tun(int fd, struct ifreq *request, int owner, int group) {
  if (ioctl(fd, TUNSETIFF, request) < 0) return "TUNSETIFF";
  if (owner != -1 && ioctl(fd, TUNSETOWNER, (unsigned long)(uid_t)owner) < 0) return "TUNSETOWNER";
  return group != -1 && ioctl(fd, TUNSETGROUP, (unsigned long)(gid_t)group) < 0 ? "TUNSETGROUP" : NULL;
}

/*
 * tunOpen(netnsFd | -1, name, flags, ownerUid | -1, groupGid | -1) → [fd, name]: /dev/net/tun with TUNSETIFF, as
 * `ip tuntap add`; flags are those of linux/if_tun.h. An empty name lets the kernel choose.
 */
napi_value tun_open(napi_env env, napi_callback_info info) {
  struct failure failure;
  struct ifreq request = {0};
  struct call call = call_begin(env, info);
  int netns = call_int(&call, 0);
  call_text(&call, 1, request.ifr_name, sizeof request.ifr_name);
  int flags = call_int(&call, 2), owner = call_int(&call, 3), group = call_int(&call, 4);
  if (call.refused) return NULL;
  int fd = open_control(netns, &failure);
  if (fd < 0) return throw_failure(env, &failure);
  request.ifr_flags = (short)flags;
  const char *refused = attach_tun(fd, &request, owner, group);
  if (refused != NULL) {
    failed(&failure, refused);
    close(fd);
    return throw_failure(env, &failure);
  }
  napi_value parts[] = {int_value(env, fd), text_value(env, request.ifr_name)};
  return array_value(env, parts, 2);
}

/* tunPersist(fd): TUNSETPERSIST, so that the device outlives its descriptors. */
napi_value tun_persist(napi_env env, napi_callback_info info) {
  struct call call = call_begin(env, info);
  int fd = call_int(&call, 0);
  if (call.refused) return NULL;
  return ioctl(fd, TUNSETPERSIST, 1) < 0 ? throw_errno(env, "TUNSETPERSIST") : NULL;
}
