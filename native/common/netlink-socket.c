#define _GNU_SOURCE
#include "netlink-socket.h"

#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

/* Limits, not allocations. One acknowledgement counts for about 1 KB in the receive queue. */
enum { SEND_BUFFER = 8 << 20, RECEIVE_BUFFER = 16 << 20 };

/*
 * SO_*BUFFORCE passes the system's limit and needs CAP_NET_ADMIN; without it the limit caps the plain option.
 */
static void set_buffer(int fd, int force, int plain, int bytes) {
  if (setsockopt(fd, SOL_SOCKET, force, &bytes, sizeof bytes) == 0) return;
  (void)setsockopt(fd, SOL_SOCKET, plain, &bytes, sizeof bytes);
}

static int close_failed(int fd, struct failure *failure, const char *call) {
  failed(failure, call);
  close(fd);
  return -1;
}

static int bound_socket(int protocol, struct failure *failure) {
  struct sockaddr_nl local = {.nl_family = AF_NETLINK};
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
  if (fd < 0) return failed(failure, "socket");
  if (bind(fd, (struct sockaddr *)&local, sizeof local) < 0) return close_failed(fd, failure, "bind");
  return fd;
}

int netlink_request_socket(int protocol, struct failure *failure) {
  static const int options[] = {NETLINK_GET_STRICT_CHK, NETLINK_EXT_ACK, NETLINK_CAP_ACK};
  const int on = 1;
  int fd = bound_socket(protocol, failure);
  if (fd < 0) return -1;
  for (unsigned i = 0; i < sizeof options / sizeof *options; i++) {
    if (setsockopt(fd, SOL_NETLINK, options[i], &on, sizeof on) < 0)
      return close_failed(fd, failure, "setsockopt");
  }
  set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, SEND_BUFFER);
  set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, RECEIVE_BUFFER);
  return fd;
}

int netlink_event_socket(int protocol, const unsigned *groups, unsigned group_count, int receive_buffer,
                         struct failure *failure) {
  int fd = bound_socket(protocol, failure);
  if (fd < 0) return -1;
  if (receive_buffer > 0) set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, receive_buffer);
  for (unsigned i = 0; i < group_count; i++) {
    if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i], sizeof groups[i]) < 0)
      return close_failed(fd, failure, "setsockopt");
  }
  return fd;
}
