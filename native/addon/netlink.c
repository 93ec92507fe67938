#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../common/bundle.h"
#include "../common/netlink-socket.h"
#include "host.h"

enum { MAX_GROUPS = 64 };

napi_value datagrams_value(napi_env env, const struct datagrams *datagrams) {
  void *copy = NULL;
  size_t offset = 0;
  napi_value buffer = NULL, result = NULL;
  if (napi_create_array_with_length(env, datagrams->count, &result) != napi_ok) return NULL;
  if (napi_create_arraybuffer(env, datagrams->used, &copy, &buffer) != napi_ok) return NULL;
  if (datagrams->used > 0) memcpy(copy, datagrams->bytes, datagrams->used);
  for (size_t i = 0; i < datagrams->count; i++) {
    napi_value view = NULL;
    napi_create_typedarray(env, napi_uint8_array, datagrams->lengths[i], buffer, offset, &view);
    napi_set_element(env, result, (uint32_t)i, view);
    offset += datagrams->lengths[i];
  }
  return result;
}

/* Opens in the namespace `target`, or in the caller's if it is negative. */
static int open_socket(int target, int protocol, const unsigned *groups, unsigned count, int receive_buffer,
                       struct failure *failure) {
  struct visit visit;
  if (target >= 0 && visit_begin(&visit, target, failure) < 0) return -1;
  int fd = count == 0 ? netlink_request_socket(protocol, failure)
                      : netlink_event_socket(protocol, groups, count, receive_buffer, failure);
  if (target >= 0) visit_end(&visit);
  return fd;
}

/*
 * netlinkOpen(netnsFd | -1, protocol, groups, receiveBufferBytes | 0) → fd: socket(AF_NETLINK). With groups
 * it is an event socket (NETLINK_ADD_MEMBERSHIP, SO_RCVBUFFORCE); without groups it is a request socket.
 */
napi_value netlink_open(napi_env env, napi_callback_info info) {
  struct failure failure;
  unsigned groups[MAX_GROUPS];
  struct call call = call_begin(env, info);
  int target = call_int(&call, 0), protocol = call_int(&call, 1);
  unsigned count = call_unsigneds(&call, 2, groups, MAX_GROUPS);
  int receive_buffer = call_int(&call, 3);
  if (call.refused) return NULL;
  int fd = open_socket(target, protocol, groups, count, receive_buffer, &failure);
  return fd < 0 ? throw_failure(env, &failure) : int_value(env, fd);
}

/*
 * netlinkAdopt(fd) → protocol: a socket that somebody passed. Checks that it is netlink (SO_DOMAIN) and makes
 * it non-blocking; the descriptor stays the caller's.
 */
napi_value netlink_adopt(napi_env env, napi_callback_info info) {
  int domain = 0, protocol = 0;
  socklen_t length = sizeof(int);
  struct call call = call_begin(env, info);
  int fd = call_int(&call, 0);
  if (call.refused) return NULL;
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) < 0 ||
      getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) < 0)
    return throw_errno(env, "getsockopt");
  if (domain != AF_NETLINK) {
    errno = EPROTOTYPE;
    return throw_errno(env, "getsockopt");
  }
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) return throw_errno(env, "fcntl");
  return int_value(env, protocol);
}

/* netlinkPortId(fd) → number: getsockname(2), what replies bear as nlmsg_pid. */
napi_value netlink_port_id(napi_env env, napi_callback_info info) {
  struct sockaddr_nl local = {0};
  socklen_t length = sizeof local;
  napi_value result = NULL;
  struct call call = call_begin(env, info);
  int fd = call_int(&call, 0);
  if (call.refused) return NULL;
  if (getsockname(fd, (struct sockaddr *)&local, &length) < 0) return throw_errno(env, "getsockname");
  napi_create_uint32(env, local.nl_pid, &result);
  return result;
}

/* netlinkExchange(fd, request) → Uint8Array[]: sendto(2), then recvfrom(2) until the queue is empty. */
napi_value netlink_exchange(napi_env env, napi_callback_info info) {
  struct failure failure;
  struct datagrams *received = &instance_of(env)->received;
  struct call call = call_begin(env, info);
  int fd = call_int(&call, 0);
  struct bytes request = call_bytes(&call, 1);
  if (call.refused) return NULL;
  datagrams_clear(received);
  if (datagrams_exchange(received, fd, request.data, request.length, &failure) < 0)
    return throw_failure(env, &failure);
  return datagrams_value(env, received);
}

/*
 * netlinkReceive(fd) → [Uint8Array[], overflow]: recvfrom(2) until the queue is empty; ENOBUFS is the
 * overflow.
 */
napi_value netlink_receive(napi_env env, napi_callback_info info) {
  struct datagrams *received = &instance_of(env)->received;
  struct call call = call_begin(env, info);
  int fd = call_int(&call, 0);
  if (call.refused) return NULL;
  datagrams_clear(received);
  int error = datagrams_receive(received, fd);
  if (error != 0 && error != ENOBUFS && error != EMSGSIZE) {
    errno = error;
    return throw_errno(env, "recvfrom");
  }
  napi_value parts[] = {datagrams_value(env, received), bool_value(env, error != 0)};
  return array_value(env, parts, 2);
}
