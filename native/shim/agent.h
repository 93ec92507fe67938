/*
 * The conversation with the agent: one request frame, one reply frame (32-bit big-endian length and payload). Between
 * them the agent may order plugins of others to be run, each with a frame of its own and one in answer.
 */
#pragma once

#include "../common/bundle.h"
#include "deadline.h"
#include "request.h"
#include "text.h"

struct reply {
  int exit_code;
  const char *output;
  size_t length;
};

/* A connection to the agent, or why there is none. */
struct agent {
  int fd;
  int error;
};

/* To be called first of all: the agent wakes up while the request is put together. */
struct agent agent_connect(const char *socket_path, const struct deadline *deadline);

/*
 * Once, and closes the connection. Returns 0, or -1 with errno: ECONNREFUSED, ENOENT (no agent), ECONNRESET
 * (no reply), ETIMEDOUT, EPROTO.
 */
int agent_call(const struct agent *agent, const struct text *header, const struct request *request,
               const struct bundle *bundle, const struct deadline *deadline, struct reply *reply);
