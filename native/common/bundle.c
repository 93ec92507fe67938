#define _GNU_SOURCE
#include "bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "netlink-socket.h"

/* A slash tells the directory from the socket. */
const char bundle_names[BUNDLE_SIZE][11] = {"netns", "route",  "netfilter",  "ipv4",  "ipv6", "core", "unix",
                                            "mptcp", "bridge", "netfilter/", "sctp", "mpls", "smc",  "vsock"};

int failed(struct failure *failure, const char *call) {
  failure->number = errno;
  failure->call = call;
  return -1;
}

static int open_path(const char *path, struct failure *failure) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  return fd < 0 ? failed(failure, "open") : fd;
}

/*
 * Not /proc/sys/net for all of them: what is below that belongs to the namespace of whoever looks (proc_sysctl.c). The
 * dentries of one name of all namespaces are in one chain, which a new one searches in vain: open(2) does so once more
 * for the last name of a path, so that is another.
 */
static int open_directory(enum bundle_part part, struct failure *failure) {
  /* Of the slashes some are overwritten, and the others count as one. */
  char path[] = "/proc/sys/net////////////.";
  memcpy(path + sizeof "/proc/sys/net/" - 1, bundle_names[part], strlen(bundle_names[part]));
  return open_path(path, failure);
}

/*
 * By a socket, which takes CAP_NET_ADMIN: /proc has to be made up for a process that has just started, and that takes
 * longer.
 */
static int open_own_namespace(struct failure *failure) {
  int witness = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  /* The plain call: musl's knows how to translate others, and the shim is to be small. */
  int fd = (int)syscall(SYS_ioctl, witness, SIOCGSKNS, 0);
  close(witness);
  return fd >= 0 ? fd : open_path("/proc/thread-self/ns/net", failure);
}

static int open_part(enum bundle_part part, struct failure *failure) {
  if (part == PART_NETNS) return open_own_namespace(failure);
  if (part == PART_ROUTE) return netlink_request_socket(NETLINK_ROUTE, failure);
  if (part == PART_NETFILTER) return netlink_request_socket(NETLINK_NETFILTER, failure);
  return open_directory(part, failure);
}

void bundle_clear(struct bundle *bundle) { memset(bundle->fds, -1, sizeof bundle->fds); }

int bundle_open_here(struct bundle *bundle, int count, struct failure *failure) {
  bundle_clear(bundle);
  for (int part = 0; part < count; part++) {
    bundle->fds[part] = open_part(part, failure);
    if (bundle->fds[part] >= 0) continue;
    if (part >= PART_IPV6 && failure->number == ENOENT) continue;
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
  visit->home = open_own_namespace(failure);
  return visit->home < 0 ? -1 : 0;
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
