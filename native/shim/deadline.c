#include "deadline.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <time.h>

static long long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

struct deadline deadline_in(long milliseconds) { return (struct deadline){now_ms() + milliseconds}; }

int deadline_left(const struct deadline *deadline) {
  long long left = deadline->at_ms - now_ms();
  return left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

int wait_ready(int fd, short events, const struct deadline *deadline) {
  struct pollfd waiting = {.fd = fd, .events = events};
  for (;;) {
    int ready = poll(&waiting, 1, deadline_left(deadline));
    if (ready > 0) return 0;
    if (ready == 0) errno = ETIMEDOUT;
    if (ready == 0 || errno != EINTR) return -1;
  }
}
