/* From the device to the peers: super-packets are cut to size, checksums completed. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "packet.h"
#include "sending.h"
#include "virtio.h"

enum {
  READS = 64,
  READ_SIZE = sizeof(struct virtio_net_hdr) + MAX_PACKET,
  /* Behind this and the offload header, words of the packet lie at addresses of words. */
  FIRST_AT = 6,
  /* Of all reads of a batch: some super-packets, and it stays in the cache. */
  ARENA_SIZE = 5 * (MAX_PACKET + 1),
  HEADERS = 256
};

struct outward {
  struct sending sending;
  struct place destination;
  uint32_t headers;
  uint8_t header[HEADERS][MAX_HEADERS];
  uint8_t arena[ARENA_SIZE] __attribute__((aligned(8)));
};

/* A super-packet, and how to cut it. */
struct cutting {
  struct iphdr *ip;
  size_t header_length, payload_length, size;
  const struct peer *peer;
};

static void flush(struct carrier *carrier, struct outward *work) {
  sending_flush(&work->sending, carrier);
  work->headers = 0;
}

static void add_packet(struct carrier *carrier, struct outward *work, const struct peer *peer,
                       const struct iovec *packet) {
  if (sending_add(&work->sending, peer, packet, NULL)) return;
  flush(carrier, work);
  sending_add(&work->sending, peer, packet, NULL);
}

/* `head` is the last header that was taken. */
static void add_segment(struct carrier *carrier, struct outward *work, const struct peer *peer, struct iovec *head,
                        const struct iovec *rest) {
  if (sending_add(&work->sending, peer, head, rest)) return;
  flush(carrier, work);
  /* The room for headers is free again, and this one must not lie in the way of those to come. */
  memmove(work->header[work->headers], head->iov_base, head->iov_len);
  head->iov_base = work->header[work->headers++];
  sending_add(&work->sending, peer, head, rest);
}

/* The device's kernel sent the packet: it gets the error back by the device. */
static void answer(struct carrier *carrier, enum icmp_error kind, uint16_t mtu, const struct iphdr *ip,
                   size_t length) {
  struct {
    struct virtio_net_hdr offload;
    uint8_t error[ICMP_ERROR_SIZE];
  } reply;
  memset(&reply.offload, 0, sizeof reply.offload);
  size_t size =
      icmp_write(reply.error, kind, carrier->setting.tunnel_address, mtu, ip, length, &carrier->errors);
  if (size == 0) return;
  if (write(carrier->tun, &reply, sizeof reply.offload + size) < 0) carrier_drop(carrier, DROP_DEVICE_REFUSED, 1);
}

/* `index` counts segments; `sum` is that of the payload. */
static void finish_tcp(uint8_t *header, size_t ip_length, const struct cutting *cutting, size_t index, bool last,
                       uint64_t sum, size_t length) {
  const struct iphdr *ip = (const struct iphdr *)header;
  struct tcphdr *tcp = (struct tcphdr *)(header + ip_length);
  size_t tcp_length = cutting->header_length - ip_length;
  tcp->seq = htonl(ntohl(tcp->seq) + (uint32_t)(index * cutting->size));
  uint8_t *flags = tcp_flags(tcp);
  if (!last) *flags &= (uint8_t)~(FLAG_FIN | FLAG_PSH);
  /* RFC 3168 section 6.1.2: the window was reduced once. */
  if (index > 0) *flags &= (uint8_t)~FLAG_CWR;
  tcp->check = 0;
  uint64_t pseudo = sum_pseudo_header(ip->saddr, ip->daddr, IPPROTO_TCP, tcp_length + length);
  tcp->check = (uint16_t)~fold(pseudo + sum_bytes(tcp, tcp_length) + sum);
}

static void finish_udp(uint8_t *header, size_t ip_length, uint64_t sum, size_t length) {
  const struct iphdr *ip = (const struct iphdr *)header;
  struct udphdr *udp = (struct udphdr *)(header + ip_length);
  udp->len = htons((uint16_t)(UDP_HEADER + length));
  udp->check = 0;
  uint64_t pseudo = sum_pseudo_header(ip->saddr, ip->daddr, IPPROTO_UDP, UDP_HEADER + length);
  uint16_t check = (uint16_t)~fold(pseudo + sum_bytes(udp, UDP_HEADER) + sum);
  udp->check = check == 0 ? 0xffff : check;
}

static void cut(struct carrier *carrier, struct outward *work, const struct cutting *cutting) {
  const uint8_t *whole = (const uint8_t *)cutting->ip, *payload = whole + cutting->header_length;
  size_t ip_length = ipv4_header_length(cutting->ip);
  for (size_t index = 0, at = 0; at < cutting->payload_length; index++, at += cutting->size) {
    size_t left = cutting->payload_length - at, length = left < cutting->size ? left : cutting->size;
    if (work->headers == HEADERS) flush(carrier, work);
    uint8_t *header = work->header[work->headers++];
    memcpy(header, whole, cutting->header_length);
    struct iphdr *ip = (struct iphdr *)header;
    ip->tot_len = htons((uint16_t)(cutting->header_length + length));
    ip->id = htons((uint16_t)(ntohs(ip->id) + index));
    set_ipv4_checksum(ip);
    uint64_t sum = sum_bytes(payload + at, length);
    if (ip->protocol == IPPROTO_TCP) finish_tcp(header, ip_length, cutting, index, length == left, sum, length);
    else finish_udp(header, ip_length, sum, length);
    struct iovec head = {header, cutting->header_length}, rest = {(void *)(payload + at), length};
    add_segment(carrier, work, cutting->peer, &head, &rest);
  }
}

/* False if the headers do not bear out what the kernel said of the super-packet. */
static bool plan_cut(struct cutting *cutting, const struct virtio_net_hdr *offload, size_t length) {
  uint8_t type = offload->gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN;
  uint8_t protocol = type == VIRTIO_NET_HDR_GSO_TCPV4 ? IPPROTO_TCP : IPPROTO_UDP;
  size_t ip_length = ipv4_header_length(cutting->ip);
  if (type != VIRTIO_NET_HDR_GSO_TCPV4 && type != VIRTIO_NET_HDR_GSO_UDP_L4) return false;
  if (cutting->ip->protocol != protocol || is_fragment(cutting->ip)) return false;
  cutting->header_length = ip_length + (protocol == IPPROTO_TCP ? TCP_HEADER : UDP_HEADER);
  if (length <= cutting->header_length) return false;
  if (protocol == IPPROTO_TCP)
    cutting->header_length = ip_length + ((const struct tcphdr *)((uint8_t *)cutting->ip + ip_length))->doff * 4u;
  cutting->size = offload->gso_size;
  cutting->payload_length = length - cutting->header_length;
  return cutting->header_length >= ip_length + UDP_HEADER && length > cutting->header_length && cutting->size > 0;
}

/* The sum of the pseudo header stands where the checksum belongs. */
static bool complete_checksum(uint8_t *packet, size_t length, const struct virtio_net_hdr *offload) {
  size_t start = offload->csum_start, at = start + offload->csum_offset;
  if (at + sizeof(uint16_t) > length) return false;
  uint16_t check = (uint16_t)~fold(sum_bytes(packet + start, length - start));
  bool is_udp = ((const struct iphdr *)packet)->protocol == IPPROTO_UDP;
  *(word16 *)(packet + at) = is_udp && check == 0 ? 0xffff : check;
  return true;
}

/* Whom the packet is for; NULL if nobody, which is counted and answered. */
static const struct peer *route(struct carrier *carrier, struct outward *work, const struct table *table,
                                const struct iphdr *ip, size_t length) {
  if (is_martian(ip->daddr)) return carrier_drop(carrier, DROP_MARTIAN, 1), NULL;
  uint16_t owner = table_owner(table, ip->daddr, &work->destination);
  if (owner == OWNER_LOOP) return carrier_drop(carrier, DROP_LOOP, 1), NULL;
  if (owner >= MAX_PEERS) {
    carrier_drop(carrier, DROP_NO_ROUTE, 1);
    return answer(carrier, ERROR_NET_UNREACHABLE, 0, ip, length), NULL;
  }
  if (ip->ttl <= 1) {
    carrier_drop(carrier, DROP_TTL_EXCEEDED, 1);
    return answer(carrier, ERROR_TTL_EXCEEDED, 0, ip, length), NULL;
  }
  return &table->peers[owner];
}

/* Of a super-packet, of what it will be cut into. */
static bool too_big(struct carrier *carrier, const struct iphdr *ip, size_t length, size_t each) {
  if (each <= carrier->setting.mtu || (ip->frag_off & htons(IP_DF)) == 0) return false;
  carrier_drop(carrier, DROP_TOO_BIG, 1);
  answer(carrier, ERROR_FRAGMENTATION_NEEDED, carrier->setting.mtu, ip, length);
  return true;
}

static bool well_formed(struct carrier *carrier, const struct iphdr *ip, size_t length) {
  enum drop reason = DROPS;
  if (length < 1) reason = DROP_TRUNCATED;
  else if (ip->version != 4) reason = DROP_BAD_VERSION;
  else if (length < IPV4_HEADER || ip->ihl < 5 || ipv4_header_length(ip) > length) reason = DROP_TRUNCATED;
  else if (ntohs(ip->tot_len) != length) reason = DROP_TRUNCATED;
  if (reason == DROPS) return true;
  carrier_drop(carrier, reason, 1);
  return false;
}

static void carry(struct carrier *carrier, struct outward *work, const struct table *table,
                  const struct virtio_net_hdr *offload, size_t length) {
  uint8_t *packet = (uint8_t *)(offload + 1);
  struct cutting cutting = {.ip = (struct iphdr *)packet};
  if (!well_formed(carrier, cutting.ip, length)) return;
  bool whole = offload->gso_type == VIRTIO_NET_HDR_GSO_NONE;
  if (!whole && !plan_cut(&cutting, offload, length)) return carrier_drop(carrier, DROP_TRUNCATED, 1);
  cutting.peer = route(carrier, work, table, cutting.ip, length);
  if (cutting.peer == NULL) return;
  size_t longest = whole || cutting.payload_length < cutting.size ? length : cutting.header_length + cutting.size;
  if (too_big(carrier, cutting.ip, length, longest)) return;
  decrement_ttl(cutting.ip);
  if (!whole) return cut(carrier, work, &cutting);
  if ((offload->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0 && !complete_checksum(packet, length, offload))
    return carrier_drop(carrier, DROP_TRUNCATED, 1);
  struct iovec head = {packet, length};
  add_packet(carrier, work, cutting.peer, &head);
}

static int turn(struct carrier *carrier, void *given) {
  struct outward *work = given;
  int taken = 0;
  ssize_t length = 0;
  const struct table *table = carrier_hold(carrier);
  work->destination = (struct place){0};
  for (size_t at = FIRST_AT; taken < READS && at + READ_SIZE <= ARENA_SIZE; taken++) {
    length = read(carrier->tun, work->arena + at, READ_SIZE);
    if (length < (ssize_t)sizeof(struct virtio_net_hdr)) break;
    carry(carrier, work, table, (const struct virtio_net_hdr *)(work->arena + at),
          (size_t)length - sizeof(struct virtio_net_hdr));
    at = (at + (size_t)length + 7) / 8 * 8 + FIRST_AT;
  }
  int reason = errno;
  flush(carrier, work);
  carrier_release(carrier);
  bool broken = taken == 0 && length < 0 && reason != EAGAIN && reason != EINTR;
  return broken ? -1 : taken;
}

const struct way OUTWARD = {.work_size = sizeof(struct outward), .turn = turn, .reads_tun = true};
