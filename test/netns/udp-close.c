/* How the UDP tunnel process ends: says whether those who are connected still see it when it gives up its path. */
#define unlink unlink_seen
#include "../../native/udp/control.c"

static int client;

int unlink_seen(const char *path) {
  char byte;
  (void)path;
  ssize_t length = recv(client, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  printf("the path goes %s\n", length == 0 ? "after the connection" : "first");
  return 0;
}

struct reply request_perform(struct process *process, const uint8_t *payload, size_t length, int *fds, unsigned count) {
  (void)process, (void)payload, (void)length, (void)fds, (void)count;
  return (struct reply){0};
}

int main(void) {
  struct control control = {.listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  int pair[2];
  if (control.listening < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) return 1;
  for (unsigned i = 0; i < CONNECTIONS; i++) control.connections[i].fd = -1;
  client = pair[1];
  control.connections[0].fd = pair[0];
  control_close(&control, "anywhere");
  return 0;
}
