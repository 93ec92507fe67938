#define _GNU_SOURCE
#include "process.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* A batch takes less than a millisecond, if the kernel takes what it sends. */
enum { HELD_WAIT_NS = 100000 };

struct process *process_new(void) {
  char why[WHY_SIZE];
  struct process *process = calloc(1, sizeof *process);
  struct table *empty = process == NULL ? NULL : table_make(0, NULL, 0, NULL, 0, why);
  if (empty == NULL) {
    free(process);
    return NULL;
  }
  atomic_init(&process->table, empty);
  return process;
}

/* Datagrams that the socket had no room for. */
static uint64_t lost_by(int fd) {
  uint32_t memory[SK_MEMINFO_VARS] = {0};
  socklen_t length = sizeof memory;
  return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &length) < 0 ? 0 : memory[SK_MEMINFO_DROPS];
}

static void stop(struct process *process, struct generation *generation) {
  for (unsigned i = 0; i < 2 * generation->queues; i++) carrier_stop(&generation->carriers[i]);
  for (unsigned i = 0; i < generation->queues; i++) {
    process->lost_before += lost_by(generation->udp[i]);
    close(generation->tun[i]);
    close(generation->udp[i]);
  }
  generation->queues = 0;
}

void process_free(struct process *process) {
  for (unsigned i = 0; i < GENERATIONS; i++) stop(process, &process->generations[i]);
  table_free(atomic_load(&process->table));
  free(process);
}

static void prepare(struct process *process, struct generation *generation, struct lane *lanes) {
  for (unsigned i = 0; i < 2 * generation->queues; i++) {
    struct carrier *carrier = &generation->carriers[i];
    memset(carrier, 0, sizeof *carrier);
    carrier->way = i % 2 == 0 ? &OUTWARD : &INWARD;
    carrier->tun = generation->tun[i / 2];
    carrier->udp = generation->udp[i / 2];
    carrier->wake = -1;
    carrier->setting = generation->setting;
    carrier->current = &process->table;
    carrier->lane = &lanes[i];
  }
}

bool process_configure(struct process *process, const struct generation *next) {
  unsigned other = 1 - process->active;
  struct generation *generation = &process->generations[other];
  *generation = *next;
  prepare(process, generation, process->lanes[other]);
  for (unsigned i = 0; i < 2 * generation->queues; i++) {
    if (carrier_start(&generation->carriers[i])) continue;
    int reason = errno;
    while (i-- > 0) carrier_stop(&generation->carriers[i]);
    generation->queues = 0;
    errno = reason;
    return false;
  }
  stop(process, &process->generations[process->active]);
  process->active = other;
  return true;
}

static struct plain_traffic total(const struct process *process, uint32_t id, bool sent) {
  struct plain_traffic sum = {0};
  for (unsigned i = 0; i < GENERATIONS * CARRIERS; i++) {
    const struct lane *lane = &process->lanes[i / CARRIERS][i % CARRIERS];
    const struct traffic *traffic = sent ? &lane->sent[id] : &lane->received[id];
    sum.packets += atomic_load_explicit(&traffic->packets, memory_order_relaxed);
    sum.bytes += atomic_load_explicit(&traffic->bytes, memory_order_relaxed);
  }
  return sum;
}

void process_identify(struct process *process, struct peer *peers, uint32_t count) {
  const struct table *before = atomic_load(&process->table);
  uint8_t taken[PEER_IDS] = {0};
  uint32_t next = 0;
  for (uint32_t i = 0; i < before->peer_count; i++) taken[before->peers[i].id] = 1;
  for (uint32_t i = 0; i < count; i++) {
    const struct peer *known = table_peer(before, &peers[i].address);
    if (known != NULL) {
      peers[i].id = known->id;
      continue;
    }
    while (taken[next]) next++;
    taken[next] = 1;
    peers[i].id = next;
    process->sent_before[next] = total(process, next, true);
    process->received_before[next] = total(process, next, false);
  }
}

void process_set_table(struct process *process, struct table *table) {
  struct table *before = atomic_exchange(&process->table, table);
  struct generation *generation = &process->generations[process->active];
  const struct timespec pause = {0, HELD_WAIT_NS};
  for (unsigned i = 0; i < 2 * generation->queues; i++)
    while (atomic_load(&generation->carriers[i].held) == before) nanosleep(&pause, NULL);
  table_free(before);
}

uint64_t process_drops(const struct process *process, enum drop reason) {
  uint64_t sum = 0;
  for (unsigned i = 0; i < GENERATIONS * CARRIERS; i++)
    sum += atomic_load_explicit(&process->lanes[i / CARRIERS][i % CARRIERS].drops[reason], memory_order_relaxed);
  if (reason != DROP_QUEUE_FULL) return sum;
  const struct generation *generation = process_active(process);
  for (unsigned i = 0; i < generation->queues; i++) sum += lost_by(generation->udp[i]);
  return sum + process->lost_before;
}

static struct plain_traffic since(struct plain_traffic now, struct plain_traffic before) {
  return (struct plain_traffic){now.packets - before.packets, now.bytes - before.bytes};
}

struct plain_traffic process_sent(const struct process *process, uint32_t id) {
  return since(total(process, id, true), process->sent_before[id]);
}

struct plain_traffic process_received(const struct process *process, uint32_t id) {
  return since(total(process, id, false), process->received_before[id]);
}
