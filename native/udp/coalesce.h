/* Packets on their way to the device: those of one flow that follow each other become one super-packet. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "carrier.h"
#include "packet.h"
#include "virtio.h"

enum { WRITES = 64, PACKET_PIECES = 2 + MAX_SEGMENTS };

/* What is written at once: the offload header, the headers of the first packet, and the payloads of all. */
struct super {
  struct virtio_net_hdr offload;
  struct iphdr *ip;
  /* Of IPv4 and the transport, and the payload of each packet but the last, which may be shorter. */
  uint32_t header_length, size;
  uint32_t count, bytes, pieces;
  uint32_t next_sequence;
  /* Nothing may follow; the checksum of the first was looked at and is right. */
  bool closed, verified;
  struct iovec piece[PACKET_PIECES];
};

struct coalescing {
  uint32_t count;
  struct super supers[WRITES];
};

/* A whole IPv4 packet of `length` bytes that was checked, and stays until the flush. */
void coalescing_add(struct coalescing *coalescing, struct carrier *carrier, struct iphdr *ip, size_t length);
void coalescing_flush(struct coalescing *coalescing, struct carrier *carrier);
