/* The control socket: some connections, each with one request in hand. */
#pragma once

#include <poll.h>

#include "request.h"

enum { CONNECTIONS = 8, FRAME_HEADER = 4 };

struct connection {
  int fd;
  uint8_t header[FRAME_HEADER], *payload, *outgoing;
  size_t header_filled, payload_length, payload_filled, outgoing_length, outgoing_sent;
  int fds[MAX_DESCRIPTORS];
  unsigned fd_count;
};

struct control {
  int listening;
  struct connection connections[CONNECTIONS];
};

/*
 * Listens at `path`, which only our own user may open, and replaces a socket there that nobody listens at. False with a
 * message on standard error.
 */
bool control_open(struct control *control, const char *path);
void control_close(struct control *control, const char *path);

/* Fills `fds` with what to wait for, CONNECTIONS + 1 of them. */
void control_wait_for(const struct control *control, struct pollfd *fds);
void control_serve(struct control *control, const struct pollfd *fds, struct process *process);
