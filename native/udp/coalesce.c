#define _GNU_SOURCE
#include "coalesce.h"

#include <string.h>

/* How far back to look for the flow. */
enum { LOOK_BACK = 8 };

/* 0 if packets like this one are never joined. */
static size_t joinable_headers(struct iphdr *ip, size_t length, bool udp_too) {
  if (ip->ihl != 5 || is_fragment(ip)) return 0;
  if (ip->protocol == IPPROTO_TCP && length > IPV4_HEADER + TCP_HEADER) {
    struct tcphdr *tcp = (struct tcphdr *)((uint8_t *)ip + IPV4_HEADER);
    size_t headers = IPV4_HEADER + tcp->doff * 4u;
    bool plain = (*tcp_flags(tcp) & ~(FLAG_PSH | FLAG_ECE)) == FLAG_ACK;
    return tcp->doff >= 5 && plain && length > headers ? headers : 0;
  }
  if (!udp_too || ip->protocol != IPPROTO_UDP || length <= IPV4_HEADER + UDP_HEADER) return 0;
  const struct udphdr *udp = (const struct udphdr *)((uint8_t *)ip + IPV4_HEADER);
  return udp->check != 0 && ntohs(udp->len) == length - IPV4_HEADER ? IPV4_HEADER + UDP_HEADER : 0;
}

/* A wrong checksum must reach the receiver as it is: a super-packet would get a right one. */
static bool transport_is_right(const struct iphdr *ip, size_t length) {
  size_t rest = length - IPV4_HEADER;
  uint64_t pseudo = sum_pseudo_header(ip->saddr, ip->daddr, ip->protocol, rest);
  return fold(pseudo + sum_bytes((const uint8_t *)ip + IPV4_HEADER, rest)) == 0xffff;
}

/* Addresses, protocol and ports. */
static bool same_flow(const struct iphdr *a, const struct iphdr *b) {
  return a->saddr == b->saddr && a->daddr == b->daddr && a->protocol == b->protocol &&
         *(const word32 *)((const uint8_t *)a + IPV4_HEADER) == *(const word32 *)((const uint8_t *)b + IPV4_HEADER);
}

static struct super *latest(struct coalescing *coalescing, const struct iphdr *ip) {
  uint32_t oldest = coalescing->count > LOOK_BACK ? coalescing->count - LOOK_BACK : 0;
  for (uint32_t i = coalescing->count; i > oldest; i--) {
    struct super *super = &coalescing->supers[i - 1];
    if (super->header_length > 0 && same_flow(super->ip, ip)) return super;
  }
  return NULL;
}

/* Everything in the headers is the same but what grows from segment to segment. */
static bool same_headers(const struct super *super, struct iphdr *ip, size_t headers) {
  struct iphdr *first = super->ip;
  bool unfragmented = (ip->frag_off & htons(IP_DF)) != 0;
  if (headers != super->header_length || ip->tos != first->tos || ip->ttl != first->ttl) return false;
  if (ip->frag_off != first->frag_off) return false;
  /* RFC 6864: of packets that may not be fragmented the identification says nothing. */
  if (!unfragmented && ntohs(ip->id) != (uint16_t)(ntohs(first->id) + super->count)) return false;
  if (ip->protocol == IPPROTO_UDP) return true;
  struct tcphdr *a = (struct tcphdr *)((uint8_t *)first + IPV4_HEADER);
  struct tcphdr *b = (struct tcphdr *)((uint8_t *)ip + IPV4_HEADER);
  return ntohl(b->seq) == super->next_sequence && a->ack_seq == b->ack_seq && a->window == b->window &&
         ((*tcp_flags(a) ^ *tcp_flags(b)) & ~FLAG_PSH) == 0 &&
         memcmp(a + 1, b + 1, headers - IPV4_HEADER - TCP_HEADER) == 0;
}

static bool join(struct super *super, struct iphdr *ip, size_t length, size_t headers) {
  size_t payload = length - headers;
  if (super->closed || payload > super->size || super->bytes + payload > MAX_PACKET) return false;
  if (super->count == MAX_SEGMENTS || !same_headers(super, ip, headers)) return false;
  if (!super->verified && !transport_is_right(super->ip, super->bytes)) return false;
  super->verified = true;
  if (!transport_is_right(ip, length)) return false;
  super->piece[super->pieces++] = (struct iovec){(uint8_t *)ip + headers, payload};
  super->count++;
  super->bytes += (uint32_t)payload;
  super->next_sequence += (uint32_t)payload;
  super->closed = payload < super->size;
  if (ip->protocol != IPPROTO_TCP) return true;
  uint8_t pushed = *tcp_flags((struct tcphdr *)((uint8_t *)ip + IPV4_HEADER)) & FLAG_PSH;
  *tcp_flags((struct tcphdr *)((uint8_t *)super->ip + IPV4_HEADER)) |= pushed;
  super->closed |= pushed != 0;
  return true;
}

static void begin(struct super *super, struct iphdr *ip, size_t length, size_t headers) {
  struct tcphdr *tcp = (struct tcphdr *)((uint8_t *)ip + IPV4_HEADER);
  bool is_tcp = headers > 0 && ip->protocol == IPPROTO_TCP;
  memset(&super->offload, 0, sizeof super->offload);
  super->ip = ip;
  super->header_length = (uint32_t)headers;
  super->size = (uint32_t)(length - headers);
  super->count = 1;
  super->bytes = (uint32_t)length;
  super->next_sequence = is_tcp ? ntohl(tcp->seq) + super->size : 0;
  super->closed = headers == 0 || (is_tcp && (*tcp_flags(tcp) & FLAG_PSH) != 0);
  super->verified = false;
  super->piece[0] = (struct iovec){&super->offload, sizeof super->offload};
  super->piece[1] = (struct iovec){ip, length};
  super->pieces = 2;
}

/* Something of this flow came that is not joined: what comes after it must not overtake it. */
static void close_latest(struct coalescing *coalescing, const struct iphdr *ip) {
  uint32_t oldest = coalescing->count > LOOK_BACK ? coalescing->count - LOOK_BACK : 0;
  for (uint32_t i = coalescing->count; i > oldest; i--) {
    struct super *super = &coalescing->supers[i - 1];
    if (super->ip->saddr == ip->saddr && super->ip->daddr == ip->daddr) super->closed = true;
  }
}

void coalescing_add(struct coalescing *coalescing, struct carrier *carrier, struct iphdr *ip, size_t length) {
  size_t headers = joinable_headers(ip, length, carrier->setting.udp_segmentation);
  struct super *super = headers == 0 ? NULL : latest(coalescing, ip);
  if (super != NULL && join(super, ip, length, headers)) return;
  if (headers == 0) close_latest(coalescing, ip);
  if (coalescing->count == WRITES) coalescing_flush(coalescing, carrier);
  begin(&coalescing->supers[coalescing->count++], ip, length, headers);
}

/* The device's kernel treats it as if it had made it itself: the checksum is of the pseudo header only. */
static void finish(struct super *super) {
  struct iphdr *ip = super->ip;
  bool is_tcp = ip->protocol == IPPROTO_TCP;
  size_t transport = super->bytes - IPV4_HEADER;
  uint8_t *header = (uint8_t *)ip + IPV4_HEADER;
  size_t check_at = is_tcp ? offsetof(struct tcphdr, check) : offsetof(struct udphdr, check);
  ip->tot_len = htons((uint16_t)super->bytes);
  set_ipv4_checksum(ip);
  *(word16 *)(header + check_at) = fold(sum_pseudo_header(ip->saddr, ip->daddr, ip->protocol, transport));
  if (!is_tcp) ((struct udphdr *)header)->len = htons((uint16_t)transport);
  super->offload = (struct virtio_net_hdr){
      .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
      .gso_type = is_tcp ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_UDP_L4,
      .hdr_len = (uint16_t)super->header_length,
      .gso_size = (uint16_t)super->size,
      .csum_start = IPV4_HEADER,
      .csum_offset = (uint16_t)check_at,
  };
}

void coalescing_flush(struct coalescing *coalescing, struct carrier *carrier) {
  for (uint32_t i = 0; i < coalescing->count; i++) {
    struct super *super = &coalescing->supers[i];
    if (super->count > 1) finish(super);
    if (writev(carrier->tun, super->piece, (int)super->pieces) < 0)
      carrier_drop(carrier, DROP_DEVICE_REFUSED, super->count);
  }
  coalescing->count = 0;
}
