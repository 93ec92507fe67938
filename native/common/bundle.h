/*
 * A network namespace as a bundle of descriptors. Whoever may enter the namespace opens the bundle; whoever
 * holds it can configure the namespace without entering: netlink sockets keep the namespace they were opened
 * in, and directories under /proc/sys/net keep the namespace of the thread that opened them.
 */
#pragma once

#include "failure.h"

/* Positions in bundle.fds; also the order on the wire between shim and agent. From PART_IPV4 on, directories. */
enum bundle_part { PART_NETNS, PART_ROUTE, PART_NETFILTER, PART_IPV4, PART_IPV6 };

/*
 * The parts that tell one namespace from another, those that nearly every attachment needs, and all: with those sysctls
 * that one network in a thousand sets. To open one more is not free: it takes the longer the more namespaces there are
 * (open_directory).
 */
enum { BUNDLE_IDENTITY = PART_ROUTE + 1, BUNDLE_BASIC = PART_IPV6 + 1, BUNDLE_SIZE = 14 };

/* On the wire; those of directories are also their names below /proc/sys/net. */
extern const char bundle_names[BUNDLE_SIZE][11];

struct bundle {
  int fds[BUNDLE_SIZE]; /* -1 where absent: from PART_IPV6 on, where the kernel has no such directory */
};

/* Nothing is open. */
void bundle_clear(struct bundle *bundle);
/*
 * Opens the first `count` parts in the namespace of the calling thread. On failure nothing stays open; returns 0
 * or -1.
 */
int bundle_open_here(struct bundle *bundle, int count, struct failure *failure);
void bundle_close(struct bundle *bundle);

/* A visit to another namespace by the calling thread alone; `home` is the way back. */
struct visit {
  int home;
};

/*
 * Enters namespace `target` (an nsfs descriptor): setns(2). Returns 0 or -1, then the thread has not moved.
 */
int visit_begin(struct visit *visit, int target, struct failure *failure);
/* Enters a new, empty namespace: unshare(2). */
int visit_begin_new(struct visit *visit, struct failure *failure);
/* Goes home. A thread that cannot must not go on in the wrong namespace: aborts the process. */
void visit_end(struct visit *visit);
