/* A growing list of received datagrams in one piece of memory. Plain C: also used on pool threads. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../common/failure.h"

struct datagrams {
  uint8_t *bytes;
  size_t used, capacity;
  uint32_t *lengths;
  size_t count, count_capacity;
};

void datagrams_clear(struct datagrams *datagrams);
void datagrams_free(struct datagrams *datagrams);

/*
 * Appends every datagram that is queued at the netlink socket and comes from the kernel. An error that the
 * socket reports on the way (ENOBUFS: the queue overflowed) does not end the reading; the first one is
 * returned as errno, 0 if there was none.
 */
int datagrams_receive(struct datagrams *datagrams, int fd);

/* Sends one request datagram to the kernel and receives all replies. Returns 0 or -1. */
int datagrams_exchange(struct datagrams *datagrams, int fd, const void *request, size_t length,
                       struct failure *failure);
