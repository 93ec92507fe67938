#define _GNU_SOURCE
#include "icmp.h"

#include <string.h>
#include <time.h>

#include "packet.h"

enum { BURST = 100, REFILL_MS = 1000, QUOTED = 8, ERROR_TTL = 64, PROTOCOL_ICMP = 1 };

struct icmp_header {
  uint8_t type, code;
  uint16_t check, unused, mtu;
};

static bool allowed(struct allowance *allowance) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  int64_t now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
  if (allowance->refilled_ms == 0 || now_ms - allowance->refilled_ms >= REFILL_MS) {
    allowance->refilled_ms = now_ms;
    allowance->left = BURST;
  }
  if (allowance->left == 0) return false;
  allowance->left--;
  return true;
}

/* RFC 1122 section 3.2.2. Messages that are no errors are echo, router discovery, timestamps and information. */
static bool is_icmp_error(const struct iphdr *packet, size_t length) {
  size_t header = ipv4_header_length(packet);
  if (packet->protocol != PROTOCOL_ICMP || length <= header) return false;
  uint8_t type = ((const uint8_t *)packet)[header];
  return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

size_t icmp_write(uint8_t *error, enum icmp_error kind, uint32_t source, uint16_t mtu, const struct iphdr *packet,
                  size_t length, struct allowance *allowance) {
  static const struct icmp_header KINDS[] = {
      [ERROR_NET_UNREACHABLE] = {.type = 3, .code = 0},
      [ERROR_FRAGMENTATION_NEEDED] = {.type = 3, .code = 4},
      [ERROR_TTL_EXCEEDED] = {.type = 11, .code = 0},
  };
  if (is_icmp_error(packet, length) || (packet->frag_off & htons(IP_OFFMASK)) != 0) return 0;
  if (is_martian(packet->saddr) || is_martian(packet->daddr) || !allowed(allowance)) return 0;
  size_t quoted = ipv4_header_length(packet) + QUOTED;
  if (quoted > length) quoted = length;
  struct iphdr ip = {.version = 4, .ihl = 5, .ttl = ERROR_TTL, .protocol = PROTOCOL_ICMP, .saddr = source,
                     .daddr = packet->saddr, .tot_len = htons((uint16_t)(IPV4_HEADER + sizeof KINDS[0] + quoted))};
  struct icmp_header icmp = KINDS[kind];
  if (kind == ERROR_FRAGMENTATION_NEEDED) icmp.mtu = htons(mtu);
  icmp.check = (uint16_t)~fold(sum_bytes(&icmp, sizeof icmp) + sum_bytes(packet, quoted));
  set_ipv4_checksum(&ip);
  memcpy(error, &ip, sizeof ip);
  memcpy(error + sizeof ip, &icmp, sizeof icmp);
  memcpy(error + sizeof ip + sizeof icmp, packet, quoted);
  return sizeof ip + sizeof icmp + quoted;
}
