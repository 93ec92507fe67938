/* Inner packets on their way to peers: gathered into datagrams, and those of one peer and size into one send. */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "carrier.h"

enum { SENDS = 64, SEND_PIECES = 2 * MAX_SEGMENTS, CONTROL_SIZE = CMSG_SPACE(sizeof(uint16_t)) };

/* One call of the kernel's: `count` datagrams of `size` bytes to a peer, the last of which may be shorter. */
struct send {
  const struct peer *peer;
  uint32_t count, size, bytes, pieces;
  /* Nothing more goes in: its last datagram is shorter, or it is full. */
  bool closed;
  struct iovec piece[SEND_PIECES];
};

struct sending {
  uint32_t count;
  struct send sends[SENDS];
};

/* One datagram: `head` and, if it is not NULL, `rest`, which must stay until the flush. False if a flush is due first. */
bool sending_add(struct sending *sending, const struct peer *peer, const struct iovec *head, const struct iovec *rest);
/* Hands everything to the kernel; counts what it took and what not. */
void sending_flush(struct sending *sending, struct carrier *carrier);
