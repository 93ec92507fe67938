/* Emptying a datagram socket, whatever its family. */
#pragma once

#include <sys/socket.h>

#include "values.h"

/* What JavaScript gets of one message, the data of which is in its first piece. */
typedef napi_value message_value(napi_env env, struct msghdr *message, size_t length);

/*
 * The values of the messages that wait, at most 64 at a time so that a flood does not stop the loop: recvmsg(2). A
 * pending error (ECONNREFUSED or EHOSTUNREACH of an earlier datagram, ENETDOWN) is taken off and passed over.
 * `flags`: 0, or MSG_ERRQUEUE for the messages of the error queue.
 */
napi_value receive_messages(napi_env env, int fd, int flags, message_value *value);
