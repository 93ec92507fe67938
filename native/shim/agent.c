#define _GNU_SOURCE
#include "agent.h"

#include "delegate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* Exit code of a reply that is none: an order to run another plugin and to tell what came of it. */
enum { ORDER = 255 };

static unsigned char reply_bytes[FRAME_LIMIT + 1], answer_bytes[FRAME_LIMIT];

/* A full backlog is no refusal: tries again until the deadline. */
static int connect_until(int fd, const struct sockaddr_un *address, const struct deadline *deadline) {
  const struct timespec pause = {0, 5000000};
  for (;;) {
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0) return 0;
    if (errno != EAGAIN && errno != EINTR) return -1;
    if (deadline_left(deadline) == 0) {
      errno = ETIMEDOUT;
      return -1;
    }
    nanosleep(&pause, NULL);
  }
}

struct agent agent_connect(const char *path, const struct deadline *deadline) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t length = strlen(path);
  if (length >= sizeof address.sun_path) return (struct agent){-1, ENAMETOOLONG};
  memcpy(address.sun_path, path, length);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return (struct agent){-1, errno};
  if (connect_until(fd, &address, deadline) == 0) return (struct agent){fd, 0};
  int error = errno;
  close(fd);
  return (struct agent){-1, error};
}

union control {
  struct cmsghdr header;
  char space[CMSG_SPACE(sizeof(int) * BUNDLE_SIZE)];
};

/* The bundle travels as SCM_RIGHTS beside the first byte. */
static void attach_bundle(struct msghdr *message, union control *control, const struct bundle *bundle) {
  int fds[BUNDLE_SIZE];
  size_t count = 0;
  for (int part = 0; part < BUNDLE_SIZE; part++)
    if (bundle->fds[part] >= 0) fds[count++] = bundle->fds[part];
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

/* Takes `count` bytes off the front of the pieces. */
static void advance(struct msghdr *message, size_t count) {
  while (message->msg_iovlen > 0 && count >= message->msg_iov->iov_len) {
    count -= message->msg_iov->iov_len;
    message->msg_iov++;
    message->msg_iovlen--;
  }
  if (message->msg_iovlen == 0) return;
  message->msg_iov->iov_base = (char *)message->msg_iov->iov_base + count;
  message->msg_iov->iov_len -= count;
}

static int send_all(int fd, struct msghdr *message, const struct deadline *deadline) {
  while (message->msg_iovlen > 0) {
    ssize_t sent = sendmsg(fd, message, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno != EAGAIN) return -1;
    if (sent < 0 && wait_ready(fd, POLLOUT, deadline) < 0) return -1;
    if (sent <= 0) continue;
    message->msg_control = NULL;
    message->msg_controllen = 0;
    advance(message, (size_t)sent);
  }
  return 0;
}

static int send_request(int fd, const struct text *header, const struct request *request,
                        const struct bundle *bundle, const struct deadline *deadline) {
  union control control;
  uint32_t length = htonl((uint32_t)(header->length + request->config_length));
  struct iovec pieces[] = {
      {&length, sizeof length},
      {header->data, header->length},
      {(char *)request->config, request->config_length},
  };
  struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 3};
  attach_bundle(&message, &control, bundle);
  return send_all(fd, &message, deadline);
}

static int receive_all(int fd, void *data, size_t length, const struct deadline *deadline) {
  for (size_t filled = 0; filled < length;) {
    ssize_t got = recv(fd, (char *)data + filled, length - filled, 0);
    if (got > 0) filled += (size_t)got;
    if (got == 0) {
      errno = ECONNRESET;
      return -1;
    }
    if (got < 0 && errno == EAGAIN && wait_ready(fd, POLLIN, deadline) < 0) return -1;
    if (got < 0 && errno != EAGAIN && errno != EINTR) return -1;
  }
  return 0;
}

static int receive_reply(int fd, const struct deadline *deadline, struct reply *reply) {
  uint32_t length;
  if (receive_all(fd, &length, sizeof length, deadline) < 0) return -1;
  length = ntohl(length);
  if (length == 0 || length > FRAME_LIMIT) {
    errno = EPROTO;
    return -1;
  }
  if (receive_all(fd, reply_bytes, length, deadline) < 0) return -1;
  reply_bytes[length] = '\0';
  *reply = (struct reply){reply_bytes[0], (const char *)reply_bytes + 1, length - 1};
  return 0;
}

/* What cannot be run is told by its errno, behind the exit code ORDER. */
static int carry_out(int fd, const struct reply *order, const struct deadline *deadline) {
  char name[24];
  long length = delegate_run((char *)order->output, order->length, deadline, answer_bytes, sizeof answer_bytes);
  if (length < 0) {
    struct text text = {(char *)answer_bytes + 1, 0, sizeof name, false};
    text_add(&text, errno_name(errno, name));
    answer_bytes[0] = ORDER;
    length = (long)text.length + 1;
  }
  uint32_t header = htonl((uint32_t)length);
  struct iovec pieces[] = {{&header, sizeof header}, {answer_bytes, (size_t)length}};
  struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2};
  return send_all(fd, &message, deadline);
}

int agent_call(const struct agent *agent, const struct text *header, const struct request *request,
               const struct bundle *bundle, const struct deadline *deadline, struct reply *reply) {
  int fd = agent->fd;
  if (fd < 0) {
    errno = agent->error;
    return -1;
  }
  /* An agent that hung up while we were sending may have answered before: looks for a reply all the same. */
  int sent = send_request(fd, header, request, bundle, deadline);
  int error = errno;
  int outcome = sent < 0 && error == ETIMEDOUT ? -1 : receive_reply(fd, deadline, reply);
  while (outcome == 0 && reply->exit_code == ORDER) {
    outcome = carry_out(fd, reply, deadline);
    if (outcome == 0) outcome = receive_reply(fd, deadline, reply);
  }
  if (sent == 0) error = errno;
  close(fd);
  errno = error;
  return outcome;
}
