/* Who is where: an immutable table that is replaced as a whole. Addresses of spans are in host byte order. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "limits.h"

/* Who an inner address belongs to: the index of a peer, or one of these. */
enum owner { OWNER_NOBODY = MAX_PEERS, OWNER_LOCAL, OWNER_LOOP };

struct peer {
  struct sockaddr_in address;
  /* Of its counters; stays while it is a peer. */
  uint32_t id;
};

struct prefix {
  uint32_t first, last;
  uint16_t owner;
};

/* From `first` up to the next span. */
struct span {
  uint32_t first;
  uint16_t owner;
};

struct table {
  uint64_t revision;
  uint32_t peer_count, span_count;
  /* Sorted by address and port. */
  struct peer *peers;
  struct span *spans;
};

/* A place found before: traffic comes in runs. Zeroed, it covers nothing. */
struct place {
  uint32_t first, end;
  uint16_t owner;
};

/*
 * Owns nothing of what it is given. `peers` and `prefixes` are sorted in place; owners in `prefixes` are indexes of
 * `peers` before the sort. NULL with a reason in `why` (of WHY_SIZE bytes).
 */
enum { WHY_SIZE = 200 };
struct table *table_make(uint64_t revision, struct peer *peers, uint32_t peer_count, struct prefix *prefixes,
                         uint32_t prefix_count, char *why);
void table_free(struct table *table);

/* Longest match of an address in network byte order; `place` is filled or used again. */
uint16_t table_owner(const struct table *table, uint32_t address, struct place *place);
/* NULL if this address and port is no peer's. */
const struct peer *table_peer(const struct table *table, const struct sockaddr_in *address);
