/* A thread that carries packets one way between a TUN queue and a UDP socket. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "counters.h"
#include "icmp.h"
#include "table.h"

/* The table that is current, which whoever reads it holds meanwhile. */
typedef struct table *_Atomic shared_table;

struct setting {
  /* In network byte order. */
  uint32_t tunnel_address;
  uint16_t mtu;
  /* The device takes and gives super-packets of UDP too. */
  bool udp_segmentation;
};

struct carrier;

/* One way. `turn` carries a batch and returns how many packets or datagrams it took; negative: the source is broken. */
struct way {
  size_t work_size;
  int (*turn)(struct carrier *carrier, void *work);
  bool reads_tun;
};

extern const struct way OUTWARD, INWARD;

struct carrier {
  const struct way *way;
  int tun, udp, wake;
  struct setting setting;
  shared_table *current;
  /* What the batch in hand uses: not to be freed. */
  shared_table held;
  struct lane *lane;
  struct allowance errors;
  void *work;
  atomic_bool stopping;
  bool running;
  pthread_t thread;
};

/* Descriptors stay the caller's. False with errno if there is no memory, descriptor or thread left. */
bool carrier_start(struct carrier *carrier);
/* Ends the thread after the batch in hand, if it runs, and frees what it had. */
void carrier_stop(struct carrier *carrier);

/* NULL if there is no table yet. */
static inline const struct table *carrier_hold(struct carrier *carrier) {
  struct table *table;
  /* Seen again after it was said to be held: then nobody freed it in between. */
  do {
    table = atomic_load(carrier->current);
    atomic_store(&carrier->held, table);
  } while (table != atomic_load(carrier->current));
  return table;
}

static inline void carrier_release(struct carrier *carrier) {
  atomic_store_explicit(&carrier->held, NULL, memory_order_release);
}

static inline void carrier_drop(struct carrier *carrier, enum drop reason, uint64_t packets) {
  count(&carrier->lane->drops[reason], packets);
}
