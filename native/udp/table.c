#include "table.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 34 };

static int by_address(const void *a, const void *b) {
  const struct sockaddr_in *x = &((const struct peer *)a)->address, *y = &((const struct peer *)b)->address;
  uint32_t left = ntohl(x->sin_addr.s_addr), right = ntohl(y->sin_addr.s_addr);
  if (left != right) return left < right ? -1 : 1;
  return (int)ntohs(x->sin_port) - (int)ntohs(y->sin_port);
}

/* Those that hold others first. */
static int by_range(const void *a, const void *b) {
  const struct prefix *x = a, *y = b;
  if (x->first != y->first) return x->first < y->first ? -1 : 1;
  if (x->last != y->last) return x->last > y->last ? -1 : 1;
  return (int)x->owner - (int)y->owner;
}

static const char *address_text(uint32_t address) {
  struct in_addr network = {htonl(address)};
  return inet_ntoa(network);
}

/* Sorts the peers and lets the prefixes follow them. */
static bool sort_peers(struct peer *peers, uint32_t count, struct prefix *prefixes, uint32_t prefix_count, char *why) {
  if (count == 0) return true;
  uint16_t moved[MAX_PEERS];
  uint32_t *ids = malloc(count * sizeof *ids);
  if (ids == NULL) return snprintf(why, WHY_SIZE, "no memory"), false;
  for (uint32_t i = 0; i < count; i++) ids[i] = peers[i].id, peers[i].id = i;
  qsort(peers, count, sizeof *peers, by_address);
  for (uint32_t i = 0; i < count; i++) moved[peers[i].id] = (uint16_t)i, peers[i].id = ids[peers[i].id];
  free(ids);
  for (uint32_t i = 0; i < prefix_count; i++)
    if (prefixes[i].owner < MAX_PEERS) prefixes[i].owner = moved[prefixes[i].owner];
  for (uint32_t i = 1; i < count; i++) {
    if (by_address(&peers[i - 1], &peers[i]) != 0) continue;
    const char *text = inet_ntoa(peers[i].address.sin_addr);
    return snprintf(why, WHY_SIZE, "expected every peer once, got %s port %u twice", text,
                    ntohs(peers[i].address.sin_port)), false;
  }
  return true;
}

static void add_span(struct table *table, uint32_t first, uint16_t owner) {
  if (table->span_count > 0) {
    struct span *last = &table->spans[table->span_count - 1];
    if (last->first == first) {
      last->owner = owner;
      return;
    }
    if (last->owner == owner) return;
  }
  table->spans[table->span_count++] = (struct span){first, owner};
}

/* Cuts nested prefixes into spans side by side, so that a lookup is one binary search. */
static bool cut_spans(struct table *table, struct prefix *prefixes, uint32_t count, char *why) {
  const struct prefix *around[MAX_DEPTH];
  unsigned depth = 0;
  add_span(table, 0, OWNER_NOBODY);
  for (uint32_t i = 0; i <= count; i++) {
    const struct prefix *next = i < count ? &prefixes[i] : NULL;
    while (depth > 0 && (next == NULL || around[depth - 1]->last < next->first)) {
      uint32_t end = around[--depth]->last;
      if (end != UINT32_MAX) add_span(table, end + 1, depth > 0 ? around[depth - 1]->owner : OWNER_NOBODY);
    }
    if (next == NULL) break;
    if (depth > 0 && around[depth - 1]->first == next->first && around[depth - 1]->last == next->last) {
      /* The outer addresses of peers come after the prefixes that are the same, and win. */
      if (next->owner == around[depth - 1]->owner) continue;
      if (next->owner != OWNER_LOOP)
        return snprintf(why, WHY_SIZE, "expected every prefix once, got %s up to %u more addresses twice",
                        address_text(next->first), next->last - next->first), false;
      depth--;
    }
    around[depth++] = next;
    add_span(table, next->first, next->owner);
  }
  return true;
}

struct table *table_make(uint64_t revision, struct peer *peers, uint32_t peer_count, struct prefix *prefixes,
                         uint32_t prefix_count, char *why) {
  uint32_t total = prefix_count + peer_count;
  struct table *table = calloc(1, sizeof *table);
  struct prefix *all = malloc((total + 1) * sizeof *all);
  if (table != NULL) {
    table->peers = malloc((peer_count + 1) * sizeof *peers);
    table->spans = malloc((2 * (size_t)total + 1) * sizeof *table->spans);
  }
  bool made = false;
  if (table == NULL || all == NULL || table->peers == NULL || table->spans == NULL) {
    snprintf(why, WHY_SIZE, "no memory");
  } else if (sort_peers(peers, peer_count, prefixes, prefix_count, why)) {
    if (prefix_count > 0) memcpy(all, prefixes, prefix_count * sizeof *all);
    for (uint32_t i = 0; i < peer_count; i++) {
      uint32_t outer = ntohl(peers[i].address.sin_addr.s_addr);
      all[prefix_count + i] = (struct prefix){outer, outer, OWNER_LOOP};
    }
    if (peer_count > 0) memcpy(table->peers, peers, peer_count * sizeof *peers);
    if (total > 0) qsort(all, total, sizeof *all, by_range);
    table->revision = revision;
    table->peer_count = peer_count;
    made = cut_spans(table, all, total, why);
  }
  free(all);
  if (made) return table;
  table_free(table);
  return NULL;
}

void table_free(struct table *table) {
  if (table == NULL) return;
  free(table->peers);
  free(table->spans);
  free(table);
}

uint16_t table_owner(const struct table *table, uint32_t address, struct place *place) {
  uint32_t wanted = ntohl(address);
  if (wanted >= place->first && wanted < place->end) return place->owner;
  uint32_t low = 0, high = table->span_count;
  while (high - low > 1) {
    uint32_t middle = low + (high - low) / 2;
    if (table->spans[middle].first <= wanted) low = middle;
    else high = middle;
  }
  place->first = table->spans[low].first;
  place->end = high < table->span_count ? table->spans[high].first : UINT32_MAX;
  place->owner = table->spans[low].owner;
  return place->owner;
}

const struct peer *table_peer(const struct table *table, const struct sockaddr_in *address) {
  struct peer wanted = {.address = *address};
  return bsearch(&wanted, table->peers, table->peer_count, sizeof *table->peers, by_address);
}
