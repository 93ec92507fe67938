#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "host.h"
#include "receive.h"

union internet_address {
  struct sockaddr generic;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
};

/* Reads (address text, port) from the arguments at `index`; 0 or the length of the socket address. */
static socklen_t call_address(struct call *call, size_t index, union internet_address *address) {
  char text[INET6_ADDRSTRLEN];
  call_text(call, index, text, sizeof text);
  uint16_t port = htons((uint16_t)call_int(call, index + 1));
  if (call->refused) return 0;
  memset(address, 0, sizeof *address);
  if (inet_pton(AF_INET, text, &address->v4.sin_addr) == 1) {
    address->v4.sin_family = AF_INET;
    address->v4.sin_port = port;
    return sizeof address->v4;
  }
  if (inet_pton(AF_INET6, text, &address->v6.sin6_addr) == 1) {
    address->v6.sin6_family = AF_INET6;
    address->v6.sin6_port = port;
    return sizeof address->v6;
  }
  napi_throw_type_error(call->env, NULL, "expected an IPv4 or IPv6 address");
  call->refused = true;
  return 0;
}

/* datagramBind(fd, address, port): bind(2). */
napi_value datagram_bind(napi_env env, napi_callback_info info) {
  union internet_address address;
  struct call call = call_begin(env, info);
  int fd = call_int(&call, 0);
  socklen_t length = call_address(&call, 1, &address);
  if (call.refused) return NULL;
  return bind(fd, &address.generic, length) < 0 ? throw_errno(env, "bind") : NULL;
}

/* datagramSend(fd, bytes, address, port) → false if the send queue is full: sendto(2). */
napi_value datagram_send(napi_env env, napi_callback_info info) {
  union internet_address address;
  struct call call = call_begin(env, info);
  int fd = call_int(&call, 0);
  struct bytes bytes = call_bytes(&call, 1);
  socklen_t length = call_address(&call, 2, &address);
  if (call.refused) return NULL;
  if (sendto(fd, bytes.data, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL, &address.generic, length) >= 0)
    return bool_value(env, true);
  return errno == EAGAIN || errno == EINTR ? bool_value(env, false) : throw_errno(env, "sendto");
}

static napi_value datagram_value(napi_env env, struct msghdr *message, size_t length) {
  const union internet_address *from = message->msg_name;
  char text[INET6_ADDRSTRLEN] = "";
  int port = 0;
  if (from->generic.sa_family == AF_INET) {
    inet_ntop(AF_INET, &from->v4.sin_addr, text, sizeof text);
    port = ntohs(from->v4.sin_port);
  } else if (from->generic.sa_family == AF_INET6) {
    inet_ntop(AF_INET6, &from->v6.sin6_addr, text, sizeof text);
    port = ntohs(from->v6.sin6_port);
  }
  napi_value parts[] = {bytes_value(env, message->msg_iov->iov_base, length), text_value(env, text),
                        int_value(env, port)};
  return array_value(env, parts, 3);
}

/* datagramReceive(fd) → [[bytes, address, port], ...] */
napi_value datagram_receive(napi_env env, napi_callback_info info) {
  struct call call = call_begin(env, info);
  int fd = call_int(&call, 0);
  return call.refused ? NULL : receive_messages(env, fd, datagram_value);
}

/* datagramKind(fd) → [domain, type]: SO_DOMAIN, SO_TYPE. */
napi_value datagram_kind(napi_env env, napi_callback_info info) {
  int kind[2] = {0, 0};
  socklen_t length = sizeof(int);
  struct call call = call_begin(env, info);
  int fd = call_int(&call, 0);
  if (call.refused) return NULL;
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &kind[0], &length) < 0 ||
      getsockopt(fd, SOL_SOCKET, SO_TYPE, &kind[1], &length) < 0)
    return throw_errno(env, "getsockopt");
  return ints_value(env, kind, 2);
}

/* Beyond the administrator's limit if CAP_NET_ADMIN allows it (socket(7)), else up to it. */
static int set_buffer(int fd, int forced, int limited, int size) {
  if (setsockopt(fd, SOL_SOCKET, forced, &size, sizeof size) == 0) return 0;
  return errno == EPERM ? setsockopt(fd, SOL_SOCKET, limited, &size, sizeof size) : -1;
}

/* datagramShare(fd, bufferBytes), before datagramBind: SO_REUSEPORT, and the size of both queues. */
napi_value datagram_share(napi_env env, napi_callback_info info) {
  int on = 1;
  struct call call = call_begin(env, info);
  int fd = call_int(&call, 0), size = call_int(&call, 1);
  if (call.refused) return NULL;
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0 ||
      set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, size) < 0 || set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, size) < 0)
    return throw_errno(env, "setsockopt");
  return NULL;
}
