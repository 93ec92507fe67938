#define _GNU_SOURCE
#include "carrier.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A source that reports errors is always ready: do not spin on it. */
enum { BROKEN_PAUSE_MS = 100 };

static void wait_for_more(struct carrier *carrier, bool broken) {
  struct pollfd fds[] = {{carrier->wake, POLLIN, 0}, {carrier->way->reads_tun ? carrier->tun : carrier->udp, POLLIN, 0}};
  if (!broken) poll(fds, 2, -1);
  if (broken || (fds[1].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) poll(fds, 1, BROKEN_PAUSE_MS);
}

static void *run(void *argument) {
  struct carrier *carrier = argument;
  while (!atomic_load_explicit(&carrier->stopping, memory_order_relaxed)) {
    int taken = carrier->way->turn(carrier, carrier->work);
    if (taken <= 0) wait_for_more(carrier, taken < 0);
  }
  return NULL;
}

bool carrier_start(struct carrier *carrier) {
  carrier->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  carrier->work = calloc(1, carrier->way->work_size);
  if (carrier->wake >= 0 && carrier->work != NULL) {
    int refused = pthread_create(&carrier->thread, NULL, run, carrier);
    carrier->running = refused == 0;
    if (carrier->running) return true;
    errno = refused;
  }
  int reason = errno;
  carrier_stop(carrier);
  errno = reason;
  return false;
}

void carrier_stop(struct carrier *carrier) {
  if (carrier->running) {
    atomic_store(&carrier->stopping, true);
    eventfd_write(carrier->wake, 1);
    pthread_join(carrier->thread, NULL);
    carrier->running = false;
  }
  if (carrier->wake >= 0) close(carrier->wake);
  carrier->wake = -1;
  free(carrier->work);
  carrier->work = NULL;
}
