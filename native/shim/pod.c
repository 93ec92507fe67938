#define _GNU_SOURCE
#include "pod.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Two nsfs descriptors are one namespace if device and inode agree, while both are open. */
static int is_own_namespace(int fd, struct failure *failure) {
  struct stat own, other;
  if (stat("/proc/thread-self/ns/net", &own) < 0 || fstat(fd, &other) < 0) return failed(failure, "stat");
  return own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

static int open_inside(int target, int parts, struct bundle *bundle, struct failure *failure) {
  struct visit visit;
  if (visit_begin(&visit, target, failure) < 0) return -1;
  int outcome = bundle_open_here(bundle, parts, failure);
  visit_end(&visit);
  return outcome;
}

int pod_open(const char *path, int allow_host, int parts, struct bundle *bundle, struct failure *failure) {
  /* O_NONBLOCK: a FIFO in place of the namespace must not hold us. */
  int target = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (target < 0) return failed(failure, "open");
  int own = is_own_namespace(target, failure);
  int outcome = own < 0 ? -1 : own && !allow_host ? POD_IS_HOST : open_inside(target, parts, bundle, failure);
  close(target);
  return outcome;
}
