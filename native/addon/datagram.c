#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
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

enum { SEND_FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL };

static ssize_t send_plain(int fd, struct bytes bytes, const union internet_address *address, socklen_t length) {
  return sendto(fd, bytes.data, bytes.length, SEND_FLAGS, &address->generic, length);
}

/* Of a datagram that is told in parts no device can be left the checksum: __ip_append_data, __ip6_append_data. */
static ssize_t send_summed(int fd, struct bytes bytes, const union internet_address *address, socklen_t length) {
  ssize_t sent = sendto(fd, bytes.data, bytes.length, SEND_FLAGS | MSG_MORE, &address->generic, length);
  return sent < 0 ? sent : sendto(fd, NULL, 0, SEND_FLAGS, &address->generic, length);
}

static napi_value send_by(napi_env env, napi_callback_info info,
                          ssize_t (*send_one)(int, struct bytes, const union internet_address *, socklen_t)) {
  union internet_address address;
  struct call call = call_begin(env, info);
  int fd = call_int(&call, 0);
  struct bytes bytes = call_bytes(&call, 1);
  socklen_t length = call_address(&call, 2, &address);
  if (call.refused) return NULL;
  if (send_one(fd, bytes, &address, length) >= 0) return bool_value(env, true);
  return errno == EAGAIN || errno == EINTR ? bool_value(env, false) : throw_errno(env, "sendto");
}

/* datagramSend(fd, bytes, address, port) → false if the send queue is full: sendto(2). */
napi_value datagram_send(napi_env env, napi_callback_info info) { return send_by(env, info, send_plain); }

/* datagramSendSummed(fd, bytes, address, port): the same, but the kernel computes the checksum of UDP itself. */
napi_value datagram_send_summed(napi_env env, napi_callback_info info) { return send_by(env, info, send_summed); }

/* Empty for other families. */
static napi_value address_value(napi_env env, const union internet_address *address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address->generic.sa_family == AF_INET) inet_ntop(AF_INET, &address->v4.sin_addr, text, sizeof text);
  if (address->generic.sa_family == AF_INET6) inet_ntop(AF_INET6, &address->v6.sin6_addr, text, sizeof text);
  return text_value(env, text);
}

static napi_value port_value(napi_env env, const union internet_address *address) {
  if (address->generic.sa_family == AF_INET) return int_value(env, ntohs(address->v4.sin_port));
  return int_value(env, address->generic.sa_family == AF_INET6 ? ntohs(address->v6.sin6_port) : 0);
}

static napi_value datagram_value(napi_env env, struct msghdr *message, size_t length) {
  const union internet_address *from = message->msg_name;
  napi_value parts[] = {bytes_value(env, message->msg_iov->iov_base, length), address_value(env, from),
                        port_value(env, from)};
  return array_value(env, parts, 3);
}

/* datagramReceive(fd) → [[bytes, address, port], ...] */
napi_value datagram_receive(napi_env env, napi_callback_info info) {
  struct call call = call_begin(env, info);
  int fd = call_int(&call, 0);
  return call.refused ? NULL : receive_messages(env, fd, 0, datagram_value);
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

/*
 * datagramHearErrors(fd): what becomes of datagrams goes to the error queue (IP_RECVERR), they are never fragmented, and
 * what the kernel believes of the path's MTU does not keep them back (IP_PMTUDISC_PROBE): ip(7), ipv6(7).
 */
napi_value datagram_hear_errors(napi_env env, napi_callback_info info) {
  int domain = 0, on = 1, probe = IP_PMTUDISC_PROBE, probe6 = IPV6_PMTUDISC_PROBE;
  socklen_t length = sizeof domain;
  struct call call = call_begin(env, info);
  int fd = call_int(&call, 0);
  if (call.refused) return NULL;
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) < 0) return throw_errno(env, "getsockopt");
  int failed = domain == AF_INET6
                   ? setsockopt(fd, SOL_IPV6, IPV6_RECVERR, &on, sizeof on) < 0 ||
                         setsockopt(fd, SOL_IPV6, IPV6_MTU_DISCOVER, &probe6, sizeof probe6) < 0
                   : setsockopt(fd, SOL_IP, IP_RECVERR, &on, sizeof on) < 0 ||
                         setsockopt(fd, SOL_IP, IP_MTU_DISCOVER, &probe, sizeof probe) < 0;
  return failed ? throw_errno(env, "setsockopt") : NULL;
}

/* What the kernel says of a datagram; all zero if it says nothing. */
static const struct sock_extended_err *extended_error(struct msghdr *message) {
  static const struct sock_extended_err none;
  for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL; part = CMSG_NXTHDR(message, part))
    if ((part->cmsg_level == SOL_IP && part->cmsg_type == IP_RECVERR) ||
        (part->cmsg_level == SOL_IPV6 && part->cmsg_type == IPV6_RECVERR))
      return (const struct sock_extended_err *)CMSG_DATA(part);
  return &none;
}

static napi_value error_value(napi_env env, struct msghdr *message, size_t length) {
  const struct sock_extended_err *error = extended_error(message);
  bool by_icmp = error->ee_origin == SO_EE_ORIGIN_ICMP || error->ee_origin == SO_EE_ORIGIN_ICMP6;
  const union internet_address nobody = {0};
  /* The address behind the error is there for errors of ICMP only. */
  const void *offender = by_icmp ? (const void *)SO_EE_OFFENDER(error) : &nobody;
  int facts[] = {(int)error->ee_errno, error->ee_origin, error->ee_type, error->ee_code, (int)error->ee_info};
  napi_value parts[] = {bytes_value(env, message->msg_iov->iov_base, length), address_value(env, message->msg_name),
                        port_value(env, message->msg_name), ints_value(env, facts, 5),
                        address_value(env, offender)};
  return array_value(env, parts, 5);
}

/*
 * datagramReceiveErrors(fd) → [[bytes of the datagram, its address, its port, [errno, origin, type, code, info],
 * offender or ""], ...]: recvmsg(2) with MSG_ERRQUEUE.
 */
napi_value datagram_receive_errors(napi_env env, napi_callback_info info) {
  struct call call = call_begin(env, info);
  int fd = call_int(&call, 0);
  return call.refused ? NULL : receive_messages(env, fd, MSG_ERRQUEUE, error_value);
}
