#define _GNU_SOURCE
#include "request.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "descriptors.h"
#include "packet.h"

enum { CONFIGURE = 1, TABLE = 2, STATUS = 3, DONE = 0x80, REFUSED = 0x81, STATUS_REPLY = 0x82 };
enum { MIN_MTU = 576, HEAD_SIZE = 2, STATUS_HEAD = 4 + 8 + 8 + 1 + 1 + 1 + 8 * DROPS + 2, STATUS_PEER = 6 + 4 * 8 };

struct reader {
  const uint8_t *at;
  size_t left;
  bool short_of;
};

static uint64_t take(struct reader *reader, size_t size) {
  uint64_t value = 0;
  if (reader->left < size) {
    reader->short_of = true;
    reader->left = 0;
    return 0;
  }
  for (size_t i = 0; i < size; i++) value = value << 8 | *reader->at++;
  reader->left -= size;
  return value;
}

static uint8_t *put(uint8_t *at, uint64_t value, size_t size) {
  for (size_t i = 0; i < size; i++) at[i] = (uint8_t)(value >> 8 * (size - 1 - i));
  return at + size;
}

static struct reply reply_new(uint8_t kind, size_t body) {
  struct reply reply = {malloc(HEAD_SIZE + body), HEAD_SIZE + body};
  if (reply.bytes != NULL) put(put(reply.bytes, PROTOCOL_VERSION, 1), kind, 1);
  return reply;
}

static struct reply done(void) { return reply_new(DONE, 0); }

__attribute__((format(printf, 1, 2))) static struct reply refuse(const char *format, ...) {
  char text[WHY_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  struct reply reply = reply_new(REFUSED, strlen(text));
  if (reply.bytes != NULL) memcpy(reply.bytes + HEAD_SIZE, text, strlen(text));
  return reply;
}

static struct reply refuse_length(const struct reader *reader) {
  if (reader->short_of) return refuse("expected more bytes than the message has");
  return refuse("expected no bytes behind the message, got %zu", reader->left);
}

static struct reply configure(struct process *process, struct reader *reader, int *fds, unsigned fd_count) {
  char why[WHY_SIZE];
  struct generation next = {.revision = take(reader, 8)};
  next.setting.tunnel_address = htonl((uint32_t)take(reader, 4));
  next.setting.mtu = (uint16_t)take(reader, 2);
  next.queues = (unsigned)take(reader, 1);
  if (reader->short_of || reader->left > 0) return refuse_length(reader);
  if (next.revision == 0) return refuse("expected a revision that is not 0");
  if (is_martian(next.setting.tunnel_address)) return refuse("expected a tunnel address that a host may have");
  if (next.setting.mtu < MIN_MTU || next.setting.mtu > MAX_DATAGRAM)
    return refuse("expected an MTU of %d to %d bytes, got %u", MIN_MTU, MAX_DATAGRAM, next.setting.mtu);
  if (next.queues < 1 || next.queues > MAX_QUEUES)
    return refuse("expected 1 to %d queues, got %u", MAX_QUEUES, next.queues);
  if (fd_count != 2 * next.queues)
    return refuse("expected %u descriptors, two a queue, got %u", 2 * next.queues, fd_count);
  for (unsigned i = 0; i < next.queues; i++) next.tun[i] = fds[i], next.udp[i] = fds[next.queues + i];
  if (!descriptors_fit(&next, why) || !descriptors_prepare(&next, why)) return refuse("%s", why);
  if (!process_configure(process, &next)) return refuse("cannot start threads: %s", strerror(errno));
  for (unsigned i = 0; i < fd_count; i++) fds[i] = -1;
  return done();
}

/* A table as it is read; what it points to is its own. */
struct draft {
  struct peer *peers;
  struct prefix *prefixes;
  uint32_t peer_count, prefix_count;
  char why[WHY_SIZE];
};

static bool read_prefixes(struct reader *reader, struct draft *draft, uint16_t owner) {
  for (uint64_t count = take(reader, 2); count > 0 && !reader->short_of; count--) {
    uint32_t network = (uint32_t)take(reader, 4);
    uint64_t length = take(reader, 1);
    if (draft->prefix_count == MAX_PREFIXES)
      return snprintf(draft->why, WHY_SIZE, "expected at most %d prefixes", MAX_PREFIXES), false;
    uint32_t hosts = length >= 32 ? 0 : UINT32_MAX >> length;
    struct in_addr address = {htonl(network)};
    if (length > 32 || (network & hosts) != 0)
      return snprintf(draft->why, WHY_SIZE, "expected a prefix without host bits, got %s/%u", inet_ntoa(address),
                      (unsigned)length), false;
    draft->prefixes[draft->prefix_count++] = (struct prefix){network, network | hosts, owner};
  }
  return true;
}

static bool read_draft(struct reader *reader, struct draft *draft) {
  if (!read_prefixes(reader, draft, OWNER_LOCAL)) return false;
  uint64_t count = take(reader, 2);
  if (count > MAX_PEERS) return snprintf(draft->why, WHY_SIZE, "expected at most %d peers", MAX_PEERS), false;
  for (uint64_t i = 0; i < count && !reader->short_of; i++) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl((uint32_t)take(reader, 4))}};
    address.sin_port = htons((uint16_t)take(reader, 2));
    if (!reader->short_of && (is_martian(address.sin_addr.s_addr) || address.sin_port == 0))
      return snprintf(draft->why, WHY_SIZE, "expected the address and port of a host, got %s port %u",
                      inet_ntoa(address.sin_addr), ntohs(address.sin_port)), false;
    draft->peers[draft->peer_count] = (struct peer){.address = address};
    if (!read_prefixes(reader, draft, (uint16_t)draft->peer_count++)) return false;
  }
  return true;
}

static struct reply set_table(struct process *process, struct reader *reader) {
  struct table *table = NULL;
  struct draft draft = {malloc(MAX_PEERS * sizeof *draft.peers), malloc(MAX_PREFIXES * sizeof *draft.prefixes), 0, 0, "no memory"};
  uint64_t revision = take(reader, 8);
  bool read = draft.peers != NULL && draft.prefixes != NULL && read_draft(reader, &draft);
  struct reply reply;
  if (read && (reader->short_of || reader->left > 0)) reply = refuse_length(reader);
  else if (read && revision == 0) reply = refuse("expected a revision that is not 0");
  else {
    if (read) {
      process_identify(process, draft.peers, draft.peer_count);
      table = table_make(revision, draft.peers, draft.peer_count, draft.prefixes, draft.prefix_count, draft.why);
    }
    reply = table == NULL ? refuse("%s", draft.why) : done();
  }
  if (table != NULL) process_set_table(process, table);
  free(draft.peers);
  free(draft.prefixes);
  return reply;
}

static struct reply status(const struct process *process, struct reader *reader) {
  const struct generation *generation = process_active(process);
  const struct table *table = atomic_load(&process->table);
  if (reader->left > 0) return refuse_length(reader);
  struct reply reply = reply_new(STATUS_REPLY, STATUS_HEAD + (size_t)table->peer_count * STATUS_PEER);
  if (reply.bytes == NULL) return reply;
  uint8_t *at = put(reply.bytes + HEAD_SIZE, (uint64_t)getpid(), 4);
  at = put(put(at, generation->revision, 8), table->revision, 8);
  at = put(put(at, generation->queues, 1), generation->setting.udp_segmentation, 1);
  at = put(at, DROPS, 1);
  for (unsigned i = 0; i < DROPS; i++) at = put(at, process_drops(process, i), 8);
  at = put(at, table->peer_count, 2);
  for (uint32_t i = 0; i < table->peer_count; i++) {
    const struct peer *peer = &table->peers[i];
    struct plain_traffic sent = process_sent(process, peer->id), received = process_received(process, peer->id);
    at = put(put(at, ntohl(peer->address.sin_addr.s_addr), 4), ntohs(peer->address.sin_port), 2);
    at = put(put(at, sent.packets, 8), sent.bytes, 8);
    at = put(put(at, received.packets, 8), received.bytes, 8);
  }
  return reply;
}

struct reply request_perform(struct process *process, const uint8_t *bytes, size_t length, int *fds, unsigned fd_count) {
  struct reader reader = {bytes, length, false};
  uint64_t version = take(&reader, 1), kind = take(&reader, 1);
  if (reader.short_of) return refuse_length(&reader);
  if (version != PROTOCOL_VERSION) return refuse("expected version %d, got %u", PROTOCOL_VERSION, (unsigned)version);
  if (fd_count > 0 && kind != CONFIGURE) return refuse("expected no descriptors, got %u", fd_count);
  switch (kind) {
    case CONFIGURE: return configure(process, &reader, fds, fd_count);
    case TABLE: return set_table(process, &reader);
    case STATUS: return status(process, &reader);
    default: return refuse("expected a request of kind 1 to 3, got %u", (unsigned)kind);
  }
}
