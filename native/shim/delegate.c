#define _GNU_SOURCE
#include "delegate.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "request.h"

enum { MAX_VARIABLES = 1024 };

struct order {
  const char *name, *input;
  size_t input_length;
  /* The plugin's environment: those of the order first, then our own, less what the order has. */
  char *environment[MAX_VARIABLES + 1];
  size_t variables;
};

/* A name that leads nowhere else: no path was ever a plugin (CVE-2021-20206). */
static bool is_plugin_name(const char *name) {
  return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL;
}

/* Up to and with the '='. */
static size_t key_length(const char *variable) { return (size_t)(strchrnul(variable, '=') - variable) + 1; }

static void add_variable(struct order *order, char *variable) {
  for (size_t i = 0; i < order->variables; i++)
    if (strncmp(order->environment[i], variable, key_length(variable)) == 0) return;
  if (order->variables < MAX_VARIABLES) order->environment[order->variables++] = variable;
}

static void add_own_variables(struct order *order) {
  for (char **variable = environ; *variable != NULL; variable++) add_variable(order, *variable);
  order->environment[order->variables] = NULL;
}

/* Takes the strings apart; a NUL stands behind the last byte. */
static int read_order(char *at, size_t length, struct order *order) {
  char *end = at + length;
  order->name = NULL;
  order->variables = 0;
  while (at < end) {
    char *next = at + strlen(at);
    if (next == end) break;
    if (next == at) {
      order->input = next + 1;
      order->input_length = (size_t)(end - order->input);
      if (order->name != NULL && is_plugin_name(order->name)) return 0;
      break;
    }
    if (order->name == NULL) order->name = at;
    else add_variable(order, at);
    at = next + 1;
  }
  errno = EPROTO;
  return -1;
}

/* The first executable of that name in the directories of CNI_PATH. */
static int find_plugin(const char *name, char *path, size_t size) {
  const char *directory = getenv("CNI_PATH");
  while (directory != NULL && *directory != '\0') {
    size_t length = (size_t)(strchrnul(directory, ':') - directory);
    struct text text = {path, 0, size - 1, false};
    text_add_bytes(&text, directory, length);
    text_add(&text, "/");
    text_add(&text, name);
    path[text.length] = '\0';
    if (length > 0 && !text.overflow && access(path, X_OK) == 0) return 0;
    directory += length + (directory[length] == ':');
  }
  errno = ENOENT;
  return -1;
}

/* Files in memory instead of pipes: neither side waits for the other. */
static int open_input(const struct order *order) {
  int fd = memfd_create("stdin", MFD_CLOEXEC);
  for (size_t written = 0; fd >= 0 && written < order->input_length;) {
    ssize_t count = write(fd, order->input + written, order->input_length - written);
    if (count < 0) return close(fd), -1;
    written += (size_t)count;
  }
  if (fd >= 0) lseek(fd, 0, SEEK_SET);
  return fd;
}

static pid_t start(const struct order *order, const char *path, int input, int output) {
  char *arguments[] = {(char *)path, NULL};
  pid_t pid = vfork();
  if (pid != 0) return pid;
  dup2(input, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  execve(path, arguments, order->environment);
  _exit(127);
}

/* Its exit code, or -1. */
static int await_end(pid_t pid, const struct deadline *deadline) {
  int status, handle = (int)syscall(SYS_pidfd_open, pid, 0);
  bool late = handle >= 0 && wait_ready(handle, POLLIN, deadline) < 0;
  if (late) kill(pid, SIGKILL);
  if (handle >= 0) close(handle);
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return -1;
  if (late) errno = ETIMEDOUT;
  if (late) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static long collect(int code, int output, unsigned char *answer, size_t size) {
  ssize_t length = code < 0 ? -1 : pread(output, answer + 1, size - 1, 0);
  if (length < 0) return -1;
  answer[0] = (unsigned char)code;
  if ((size_t)length < size - 1) return length + 1;
  errno = EMSGSIZE;
  return -1;
}

long delegate_run(char *order_bytes, size_t length, const struct deadline *deadline, unsigned char *answer,
                  size_t size) {
  char path[PATH_MAX];
  static struct order order;
  if (read_order(order_bytes, length, &order) < 0 || find_plugin(order.name, path, sizeof path) < 0) return -1;
  add_own_variables(&order);
  int input = open_input(&order);
  int output = memfd_create("stdout", MFD_CLOEXEC);
  pid_t pid = input < 0 || output < 0 ? -1 : start(&order, path, input, output);
  long result = pid < 0 ? -1 : collect(await_end(pid, deadline), output, answer, size);
  int error = errno;
  if (input >= 0) close(input);
  if (output >= 0) close(output);
  errno = error;
  return result;
}
