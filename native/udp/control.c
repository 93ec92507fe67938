#define _GNU_SOURCE
#include "control.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

union descriptors {
  struct cmsghdr header;
  char space[CMSG_SPACE(sizeof(int) * MAX_DESCRIPTORS)];
};

static bool complain(const char *path, const char *what) {
  fprintf(stderr, "podlace-udp: %s: %s\n", path, what);
  return false;
}

static bool somebody_listens(const struct sockaddr_un *address) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool answered = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) == 0;
  if (fd >= 0) close(fd);
  return answered;
}

bool control_open(struct control *control, const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  for (unsigned i = 0; i < CONNECTIONS; i++) control->connections[i].fd = -1;
  if (strlen(path) >= sizeof address.sun_path) return complain(path, "expected a path of at most 107 bytes");
  strcpy(address.sun_path, path);
  control->listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (control->listening < 0) return complain(path, strerror(errno));
  umask(0177);
  int bound = bind(control->listening, (const struct sockaddr *)&address, sizeof address);
  if (bound < 0 && errno == EADDRINUSE) {
    if (somebody_listens(&address)) return complain(path, "another process listens there already");
    unlink(path);
    bound = bind(control->listening, (const struct sockaddr *)&address, sizeof address);
  }
  if (bound < 0 || listen(control->listening, CONNECTIONS) < 0) return complain(path, strerror(errno));
  return true;
}

static void drop_request(struct connection *connection) {
  for (unsigned i = 0; i < connection->fd_count; i++)
    if (connection->fds[i] >= 0) close(connection->fds[i]);
  free(connection->payload);
  connection->payload = NULL;
  connection->fd_count = 0;
  connection->header_filled = connection->payload_filled = 0;
}

static void hang_up(struct connection *connection) {
  drop_request(connection);
  free(connection->outgoing);
  connection->outgoing = NULL;
  close(connection->fd);
  connection->fd = -1;
}

void control_close(struct control *control, const char *path) {
  /* First: whoever sees us hang up may start the next process, and the path is its own then. */
  unlink(path);
  for (unsigned i = 0; i < CONNECTIONS; i++)
    if (control->connections[i].fd >= 0) hang_up(&control->connections[i]);
  close(control->listening);
}

void control_wait_for(const struct control *control, struct pollfd *fds) {
  bool room = false;
  for (unsigned i = 0; i < CONNECTIONS; i++) {
    const struct connection *connection = &control->connections[i];
    fds[i] = (struct pollfd){connection->fd, connection->outgoing == NULL ? POLLIN : POLLOUT, 0};
    room |= connection->fd < 0;
  }
  fds[CONNECTIONS] = (struct pollfd){room ? control->listening : -1, POLLIN, 0};
}

/* Root's or our own user's; others are hung up on before they are heard. */
static bool welcome(int fd) {
  struct ucred peer;
  socklen_t length = sizeof peer;
  return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && (peer.uid == 0 || peer.uid == geteuid());
}

static void let_in(struct control *control) {
  int fd = accept4(control->listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return;
  for (unsigned i = 0; i < CONNECTIONS; i++) {
    if (control->connections[i].fd >= 0 || !welcome(fd)) continue;
    control->connections[i] = (struct connection){.fd = fd};
    return;
  }
  close(fd);
}

/* False if the sender passed more than a request takes. */
static bool keep_descriptors(struct connection *connection, struct msghdr *message) {
  bool kept = (message->msg_flags & MSG_CTRUNC) == 0;
  for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL; part = CMSG_NXTHDR(message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int fd;
      memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
      if (connection->fd_count < MAX_DESCRIPTORS) connection->fds[connection->fd_count++] = fd;
      else kept = false, close(fd);
    }
  }
  return kept;
}

/* Never more than the request in hand still lacks: so whatever descriptors come belong to it. 0 at the end, -1 if wrong. */
static ssize_t receive(struct connection *connection, void *buffer, size_t size) {
  union descriptors space;
  struct iovec piece = {buffer, size};
  struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = &space, .msg_controllen = sizeof space};
  ssize_t length = recvmsg(connection->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (length < 0) return -1;
  if (keep_descriptors(connection, &message)) return length;
  errno = E2BIG;
  return -1;
}

static bool frame_reply(struct connection *connection, struct reply reply) {
  if (reply.bytes == NULL) return false;
  connection->outgoing = malloc(FRAME_HEADER + reply.length);
  if (connection->outgoing != NULL) {
    uint32_t length = htonl((uint32_t)reply.length);
    memcpy(connection->outgoing, &length, sizeof length);
    memcpy(connection->outgoing + FRAME_HEADER, reply.bytes, reply.length);
    connection->outgoing_length = FRAME_HEADER + reply.length;
    connection->outgoing_sent = 0;
  }
  free(reply.bytes);
  return connection->outgoing != NULL;
}

/* False if the connection is to end. */
static bool answer(struct connection *connection) {
  size_t left = connection->outgoing_length - connection->outgoing_sent;
  ssize_t sent = send(connection->fd, connection->outgoing + connection->outgoing_sent, left, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0) return errno == EAGAIN || errno == EINTR;
  connection->outgoing_sent += (size_t)sent;
  if (connection->outgoing_sent < connection->outgoing_length) return true;
  free(connection->outgoing);
  connection->outgoing = NULL;
  return true;
}

static bool listen_to(struct connection *connection, struct process *process) {
  bool in_header = connection->header_filled < FRAME_HEADER;
  void *at = in_header ? connection->header + connection->header_filled : connection->payload + connection->payload_filled;
  size_t wanted = in_header ? FRAME_HEADER - connection->header_filled : connection->payload_length - connection->payload_filled;
  ssize_t length = receive(connection, at, wanted);
  if (length < 0) return errno == EAGAIN || errno == EINTR;
  if (length == 0) return false;
  if (in_header) {
    connection->header_filled += (size_t)length;
    if (connection->header_filled < FRAME_HEADER) return true;
    uint32_t announced;
    memcpy(&announced, connection->header, sizeof announced);
    connection->payload_length = ntohl(announced);
    if (connection->payload_length == 0 || connection->payload_length > MAX_FRAME) return false;
    connection->payload = malloc(connection->payload_length);
    return connection->payload != NULL;
  }
  connection->payload_filled += (size_t)length;
  if (connection->payload_filled < connection->payload_length) return true;
  struct reply reply = request_perform(process, connection->payload, connection->payload_length, connection->fds,
                                       connection->fd_count);
  drop_request(connection);
  return frame_reply(connection, reply) && answer(connection);
}

void control_serve(struct control *control, const struct pollfd *fds, struct process *process) {
  for (unsigned i = 0; i < CONNECTIONS; i++) {
    struct connection *connection = &control->connections[i];
    if (connection->fd < 0 || fds[i].revents == 0) continue;
    bool goes_on = connection->outgoing != NULL ? answer(connection) : listen_to(connection, process);
    if (!goes_on) hang_up(connection);
  }
  if ((fds[CONNECTIONS].revents & POLLIN) != 0) let_in(control);
}
