/* A DEL that no agent heard: kept on disk, so that the next agent does it. */
#pragma once

#include "../common/failure.h"
#include "request.h"

/*
 * Writes `<state>/tombstones/<container>-<ifname>-<number>` with the request's payload and syncs file and
 * directory. The number is made from plugin and configuration: each plugin of a chain has a record of its own,
 * and a DEL that the runtime repeats makes no other. The times of modification tell the order of writing. The
 * file belongs to the owner of the state directory, as the agent is not root. Returns 0 or -1.
 */
int tombstone_write(const char *state, const struct text *header, const struct request *request,
                    struct failure *failure);

/* True if container id and interface name can be a file name. */
bool tombstone_name_fits(const struct request *request);
