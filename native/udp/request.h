/*
 * The messages of the control socket, in C what src/tunnel/messages.ts is in TypeScript. Integers are big-endian.
 *
 *   configure 1: revision u64, tunnel address u32, mtu u16, queues u8; beside it TUN descriptors, then UDP sockets
 *   table 2:     revision u64, local prefixes, peers u16, each: address u32, port u16, prefixes
 *   status 3
 *   prefixes:    count u16, each: network u32, length u8
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "process.h"

enum { PROTOCOL_VERSION = 1, MAX_DESCRIPTORS = 2 * MAX_QUEUES };

struct reply {
  uint8_t *bytes;
  size_t length;
};

/*
 * Performs one request. `fds` that it keeps are set to -1; the others stay the caller's. The reply's bytes are from
 * malloc(3), NULL if there is no memory.
 */
struct reply request_perform(struct process *process, const uint8_t *bytes, size_t length, int *fds, unsigned fd_count);
