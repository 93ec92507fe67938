#define _GNU_SOURCE
#include "tombstone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* What a file name has behind the container id: interface (15), number (20), two hyphens, and a NUL. */
enum { NAME_SIZE = 256, SUFFIX_SIZE = 40 };

static bool is_name_character(char c) {
  bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return letter || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

/* The container id as the CNI specification has it: [A-Za-z0-9][A-Za-z0-9_.-]* */
static bool is_container_id(const char *id) {
  for (const char *c = id; *c != '\0'; c++)
    if (!is_name_character(*c)) return false;
  return id[0] != '\0' && strchr("_.-", id[0]) == NULL;
}

bool tombstone_name_fits(const struct request *request) {
  size_t ifname = strlen(request->ifname);
  return is_container_id(request->container) && strlen(request->container) < NAME_SIZE - SUFFIX_SIZE &&
         ifname > 0 && ifname < 16 && strchr(request->ifname, '/') == NULL;
}

/* The agent owns what lies in its state directory. */
static int give_away(int fd, int directory, struct failure *failure) {
  struct stat owner;
  if (fstat(directory, &owner) < 0 || fchown(fd, owner.st_uid, owner.st_gid) < 0)
    return failed(failure, "fchown");
  return 0;
}

static int sync_file(int fd, struct failure *failure) {
  return fsync(fd) < 0 ? failed(failure, "fsync") : 0;
}

/* Makes it if it is missing, and tells so. */
static int open_made(int at, const char *path, mode_t mode, int flags, bool *made, struct failure *failure) {
  *made = mkdirat(at, path, mode) == 0;
  if (!*made && errno != EEXIST) return failed(failure, "mkdir");
  int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
  return fd < 0 ? failed(failure, "open") : fd;
}

static int open_tombstones(int state, struct failure *failure) {
  bool made;
  int fd = open_made(state, "tombstones", 0700, O_NOFOLLOW, &made, failure);
  if (fd < 0 || !made) return fd;
  if (give_away(fd, state, failure) == 0 && sync_file(state, failure) == 0) return fd;
  close(fd);
  return -1;
}

static int open_directory(const char *state, struct failure *failure) {
  bool made;
  int fd = open_made(AT_FDCWD, state, 0755, 0, &made, failure);
  if (fd < 0) return -1;
  int tombstones = open_tombstones(fd, failure);
  close(fd);
  return tombstones;
}

static int write_all(int fd, const char *data, size_t length, struct failure *failure) {
  while (length > 0) {
    ssize_t written = write(fd, data, length);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failed(failure, "write");
    data += written;
    length -= (size_t)written;
  }
  return 0;
}

/*
 * To the nanosecond: the kernel's own times stand still for milliseconds, and the DELs of a chain follow faster.
 * The C library's wrappers of this call and of faccessat(2) would make the shim larger by 1.6 KB.
 */
static int stamp(int fd, struct failure *failure) {
  struct timespec times[2];
  clock_gettime(CLOCK_REALTIME, &times[0]);
  times[1] = times[0];
  return syscall(SYS_utimensat, fd, NULL, times, 0) < 0 ? failed(failure, "utimensat") : 0;
}

static int write_file(int directory, int fd, const struct text *header, const struct request *request,
                      struct failure *failure) {
  if (write_all(fd, header->data, header->length, failure) < 0) return -1;
  if (write_all(fd, request->config, request->config_length, failure) < 0) return -1;
  if (stamp(fd, failure) < 0 || give_away(fd, directory, failure) < 0) return -1;
  return sync_file(fd, failure);
}

/*
 * Under a temporary name first (with a leading dot, which no container id has): readers see whole files only.
 */
static int write_renamed(int directory, const char *name, const char *temporary, const struct text *header,
                         const struct request *request, struct failure *failure) {
  (void)unlinkat(directory, temporary, 0);
  int fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return failed(failure, "open");
  int outcome = write_file(directory, fd, header, request, failure);
  close(fd);
  if (outcome == 0 && renameat(directory, temporary, directory, name) < 0)
    outcome = failed(failure, "rename");
  if (outcome < 0) (void)unlinkat(directory, temporary, 0);
  return outcome;
}

/* FNV-1a over the plugin's name with its NUL, and standard input: another plugin of the chain, another number. */
static unsigned long call_number(const struct request *request) {
  unsigned long number = 0xcbf29ce484222325;
  const char *type = request->type;
  do number = (number ^ (unsigned char)*type) * 0x100000001b3;
  while (*type++ != '\0');
  for (size_t i = 0; i < request->config_length; i++)
    number = (number ^ (unsigned char)request->config[i]) * 0x100000001b3;
  return number;
}

int tombstone_write(const char *state, const struct text *header, const struct request *request,
                    struct failure *failure) {
  static char name[NAME_SIZE], temporary[NAME_SIZE];
  struct text name_text = {name, 0, sizeof name - 1, false};
  struct text temporary_text = {temporary, 0, sizeof temporary - 1, false};
  text_add(&name_text, request->container);
  text_add(&name_text, "-");
  text_add(&name_text, request->ifname);
  text_add(&name_text, "-");
  text_add_number(&name_text, call_number(request));
  text_add(&temporary_text, ".");
  text_add_number(&temporary_text, (unsigned long)getpid());
  text_add(&temporary_text, ".tmp");
  int directory = open_directory(state, failure);
  if (directory < 0) return -1;
  /* One that is there stays, in its place in the order. Who wrote it may not have come to sync the directory. */
  int outcome = 0;
  if (syscall(SYS_faccessat, directory, name, F_OK) < 0)
    outcome = write_renamed(directory, name, temporary, header, request, failure);
  if (outcome == 0) outcome = sync_file(directory, failure);
  close(directory);
  return outcome;
}
