/* One point in time that everything the shim waits for has to keep. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct deadline {
  long long at_ms; /* CLOCK_MONOTONIC */
};

struct deadline deadline_in(long milliseconds);
/* Milliseconds left, 0 if it has passed. */
int deadline_left(const struct deadline *deadline);
/* Waits until `fd` is ready for `events` (poll(2)); -1 with errno ETIMEDOUT when time is up. */
int wait_ready(int fd, short events, const struct deadline *deadline);
