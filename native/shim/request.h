/* What the runtime asked: environment and standard input, as the agent gets them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "../common/bundle.h"
#include "deadline.h"
#include "text.h"

enum {
  HEADER_LIMIT = 100 << 10,
  CONFIG_LIMIT = 900 << 10,
  FRAME_LIMIT = 1 << 20, /* of the payload: the agent's limit, above the sum of the two */
  VERSION_SIZE = 17
};

struct request {
  const char *type, *command, *container, *ifname, *netns; /* never NULL; empty if not set */
  const char *config;                                      /* standard input, not terminated */
  size_t config_length;
  char version[VERSION_SIZE]; /* cniVersion of the config, else "1.1.0" */
};

/* Reads standard input up to its end. Returns 0, or a CNI error code with `why` set. */
int request_read_config(struct request *request, const struct deadline *deadline, const char **why);

/*
 * Writes the header of the request frame: NUL-terminated strings, an empty one at the end. `bundle` says
 * which descriptors come along; `netns_error` is the errno name if the namespace could not be opened, else
 * NULL.
 */
void request_header(const struct request *request, const struct bundle *bundle, const char *netns_error,
                    struct text *header);
