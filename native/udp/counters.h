/* What is counted: each thread writes a lane of its own, plainly; status reads all lanes. */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "limits.h"

/* In the order of DROP_REASONS in src/tunnel/messages.ts. */
enum drop {
  DROP_TRUNCATED,
  DROP_BAD_VERSION,
  DROP_BAD_CHECKSUM,
  DROP_MARTIAN,
  DROP_UNKNOWN_PEER,
  DROP_SPOOFED_SOURCE,
  DROP_NOT_OURS,
  DROP_TTL_EXCEEDED,
  DROP_NO_ROUTE,
  DROP_TOO_BIG,
  DROP_LOOP,
  DROP_SEND_FAILED,
  DROP_DEVICE_REFUSED,
  DROP_QUEUE_FULL,
  DROPS
};

typedef _Atomic uint64_t counter;

struct traffic {
  counter packets, bytes;
};

struct lane {
  counter drops[DROPS];
  struct traffic sent[PEER_IDS], received[PEER_IDS];
};

/* A counter has one writer, so a plain addition does; atomic only so that a reader never sees half of it. */
static inline void count(counter *total, uint64_t more) {
  uint64_t before = atomic_load_explicit(total, memory_order_relaxed);
  atomic_store_explicit(total, before + more, memory_order_relaxed);
}

static inline void count_traffic(struct traffic *traffic, uint64_t packets, uint64_t bytes) {
  count(&traffic->packets, packets);
  count(&traffic->bytes, bytes);
}
