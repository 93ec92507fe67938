/* Sizes that several files must agree on. The first three are of src/tunnel/messages.ts too. */
#pragma once

enum {
  MAX_QUEUES = 16,
  MAX_PEERS = 16384,
  MAX_PREFIXES = 32768,
  MAX_FRAME = 1 << 20,
  /* While a table replaces another, the peers of both are counted. */
  PEER_IDS = 2 * MAX_PEERS,
  /* Of IPv4: header and all. */
  MAX_PACKET = 65535,
  /* What one UDP datagram over IPv4 can hold, and so what one send with UDP_SEGMENT can. */
  MAX_DATAGRAM = 65535 - 20 - 8,
  /* UDP_MAX_SEGMENTS of linux/udp.h up to 6.8. */
  MAX_SEGMENTS = 64
};
