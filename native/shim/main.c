/*
 * The CNI plugin that the container runtime starts (CNI specification 1.1.0). It decides nothing: it opens
 * the pod's network namespace, which takes root, passes descriptors, environment and standard input to the
 * agent, and prints the agent's answer. One static binary under every plugin's name.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "pod.h"
#include "tombstone.h"

enum { DEADLINE_MS = 110000 };

/* Error codes of the CNI specification. */
enum {
  CNI_BAD_ENVIRONMENT = 4,
  CNI_IO = 5,
  CNI_BAD_NETNS = 8,
  CNI_TRY_LATER = 11,
  CNI_UNAVAILABLE = 50
};

static char header_bytes[HEADER_LIMIT];

static const char *environment(const char *name, const char *otherwise) {
  const char *value = getenv(name);
  return value != NULL && value[0] != '\0' ? value : otherwise;
}

static bool is_type(const struct request *request, const char *type) { return strcmp(request->type, type) == 0; }

/* The plugin dhcp has a daemon of its own, as only root may come back to the namespaces of pods. */
static bool is_dhcp(const struct request *request) { return is_type(request, "dhcp"); }

static const char *socket_path(const struct request *request) {
  return is_dhcp(request) ? environment("PODLACE_DHCP_SOCKET", "/run/podlace/dhcp.sock")
                          : environment("PODLACE_CNI_SOCKET", "/run/podlace/cni.sock");
}

static void write_all(int fd, const char *data, size_t length) {
  while (length > 0) {
    ssize_t written = write(fd, data, length);
    if (written < 0 && errno != EINTR) _exit(CNI_IO);
    if (written > 0) data += written, length -= (size_t)written;
  }
}

/* Prints the CNI error on standard output and gives the exit status that goes with it. */
static int answer_error(const struct request *request, int code, const char *message, const char *details) {
  static char bytes[16 << 10];
  struct text json = {bytes, 0, sizeof bytes, false};
  text_add(&json, "{\"cniVersion\":");
  text_add_json(&json, request->version);
  text_add(&json, ",\"code\":");
  text_add_number(&json, (unsigned long)code);
  text_add(&json, ",\"msg\":");
  text_add_json(&json, message);
  if (details[0] != '\0') {
    text_add(&json, ",\"details\":");
    text_add_json(&json, details);
  }
  text_add(&json, "}\n");
  /* What was cut in the middle would be no JSON: leave out the part of unknown length. */
  if (json.overflow) return answer_error(request, code, message, "");
  write_all(STDOUT_FILENO, json.data, json.length);
  return code;
}

static int answer_about(void) {
  static const char about[] =
      "Podlace CNI plugin: relays the container runtime's calls to the podlace agent on this node\n"
      "CNI protocol versions supported: 0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0\n";
  write_all(STDERR_FILENO, about, sizeof about - 1);
  return 0;
}

static int answer_version(void) {
  static const char versions[] =
      "{\"cniVersion\":\"1.1.0\","
      "\"supportedVersions\":[\"0.1.0\",\"0.2.0\",\"0.3.0\",\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"]}\n";
  write_all(STDOUT_FILENO, versions, sizeof versions - 1);
  return 0;
}

static bool is_command(const struct request *request, const char *command) {
  return strcmp(request->command, command) == 0;
}

/* A DEL that nobody heard is done all the same, as soon as there is an agent: the runtime need not try again. */
static int record_delete(const struct request *request) {
  char name[24];
  struct failure failure;
  struct text header = {header_bytes, 0, sizeof header_bytes, false};
  if (!tombstone_name_fits(request))
    return answer_error(request, CNI_BAD_ENVIRONMENT, "CNI_CONTAINERID or CNI_IFNAME is malformed", "");
  struct bundle none;
  bundle_clear(&none);
  request_header(request, &none, NULL, &header);
  const char *state = environment("PODLACE_STATE_DIR", "/var/lib/podlace");
  if (tombstone_write(state, &header, request, &failure) == 0) return 0;
  return answer_error(request, CNI_IO, "the podlace agent is away and the DEL cannot be recorded for it",
                      errno_name(failure.number, name));
}

/* Nobody was there or answered, for the reason `error`. Leases need no DEL: they end by themselves with their pods. */
static int answer_alone(const struct request *request, int error) {
  char name[24], bytes[512] = "";
  struct text details = {bytes, 0, sizeof bytes - 1, false};
  if (is_command(request, "DEL")) return is_dhcp(request) ? 0 : record_delete(request);
  text_add(&details, socket_path(request));
  text_add(&details, ": ");
  text_add(&details, errno_name(error, name));
  return answer_error(request, is_command(request, "STATUS") ? CNI_UNAVAILABLE : CNI_TRY_LATER,
                      is_dhcp(request) ? "podlace dhcp does not answer, try again"
                                       : "the podlace agent does not answer, try again",
                      bytes);
}

static bool wants_namespace(const struct request *request) {
  return is_command(request, "ADD") || is_command(request, "CHECK") || is_command(request, "DEL");
}

/* What the shim itself cannot do without; the agent checks everything. */
static const char *missing(const struct request *request) {
  if (is_command(request, "GC") || is_command(request, "STATUS")) return NULL;
  if (!wants_namespace(request)) return "CNI_COMMAND must be ADD, DEL, CHECK, GC, STATUS or VERSION";
  if (request->container[0] == '\0') return "CNI_CONTAINERID is not set";
  if (request->ifname[0] == '\0') return "CNI_IFNAME is not set";
  if (request->netns[0] == '\0' && !is_command(request, "DEL")) return "CNI_NETNS is not set";
  return NULL;
}

/* As strconv.ParseBool, which the reference implementation uses. */
static bool allows_host(void) {
  const char *value = environment("CNI_NETNS_OVERRIDE", "");
  for (const char *word = "1\0t\0T\0true\0True\0TRUE\0"; *word != '\0'; word += strlen(word) + 1)
    if (strcmp(value, word) == 0) return true;
  return false;
}

static int relay(const struct agent *agent, const struct request *request, const struct bundle *bundle,
                 const char *netns_error, const struct deadline *deadline) {
  struct reply reply;
  struct text header = {header_bytes, 0, sizeof header_bytes, false};
  request_header(request, bundle, netns_error, &header);
  if (header.overflow)
    return answer_error(request, CNI_BAD_ENVIRONMENT, "the CNI_ variables are too long", "");
  if (agent_call(agent, &header, request, bundle, deadline, &reply) < 0) return answer_alone(request, errno);
  write_all(STDOUT_FILENO, reply.output, reply.length);
  return reply.exit_code;
}

/* What the agent works with inside the pod: nothing for plugins that work on the host alone. */
static int parts_needed(const struct request *request) {
  for (const char *type = "portmap\0bandwidth\0firewall\0"; *type != '\0'; type += strlen(type) + 1)
    if (is_type(request, type)) return BUNDLE_IDENTITY;
  return is_type(request, "tuning") ? BUNDLE_SIZE : BUNDLE_BASIC;
}

static int run(const struct agent *agent, const struct request *request, const struct deadline *deadline) {
  char name[24];
  struct failure failure;
  struct bundle bundle;
  const char *netns_error = NULL;
  bundle_clear(&bundle);
  if (wants_namespace(request) && request->netns[0] != '\0') {
    int outcome = pod_open(request->netns, allows_host(), parts_needed(request), &bundle, &failure);
    if (outcome == POD_IS_HOST)
      return answer_error(request, CNI_BAD_NETNS, "CNI_NETNS is the host's own namespace", request->netns);
    if (outcome < 0) netns_error = errno_name(failure.number, name);
  }
  int status = relay(agent, request, &bundle, netns_error, deadline);
  bundle_close(&bundle);
  return status;
}

/* Descriptors 0 to 2 must be taken, or a socket of ours would become standard output. */
static void occupy_standard_descriptors(void) {
  int fd;
  do fd = open("/dev/null", O_RDWR);
  while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0) close(fd);
}

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

static long deadline_ms(void) {
  long given = 0;
  for (const char *digit = environment("PODLACE_CNI_DEADLINE_MS", ""); *digit >= '0' && *digit <= '9'; digit++) {
    given = given * 10 + (*digit - '0');
    if (given >= DEADLINE_MS) return DEADLINE_MS;
  }
  return given > 0 ? given : DEADLINE_MS;
}

int main(int argc, char **argv) {
  occupy_standard_descriptors();
  struct deadline deadline = deadline_in(deadline_ms());
  struct request request = {
      .type = argc > 0 ? base_name(argv[0]) : "podlace",
      .command = environment("CNI_COMMAND", ""),
      .container = environment("CNI_CONTAINERID", ""),
      .ifname = environment("CNI_IFNAME", ""),
      .netns = environment("CNI_NETNS", ""),
      .config = "",
      .version = "1.1.0",
  };
  if (request.command[0] == '\0') return answer_about();
  if (is_command(&request, "VERSION")) return answer_version();
  struct agent agent = agent_connect(socket_path(&request), &deadline);
  const char *why = NULL;
  int refused = request_read_config(&request, &deadline, &why);
  if (refused != 0) return answer_error(&request, refused, why, "");
  why = missing(&request);
  if (why != NULL) return answer_error(&request, CNI_BAD_ENVIRONMENT, why, "");
  return run(&agent, &request, &deadline);
}
