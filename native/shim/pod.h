/* The pod's namespace, opened by root for the agent. */
#pragma once

#include "../common/bundle.h"

/* The path names the namespace the shim itself runs in: the host's. */
enum { POD_IS_HOST = 1 };

/*
 * Opens the first `parts` of the bundle of the namespace at `path`. Returns 0, POD_IS_HOST (unless `allow_host`),
 * or -1.
 */
int pod_open(const char *path, int allow_host, int parts, struct bundle *bundle, struct failure *failure);
