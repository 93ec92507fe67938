#define _GNU_SOURCE
#include "bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "netlink-socket.h"

static const char OWN_NAMESPACE[] = "/proc/thread-self/ns/net";

const struct bundle bundle_empty = {{-1, -1, -1, -1, -1, -1}};

int failed(struct failure *failure, const char *call) {
  failure->number = errno;
  failure->call = call;
  return -1;
}

static int open_directory(const char *path, struct failure *failure) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return fd < 0 ? failed(failure, "open") : fd;
}

static int open_part(enum bundle_part part, struct failure *failure) {
  switch (part) {
    case PART_NETNS: {
      int fd = open(OWN_NAMESPACE, O_RDONLY | O_CLOEXEC);
      return fd < 0 ? failed(failure, "open") : fd;
    }
    case PART_ROUTE:
      return netlink_request_socket(NETLINK_ROUTE, failure);
    case PART_NETFILTER:
      return netlink_request_socket(NETLINK_NETFILTER, failure);
    case PART_IPV4:
      return open_directory("/proc/sys/net/ipv4", failure);
    case PART_IPV6:
      return open_directory("/proc/sys/net/ipv6", failure);
    case PART_CORE:
      return open_directory("/proc/sys/net/core", failure);
  }
  errno = EINVAL;
  return failed(failure, "open");
}

int bundle_open_here(struct bundle *bundle, struct failure *failure) {
  *bundle = bundle_empty;
  for (int part = 0; part < BUNDLE_SIZE; part++) {
    bundle->fds[part] = open_part(part, failure);
    if (bundle->fds[part] >= 0) continue;
    if (part == PART_IPV6 && failure->number == ENOENT) continue;
    bundle_close(bundle);
    return -1;
  }
  return 0;
}

void bundle_close(struct bundle *bundle) {
  for (int part = 0; part < BUNDLE_SIZE; part++) {
    if (bundle->fds[part] >= 0) close(bundle->fds[part]);
    bundle->fds[part] = -1;
  }
}

static int remember_home(struct visit *visit, struct failure *failure) {
  visit->home = open(OWN_NAMESPACE, O_RDONLY | O_CLOEXEC);
  return visit->home < 0 ? failed(failure, "open") : 0;
}

/* The move itself failed: forget the way back. */
static int stayed_home(struct visit *visit, const char *call, struct failure *failure) {
  failed(failure, call);
  close(visit->home);
  visit->home = -1;
  return -1;
}

int visit_begin(struct visit *visit, int target, struct failure *failure) {
  if (remember_home(visit, failure) < 0) return -1;
  return setns(target, CLONE_NEWNET) < 0 ? stayed_home(visit, "setns", failure) : 0;
}

int visit_begin_new(struct visit *visit, struct failure *failure) {
  if (remember_home(visit, failure) < 0) return -1;
  return unshare(CLONE_NEWNET) < 0 ? stayed_home(visit, "unshare", failure) : 0;
}

void visit_end(struct visit *visit) {
  if (setns(visit->home, CLONE_NEWNET) < 0) abort();
  close(visit->home);
  visit->home = -1;
}
