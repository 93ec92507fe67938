#define _GNU_SOURCE
#include "datagrams.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <sys/socket.h>

/* The kernel fills at most 32 KiB per dump datagram; a single object (a link with many VFs) may take more. */
enum { RECEIVE_ROOM = 256 << 10, KEEP_BYTES = 4 << 20 };

void datagrams_clear(struct datagrams *datagrams) {
  datagrams->used = 0;
  datagrams->count = 0;
  if (datagrams->capacity > KEEP_BYTES) datagrams_free(datagrams);
}

void datagrams_free(struct datagrams *datagrams) {
  free(datagrams->bytes);
  free(datagrams->lengths);
  *datagrams = (struct datagrams){0};
}

static bool reserve_bytes(struct datagrams *datagrams) {
  if (datagrams->capacity - datagrams->used >= RECEIVE_ROOM) return true;
  size_t capacity = datagrams->capacity * 2 + RECEIVE_ROOM;
  uint8_t *bytes = realloc(datagrams->bytes, capacity);
  if (bytes == NULL) return false;
  datagrams->bytes = bytes;
  datagrams->capacity = capacity;
  return true;
}

static bool reserve_count(struct datagrams *datagrams) {
  if (datagrams->count < datagrams->count_capacity) return true;
  size_t capacity = datagrams->count_capacity * 2 + 64;
  uint32_t *lengths = realloc(datagrams->lengths, capacity * sizeof *lengths);
  if (lengths == NULL) return false;
  datagrams->lengths = lengths;
  datagrams->count_capacity = capacity;
  return true;
}

/* Receives one datagram at the end of the list: 0, or an errno (EAGAIN: the queue is empty). */
static int receive_one(struct datagrams *datagrams, int fd) {
  struct sockaddr_nl from = {0};
  socklen_t from_length = sizeof from;
  if (!reserve_bytes(datagrams) || !reserve_count(datagrams)) return ENOMEM;
  ssize_t length = recvfrom(fd, datagrams->bytes + datagrams->used, RECEIVE_ROOM, MSG_DONTWAIT | MSG_TRUNC,
                            (struct sockaddr *)&from, &from_length);
  if (length < 0) return errno;
  if (length > RECEIVE_ROOM) return EMSGSIZE;
  /* Port 0 is the kernel; what another process sent is no news about the kernel. */
  if (from.nl_pid != 0) return 0;
  datagrams->lengths[datagrams->count++] = (uint32_t)length;
  datagrams->used += (size_t)length;
  return 0;
}

/* Errors that leave the queue readable: reading goes on behind them. */
static bool passes(int error) { return error == EINTR || error == ENOBUFS || error == EMSGSIZE; }

int datagrams_receive(struct datagrams *datagrams, int fd) {
  int first = 0;
  for (;;) {
    int error = receive_one(datagrams, fd);
    if (error == 0 || error == EINTR) continue;
    if (error == EAGAIN) return first;
    if (first == 0) first = error;
    if (!passes(error)) return first;
  }
}

/*
 * The kernel works through rtnetlink and nfnetlink requests inside sendto, so the replies are queued when it
 * returns; of a dump each receive makes the kernel queue the next part.
 */
int datagrams_exchange(struct datagrams *datagrams, int fd, const void *request, size_t length,
                       struct failure *failure) {
  const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  ssize_t sent;
  do sent = sendto(fd, request, length, 0, (const struct sockaddr *)&kernel, sizeof kernel);
  while (sent < 0 && errno == EINTR);
  if (sent < 0) return failed(failure, "sendto");
  int error = datagrams_receive(datagrams, fd);
  if (error == 0) return 0;
  errno = error;
  return failed(failure, "recvfrom");
}
