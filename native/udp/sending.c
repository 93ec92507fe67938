#define _GNU_SOURCE
#include "sending.h"

#include <errno.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

enum {
  /* How far back to look for a send to the same peer: packets of few flows alternate. */
  LOOK_BACK = 8,
  /* For room in the socket's queue, once a flush: meanwhile packets wait in the device's. */
  ROOM_WAIT_MS = 10
};

/* struct mmsghdr as the kernel has it. The C library's own calls do one message at a time (musl), so it is not theirs. */
struct batch_message {
  struct msghdr header;
  unsigned sent;
};

/* The latest to this peer, so that the order of its packets stays. */
static struct send *latest(struct sending *sending, const struct peer *peer) {
  uint32_t oldest = sending->count > LOOK_BACK ? sending->count - LOOK_BACK : 0;
  for (uint32_t i = sending->count; i > oldest; i--)
    if (sending->sends[i - 1].peer == peer) return &sending->sends[i - 1];
  return NULL;
}

static bool fits(const struct send *send, size_t length) {
  return !send->closed && length <= send->size && send->bytes + length <= MAX_DATAGRAM &&
         send->pieces + 2 <= SEND_PIECES && send->count < MAX_SEGMENTS;
}

bool sending_add(struct sending *sending, const struct peer *peer, const struct iovec *head, const struct iovec *rest) {
  size_t length = head->iov_len + (rest == NULL ? 0 : rest->iov_len);
  struct send *send = latest(sending, peer);
  if (send == NULL || !fits(send, length)) {
    if (sending->count == SENDS) return false;
    send = &sending->sends[sending->count++];
    send->peer = peer;
    send->count = send->bytes = send->pieces = 0;
    send->size = (uint32_t)length;
    send->closed = false;
  }
  send->piece[send->pieces++] = *head;
  if (rest != NULL) send->piece[send->pieces++] = *rest;
  send->count++;
  send->bytes += (uint32_t)length;
  send->closed = length < send->size;
  return true;
}

static void fill_header(struct msghdr *header, const struct send *send, char *control) {
  memset(header, 0, sizeof *header);
  header->msg_name = (void *)&send->peer->address;
  header->msg_namelen = sizeof send->peer->address;
  header->msg_iov = (struct iovec *)send->piece;
  header->msg_iovlen = send->pieces;
  if (send->count == 1) return;
  header->msg_control = control;
  header->msg_controllen = CONTROL_SIZE;
  struct cmsghdr *part = CMSG_FIRSTHDR(header);
  part->cmsg_level = IPPROTO_UDP;
  part->cmsg_type = UDP_SEGMENT;
  part->cmsg_len = CMSG_LEN(sizeof(uint16_t));
  uint16_t size = (uint16_t)send->size;
  memcpy(CMSG_DATA(part), &size, sizeof size);
}

static void count_sent(struct carrier *carrier, const struct send *send, uint32_t packets, uint32_t bytes) {
  count_traffic(&carrier->lane->sent[send->peer->id], packets, bytes);
}

/* Where the route's device or MTU cannot cut segments, the datagrams go one by one, and may be fragmented. */
static void send_singly(const struct send *send, struct carrier *carrier) {
  struct msghdr header = {.msg_name = (void *)&send->peer->address, .msg_namelen = sizeof send->peer->address};
  for (uint32_t i = 0; i < send->pieces;) {
    uint32_t bytes = 0, first = i;
    while (i < send->pieces && bytes < send->size) bytes += (uint32_t)send->piece[i++].iov_len;
    header.msg_iov = (struct iovec *)&send->piece[first];
    header.msg_iovlen = (int)(i - first);
    if (sendmsg(carrier->udp, &header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) count_sent(carrier, send, 1, bytes);
    else carrier_drop(carrier, DROP_SEND_FAILED, 1);
  }
}

static bool cannot_segment(int reason) { return reason == EIO || reason == EINVAL || reason == EMSGSIZE; }

/* What becomes of the first send that the kernel refused; true if it is to be tried again. */
static bool refused(const struct send *send, struct carrier *carrier, bool *waited) {
  int reason = errno;
  if (reason == EINTR) return true;
  if (reason == EAGAIN && !*waited) {
    struct pollfd room = {carrier->udp, POLLOUT, 0};
    *waited = true;
    if (poll(&room, 1, ROOM_WAIT_MS) > 0) return true;
  }
  if (send->count > 1 && cannot_segment(reason)) send_singly(send, carrier);
  else carrier_drop(carrier, DROP_SEND_FAILED, send->count);
  return false;
}

void sending_flush(struct sending *sending, struct carrier *carrier) {
  struct batch_message messages[SENDS];
  union {
    struct cmsghdr aligned;
    char bytes[CONTROL_SIZE];
  } controls[SENDS];
  bool waited = false;
  for (uint32_t i = 0; i < sending->count; i++) fill_header(&messages[i].header, &sending->sends[i], controls[i].bytes);
  for (uint32_t i = 0; i < sending->count;) {
    long sent = syscall(SYS_sendmmsg, carrier->udp, &messages[i], sending->count - i, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent <= 0) {
      i += refused(&sending->sends[i], carrier, &waited) ? 0 : 1;
      continue;
    }
    for (const uint32_t end = i + (uint32_t)sent; i < end; i++)
      count_sent(carrier, &sending->sends[i], sending->sends[i].count, sending->sends[i].bytes);
  }
  sending->count = 0;
}
