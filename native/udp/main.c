/*
 * podlace-udp: carries packets between a TUN device and UDP, each as the bare payload of a datagram. It is given
 * everything as descriptors over a control socket, needs no privilege, and goes on while nobody is connected.
 *
 *   podlace-udp PATH     listens at PATH, says "listening" on standard output and closes that; SIGTERM or SIGINT end it
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "control.h"

/* What it got from whoever started it, it cannot use any more, nor can what it might be made to run. */
static bool give_up_privileges(void) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && syscall(SYS_capset, &header, none) == 0;
}

/* Threads inherit the mask: signals come here only. */
static int open_signals(void) {
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  signal(SIGPIPE, SIG_IGN);
  return sigprocmask(SIG_BLOCK, &ending, NULL) < 0 ? -1 : signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void say_listening(void) {
  int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (write(STDOUT_FILENO, "listening\n", 10) < 0 || nowhere < 0) return;
  dup2(nowhere, STDOUT_FILENO);
  close(nowhere);
}

static void serve(struct control *control, struct process *process, int signals) {
  struct pollfd fds[CONNECTIONS + 2];
  do {
    control_wait_for(control, fds);
    fds[CONNECTIONS + 1] = (struct pollfd){signals, POLLIN, 0};
    if (poll(fds, CONNECTIONS + 2, -1) > 0) control_serve(control, fds, process);
    else if (errno != EINTR) return;
  } while ((fds[CONNECTIONS + 1].revents & POLLIN) == 0);
}

int main(int argument_count, char **arguments) {
  struct control control = {0};
  if (argument_count != 2) return fprintf(stderr, "usage: podlace-udp PATH\n"), 2;
  int signals = open_signals();
  if (signals < 0 || !control_open(&control, arguments[1])) return 1;
  if (!give_up_privileges()) return fprintf(stderr, "podlace-udp: privileges stay: %s\n", strerror(errno)), 1;
  struct process *process = process_new();
  if (process == NULL) return fprintf(stderr, "podlace-udp: no memory\n"), 1;
  say_listening();
  serve(&control, process, signals);
  control_close(&control, arguments[1]);
  process_free(process);
  return 0;
}
