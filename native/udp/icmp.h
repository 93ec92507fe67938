/* ICMP errors about inner packets, from the tunnel's own address (RFC 792, RFC 1812 section 4.3.2). */
#pragma once

#include <netinet/ip.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ICMP_ERROR_SIZE = 20 + 8 + 60 + 8 };

enum icmp_error { ERROR_NET_UNREACHABLE, ERROR_FRAGMENTATION_NEEDED, ERROR_TTL_EXCEEDED };

/* How many may still be sent: a flood of bad packets is not answered with one of errors. */
struct allowance {
  int64_t refilled_ms;
  unsigned left;
};

/*
 * Writes the error about `packet` (a whole IPv4 header at least), and returns its length; 0 if none may be sent: about
 * an ICMP error, a later fragment, to or from no single host, or too often. `source` in network byte order; `mtu` counts
 * for fragmentation needed only.
 */
size_t icmp_write(uint8_t *error, enum icmp_error kind, uint32_t source, uint16_t mtu, const struct iphdr *packet,
                  size_t length, struct allowance *allowance);
