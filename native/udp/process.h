/* Everything the process is: what it was configured with, who is where, and what was counted. One thread changes it. */
#pragma once

#include "carrier.h"

enum {
  GENERATIONS = 2,
  CARRIERS = 2 * MAX_QUEUES,
};

struct plain_traffic {
  uint64_t packets, bytes;
};

/* One configuration at work. While it replaces another, both run. */
struct generation {
  uint64_t revision;
  unsigned queues;
  struct setting setting;
  int tun[MAX_QUEUES], udp[MAX_QUEUES];
  struct carrier carriers[CARRIERS];
};

struct process {
  shared_table table;
  struct generation generations[GENERATIONS];
  unsigned active;
  /* Datagrams lost in sockets that are closed. */
  uint64_t lost_before;
  /* What the lanes had counted under an id when it was given to its peer. */
  struct plain_traffic sent_before[PEER_IDS], received_before[PEER_IDS];
  struct lane lanes[GENERATIONS][CARRIERS];
};

/* NULL if there is no memory. */
struct process *process_new(void);
/* Ends all threads. */
void process_free(struct process *process);

/*
 * `next` has its revision, queues, setting and descriptors, which are the process's from now on if this succeeds. False
 * with errno: then the configuration before goes on.
 */
bool process_configure(struct process *process, const struct generation *next);
/* Gives peers their ids, which they keep from table to table. */
void process_identify(struct process *process, struct peer *peers, uint32_t count);
/* Owns the table; returns when nobody uses the one before. */
void process_set_table(struct process *process, struct table *table);

static inline const struct generation *process_active(const struct process *process) {
  return &process->generations[process->active];
}
uint64_t process_drops(const struct process *process, enum drop reason);
struct plain_traffic process_sent(const struct process *process, uint32_t id);
struct plain_traffic process_received(const struct process *process, uint32_t id);
