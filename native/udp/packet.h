/* Headers of inner packets, and the little that both directions do with them. */
#pragma once

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "checksum.h"

enum {
  IPV4_HEADER = 20,
  UDP_HEADER = 8,
  TCP_HEADER = 20,
  /* IPv4 and TCP with all the options they can have. */
  MAX_HEADERS = 120
};

/* RFC 9293 section 3.1, RFC 3168 section 6.1. */
enum { FLAG_FIN = 0x01, FLAG_PSH = 0x08, FLAG_ACK = 0x10, FLAG_ECE = 0x40, FLAG_CWR = 0x80 };

static inline uint8_t *tcp_flags(struct tcphdr *tcp) { return (uint8_t *)tcp + 13; }

static inline size_t ipv4_header_length(const struct iphdr *ip) { return ip->ihl * 4u; }

static inline bool is_fragment(const struct iphdr *ip) { return (ip->frag_off & htons(IP_MF | IP_OFFMASK)) != 0; }

static inline void set_ipv4_checksum(struct iphdr *ip) {
  ip->check = 0;
  ip->check = (uint16_t)~fold(sum_bytes(ip, ipv4_header_length(ip)));
}

/* RFC 1624: time to live is the upper byte of its word. */
static inline void decrement_ttl(struct iphdr *ip) {
  uint32_t sum = (uint32_t)ip->check + htons(0x0100);
  ip->check = (uint16_t)(sum + (sum >> 16));
  ip->ttl--;
}

/* 0/8, 127/8, 224/4 and 240/4; in network byte order. */
static inline bool is_martian(uint32_t address) {
  uint8_t first = (uint8_t)(ntohl(address) >> 24);
  return first == 0 || first == 127 || first >= 224;
}
