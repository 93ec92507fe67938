#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host.h"

enum { NAME_SIZE = 256, VALUE_SIZE = 4096 };

/* openat2(2): below the directory and nowhere else, whatever the name says. */
static int open_below(int directory, const char *name, int flags) {
  const struct open_how how = {
      .flags = (uint64_t)flags | O_CLOEXEC,
      .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
  };
  return (int)syscall(SYS_openat2, directory, name, &how, sizeof how);
}

/* sysctlRead(directoryFd, name) → string, as the file has it, without the trailing newline. */
napi_value sysctl_read(napi_env env, napi_callback_info info) {
  char name[NAME_SIZE], value[VALUE_SIZE];
  struct call call = call_begin(env, info);
  int directory = call_int(&call, 0);
  call_text(&call, 1, name, sizeof name);
  if (call.refused) return NULL;
  int fd = open_below(directory, name, O_RDONLY);
  if (fd < 0) return throw_errno(env, "openat2");
  ssize_t length = read(fd, value, sizeof value - 1);
  int error = errno;
  close(fd);
  errno = error;
  if (length < 0) return throw_errno(env, "read");
  if (length > 0 && value[length - 1] == '\n') length--;
  value[length] = '\0';
  return text_value(env, value);
}

/* sysctlWrite(directoryFd, name, value): one write(2), as the kernel parses whole values only. */
napi_value sysctl_write(napi_env env, napi_callback_info info) {
  char name[NAME_SIZE], value[VALUE_SIZE];
  struct call call = call_begin(env, info);
  int directory = call_int(&call, 0);
  call_text(&call, 1, name, sizeof name);
  call_text(&call, 2, value, sizeof value);
  if (call.refused) return NULL;
  int fd = open_below(directory, name, O_WRONLY);
  if (fd < 0) return throw_errno(env, "openat2");
  ssize_t length = write(fd, value, strlen(value));
  int error = errno;
  close(fd);
  errno = error;
  return length < 0 ? throw_errno(env, "write") : NULL;
}
