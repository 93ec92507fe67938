/* From the peers to the device: each inner packet is checked, and what follows each other is joined. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "coalesce.h"

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum {
  MESSAGES = 64,
  /* When they are large: more would not stay in the cache until they are written. */
  LARGE_MESSAGES = 4,
  LARGE_BATCH = LARGE_MESSAGES * 16384,
  MESSAGE_SIZE = MAX_PACKET + 1
};

struct batch_message {
  struct msghdr header;
  unsigned length;
};

struct inward {
  struct coalescing coalescing;
  struct place source, destination;
  unsigned wanted;
  struct batch_message messages[MESSAGES];
  struct sockaddr_in senders[MESSAGES];
  struct iovec pieces[MESSAGES];
  union {
    struct cmsghdr aligned;
    char bytes[CMSG_SPACE(sizeof(int))];
  } controls[MESSAGES];
  uint8_t data[MESSAGES][MESSAGE_SIZE] __attribute__((aligned(8)));
};

static void prepare(struct inward *work) {
  for (unsigned i = 0; i < work->wanted; i++) {
    work->pieces[i] = (struct iovec){work->data[i], MESSAGE_SIZE};
    work->messages[i].header = (struct msghdr){
        .msg_name = &work->senders[i],
        .msg_namelen = sizeof work->senders[i],
        .msg_iov = &work->pieces[i],
        .msg_iovlen = 1,
        .msg_control = work->controls[i].bytes,
        .msg_controllen = sizeof work->controls[i].bytes,
    };
  }
}

/* Of the datagrams that the kernel joined, but the last; of a single one, its own. */
static size_t datagram_size(struct msghdr *header, size_t length) {
  int size = 0;
  for (struct cmsghdr *part = CMSG_FIRSTHDR(header); part != NULL; part = CMSG_NXTHDR(header, part))
    if (part->cmsg_level == IPPROTO_UDP && part->cmsg_type == UDP_GRO) memcpy(&size, CMSG_DATA(part), sizeof size);
  return size > 0 ? (size_t)size : length;
}

/* Cuts `*length` down to the packet; DROPS if it is one. */
static enum drop fault_of(const struct iphdr *ip, size_t *length) {
  if (*length < 1) return DROP_TRUNCATED;
  if (ip->version != 4) return DROP_BAD_VERSION;
  if (*length < IPV4_HEADER || ip->ihl < 5 || ntohs(ip->tot_len) > *length) return DROP_TRUNCATED;
  if (ntohs(ip->tot_len) < ipv4_header_length(ip)) return DROP_TRUNCATED;
  *length = ntohs(ip->tot_len);
  if (fold(sum_bytes(ip, ipv4_header_length(ip))) != 0xffff) return DROP_BAD_CHECKSUM;
  return is_martian(ip->saddr) || is_martian(ip->daddr) ? DROP_MARTIAN : DROPS;
}

static enum drop verdict(const struct carrier *carrier, struct inward *work, const struct table *table,
                         const struct peer *peer, const struct iphdr *ip) {
  if (table_owner(table, ip->saddr, &work->source) != peer - table->peers) return DROP_SPOOFED_SOURCE;
  bool ours = ip->daddr == carrier->setting.tunnel_address ||
              table_owner(table, ip->daddr, &work->destination) == OWNER_LOCAL;
  if (!ours) return DROP_NOT_OURS;
  return ip->ttl <= 1 ? DROP_TTL_EXCEEDED : DROPS;
}

/* The one who sent the packet is behind the peer. */
static void answer(struct carrier *carrier, const struct peer *peer, const struct iphdr *ip, size_t length) {
  uint8_t error[ICMP_ERROR_SIZE];
  size_t size = icmp_write(error, ERROR_TTL_EXCEEDED, carrier->setting.tunnel_address, 0, ip, length,
                           &carrier->errors);
  if (size == 0) return;
  if (sendto(carrier->udp, error, size, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&peer->address,
             sizeof peer->address) < 0)
    carrier_drop(carrier, DROP_SEND_FAILED, 1);
}

static void carry(struct carrier *carrier, struct inward *work, const struct table *table, const struct peer *peer,
                  uint8_t *packet, size_t length) {
  struct iphdr *ip = (struct iphdr *)packet;
  enum drop reason = fault_of(ip, &length);
  if (reason == DROPS) reason = verdict(carrier, work, table, peer, ip);
  if (reason != DROPS) {
    carrier_drop(carrier, reason, 1);
    if (reason == DROP_TTL_EXCEEDED) answer(carrier, peer, ip, length);
    return;
  }
  decrement_ttl(ip);
  count_traffic(&carrier->lane->received[peer->id], 1, length);
  coalescing_add(&work->coalescing, carrier, ip, length);
}

static void carry_message(struct carrier *carrier, struct inward *work, const struct table *table, unsigned index) {
  size_t length = work->messages[index].length;
  size_t size = datagram_size(&work->messages[index].header, length);
  const struct peer *peer = table_peer(table, &work->senders[index]);
  if (peer == NULL) return carrier_drop(carrier, DROP_UNKNOWN_PEER, size == 0 ? 1 : (length + size - 1) / size);
  if (length == 0) return carrier_drop(carrier, DROP_TRUNCATED, 1);
  for (size_t at = 0; at < length; at += size)
    carry(carrier, work, table, peer, work->data[index] + at, length - at < size ? length - at : size);
}

static int turn(struct carrier *carrier, void *given) {
  struct inward *work = given;
  size_t bytes = 0;
  if (work->wanted == 0) work->wanted = MESSAGES;
  prepare(work);
  long taken = syscall(SYS_recvmmsg, carrier->udp, work->messages, work->wanted, MSG_DONTWAIT, NULL);
  if (taken < 0) return errno == EAGAIN || errno == EINTR ? 0 : -1;
  const struct table *table = carrier_hold(carrier);
  work->source = work->destination = (struct place){0};
  for (unsigned i = 0; i < (unsigned)taken; i++) {
    bytes += work->messages[i].length;
    carry_message(carrier, work, table, i);
  }
  coalescing_flush(&work->coalescing, carrier);
  carrier_release(carrier);
  work->wanted = bytes >= LARGE_BATCH ? LARGE_MESSAGES : MESSAGES;
  return (int)taken;
}

const struct way INWARD = {.work_size = sizeof(struct inward), .turn = turn};
