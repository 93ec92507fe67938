#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "host.h"

/* One more descriptor than this in one message and the kernel drops the rest and says MSG_CTRUNC. */
enum { MAX_DESCRIPTORS = 32, READ_SIZE = 64 << 10 };

union control {
  struct cmsghdr header;
  char space[CMSG_SPACE(sizeof(int) * MAX_DESCRIPTORS)];
};

static int unix_socket(void) { return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); }

static napi_value close_throw(napi_env env, int fd, const char *call) {
  struct failure failure;
  failed(&failure, call);
  close(fd);
  return throw_failure(env, &failure);
}

/*
 * The mode of a socket before bind(2) is the mode of the file that bind makes (less umask): nobody gets in
 * before.
 */
static const char *bind_and_listen(int fd, const struct sockaddr_un *address, int mode, int backlog) {
  if (fchmod(fd, (mode_t)mode) < 0) return "fchmod";
  if (bind(fd, (const struct sockaddr *)address, sizeof *address) < 0) return "bind";
  return listen(fd, backlog) < 0 ? "listen" : NULL;
}

/* unixListen(path, mode, backlog) → fd: unix(7) stream socket bound to a path of at most 107 bytes. */
napi_value unix_listen(napi_env env, napi_callback_info info) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  struct call call = call_begin(env, info);
  call_text(&call, 0, address.sun_path, sizeof address.sun_path);
  int mode = call_int(&call, 1), backlog = call_int(&call, 2);
  if (call.refused) return NULL;
  int fd = unix_socket();
  if (fd < 0) return throw_errno(env, "socket");
  const char *refused = bind_and_listen(fd, &address, mode, backlog);
  return refused == NULL ? int_value(env, fd) : close_throw(env, fd, refused);
}

/* unixConnect(path) → fd: connect(2); on a local socket it either succeeds at once or fails. */
napi_value unix_connect(napi_env env, napi_callback_info info) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  struct call call = call_begin(env, info);
  call_text(&call, 0, address.sun_path, sizeof address.sun_path);
  if (call.refused) return NULL;
  int fd = unix_socket();
  if (fd < 0) return throw_errno(env, "socket");
  if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0) return int_value(env, fd);
  return close_throw(env, fd, "connect");
}

/* unixAccept(fd) → fd, or -1 if nobody waits: accept4(2). */
napi_value unix_accept(napi_env env, napi_callback_info info) {
  struct call call = call_begin(env, info);
  int listening = call_int(&call, 0);
  if (call.refused) return NULL;
  int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd >= 0) return int_value(env, fd);
  if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return int_value(env, -1);
  return throw_errno(env, "accept4");
}

/* unixPeer(fd) → [pid, uid, gid] of the process that connected: SO_PEERCRED. */
napi_value unix_peer(napi_env env, napi_callback_info info) {
  struct ucred peer;
  socklen_t length = sizeof peer;
  struct call call = call_begin(env, info);
  int fd = call_int(&call, 0);
  if (call.refused) return NULL;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0) return throw_errno(env, "getsockopt");
  napi_value parts[3];
  napi_create_int32(env, peer.pid, &parts[0]);
  napi_create_uint32(env, peer.uid, &parts[1]);
  napi_create_uint32(env, peer.gid, &parts[2]);
  return array_value(env, parts, 3);
}

/* Copies the descriptors of a received message; SOL_SOCKET, SCM_RIGHTS. */
static size_t collect_descriptors(struct msghdr *message, int *fds) {
  size_t count = 0;
  for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL; part = CMSG_NXTHDR(message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    size_t size = part->cmsg_len - CMSG_LEN(0);
    if (count * sizeof(int) + size > MAX_DESCRIPTORS * sizeof(int)) break;
    memcpy(fds + count, CMSG_DATA(part), size);
    count += size / sizeof(int);
  }
  return count;
}

/* [bytes, fds, dropped]; if the values cannot be made, nobody would own the descriptors: closes them. */
static napi_value received_value(napi_env env, const void *data, size_t length, const int *fds, size_t count,
                                 bool dropped) {
  napi_value bytes = bytes_value(env, data, length);
  if (bytes != NULL) {
    napi_value parts[] = {bytes, ints_value(env, fds, count), bool_value(env, dropped)};
    return array_value(env, parts, 3);
  }
  for (size_t i = 0; i < count; i++) close(fds[i]);
  errno = ENOMEM;
  return throw_errno(env, "recvmsg");
}

/*
 * unixReceive(fd) → [bytes, fds, dropped] or null if nothing waits: recvmsg(2). No bytes: the peer closed.
 * `fds` are the caller's from now on; `dropped` means that more came than fit or could be opened
 * (MSG_CTRUNC).
 */
napi_value unix_receive(napi_env env, napi_callback_info info) {
  char data[READ_SIZE];
  int fds[MAX_DESCRIPTORS];
  union control control;
  struct iovec piece = {data, sizeof data};
  struct msghdr message = {
      .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  struct call call = call_begin(env, info);
  int fd = call_int(&call, 0);
  if (call.refused) return NULL;
  ssize_t length = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return undefined_value(env);
  if (length < 0) return throw_errno(env, "recvmsg");
  size_t count = collect_descriptors(&message, fds);
  return received_value(env, data, (size_t)length, fds, count, (message.msg_flags & MSG_CTRUNC) != 0);
}

static void attach_descriptors(struct msghdr *message, union control *control, const unsigned *fds,
                               unsigned count) {
  if (count == 0) return;
  memset(control, 0, sizeof *control);
  message->msg_control = control;
  message->msg_controllen = CMSG_SPACE(sizeof(int) * count);
  struct cmsghdr *part = CMSG_FIRSTHDR(message);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(sizeof(int) * count);
  memcpy(CMSG_DATA(part), fds, sizeof(int) * count);
}

/*
 * unixSend(fd, bytes, fds) → bytes taken, 0 if the peer's queue is full: sendmsg(2). `fds` go with the first
 * byte.
 */
napi_value unix_send(napi_env env, napi_callback_info info) {
  unsigned fds[MAX_DESCRIPTORS];
  union control control;
  struct call call = call_begin(env, info);
  int fd = call_int(&call, 0);
  struct bytes bytes = call_bytes(&call, 1);
  unsigned count = call_unsigneds(&call, 2, fds, MAX_DESCRIPTORS);
  if (call.refused) return NULL;
  struct iovec piece = {bytes.data, bytes.length};
  struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
  attach_descriptors(&message, &control, fds, count);
  ssize_t sent = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent >= 0) return int_value(env, (int)sent);
  return errno == EAGAIN || errno == EINTR ? int_value(env, 0) : throw_errno(env, "sendmsg");
}
