#define _GNU_SOURCE
#include "request.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* One byte more than allowed, to see that there is more. Only pages that are written to count. */
static char config[CONFIG_LIMIT + 1];

enum { CNI_IO = 5, CNI_DECODE = 6 };

static size_t skip_space(const char *json, size_t at, size_t length) {
  while (at < length && strchr(" \t\r\n", json[at]) != NULL && json[at] != '\0') at++;
  return at;
}

/* Behind the string that begins with the quote at `at`; `length` if it does not end. */
static size_t skip_string(const char *json, size_t at, size_t length) {
  for (at++; at < length && json[at] != '"'; at++)
    if (json[at] == '\\') at++;
  return at < length ? at + 1 : length;
}

static bool is_version_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '.' || c == '-';
}

/* Copies the string value behind a key that ends at `at`, if it looks like a version. */
static void copy_version(const char *json, size_t at, size_t length, char *version) {
  at = skip_space(json, at, length);
  if (at >= length || json[at] != ':') return;
  at = skip_space(json, at + 1, length);
  if (at >= length || json[at] != '"') return;
  size_t start = at + 1, end = start;
  while (end < length && is_version_character(json[end])) end++;
  if (end >= length || json[end] != '"' || end == start || end - start >= VERSION_SIZE) return;
  memcpy(version, json + start, end - start);
  version[end - start] = '\0';
}

/*
 * The cniVersion of the outermost object, for the errors the shim answers itself. Not a parser: broken JSON
 * gives the default, and the agent is the one to complain.
 */
static void find_version(struct request *request) {
  static const char key[] = "\"cniVersion\"";
  const char *json = request->config;
  size_t length = request->config_length;
  int depth = 0;
  for (size_t at = 0; at < length;) {
    if (json[at] == '{' || json[at] == '[') depth++;
    if (json[at] == '}' || json[at] == ']') depth--;
    if (json[at] != '"') {
      at++;
      continue;
    }
    size_t end = skip_string(json, at, length);
    if (depth == 1 && end - at == sizeof key - 1 && memcmp(json + at, key, sizeof key - 1) == 0)
      copy_version(json, end, length, request->version);
    at = end;
  }
}

int request_read_config(struct request *request, const struct deadline *deadline, const char **why) {
  size_t length = 0;
  while (length < sizeof config) {
    *why = "standard input did not end in time";
    if (wait_ready(STDIN_FILENO, POLLIN, deadline) < 0) return CNI_IO;
    ssize_t got = read(STDIN_FILENO, config + length, sizeof config - length);
    *why = "cannot read standard input";
    if (got < 0 && errno != EINTR && errno != EAGAIN) return CNI_IO;
    if (got == 0) break;
    if (got > 0) length += (size_t)got;
  }
  *why = "the network configuration on standard input is longer than 900 KiB";
  if (length > CONFIG_LIMIT) return CNI_DECODE;
  request->config = config;
  request->config_length = length;
  find_version(request);
  return 0;
}

static void add_descriptor_names(const struct bundle *bundle, struct text *header) {
  const char *separator = "";
  text_add(header, "fds=");
  for (int part = 0; part < BUNDLE_SIZE; part++) {
    if (bundle->fds[part] < 0) continue;
    text_add(header, separator);
    text_add(header, bundle_names[part]);
    separator = ",";
  }
  text_add_bytes(header, "", 1);
}

void request_header(const struct request *request, const struct bundle *bundle, const char *netns_error,
                    struct text *header) {
  text_add_bytes(header, "podlace-cni/2", sizeof "podlace-cni/2");
  text_add_pair(header, "type", request->type);
  add_descriptor_names(bundle, header);
  if (netns_error != NULL) text_add_pair(header, "netns-error", netns_error);
  for (char **variable = environ; *variable != NULL; variable++)
    if (strncmp(*variable, "CNI_", 4) == 0) text_add_bytes(header, *variable, strlen(*variable) + 1);
  text_add_bytes(header, "", 1);
}
