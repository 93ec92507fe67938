#define _GNU_SOURCE
#include "receive.h"

#include <errno.h>

/* `CONTROL_SIZE` has room for what the socket was told to add to its messages. */
enum { MESSAGE_SIZE = 64 << 10, CONTROL_SIZE = 256, BATCH = 64 };

napi_value receive_messages(napi_env env, int fd, int flags, message_value *value) {
  char data[MESSAGE_SIZE];
  napi_value result = NULL;
  uint32_t count = 0;
  napi_create_array(env, &result);
  for (int tries = 0; tries < BATCH; tries++) {
    _Alignas(struct cmsghdr) char control[CONTROL_SIZE];
    struct sockaddr_storage from = {0};
    struct iovec piece = {data, sizeof data};
    struct msghdr message = {&from, sizeof from, &piece, 1, control, sizeof control, 0};
    ssize_t length = recvmsg(fd, &message, MSG_DONTWAIT | flags);
    if (length < 0 && errno == EAGAIN) break;
    if (length < 0 && (errno == EBADF || errno == ENOTSOCK)) return throw_errno(env, "recvmsg");
    if (length < 0) continue;
    napi_set_element(env, result, count++, value(env, &message, (size_t)length));
  }
  return result;
}
