#define _GNU_SOURCE
#include "pod.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Two nsfs descriptors are one namespace if device and inode agree, while both are open. */
static int is_one_namespace(int one, int another, struct failure *failure) {
  struct stat a, b;
  if (fstat(one, &a) < 0 || fstat(another, &b) < 0) return failed(failure, "fstat");
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int open_inside(int target, int allow_host, int parts, struct bundle *bundle, struct failure *failure) {
  struct visit visit;
  if (visit_begin(&visit, target, failure) < 0) return -1;
  int own = is_one_namespace(visit.home, target, failure);
  int outcome = own < 0 ? -1 : own && !allow_host ? POD_IS_HOST : bundle_open_here(bundle, parts, failure);
  visit_end(&visit);
  return outcome;
}

int pod_open(const char *path, int allow_host, int parts, struct bundle *bundle, struct failure *failure) {
  /* O_NONBLOCK: a FIFO in place of the namespace must not hold us. */
  int target = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (target < 0) return failed(failure, "open");
  int outcome = open_inside(target, allow_host, parts, bundle, failure);
  close(target);
  return outcome;
}
