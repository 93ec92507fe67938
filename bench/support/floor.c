/*
 * The least that an agent behind our shim can do for an ADD with `bridge` and `host-local`: takes the request with its
 * descriptors, writes and syncs one journal record, sends the netlink messages that our agent sends (floor-wiring.c),
 * answers. It parses no configuration, keeps no state (the address is the number at the end of the container's name), serves
 * one call at a time, and nobody could run it: it says what the kernel, the disk and the shim cost by themselves.
 *
 *   bench-floor SOCKET JOURNAL
 */
#define _GNU_SOURCE
#include "floor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../native/common/netlink-socket.h"

enum { FRAME = 1 << 16, RECORD = 732, RECORDS = 2000, FIRST_HOST = 2 };

static unsigned char frame[FRAME];
static off_t journal_end;

_Noreturn void die(const char *what) {
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* Allocated ahead, as our agent does: a sync inside the file need not wait for its length. */
static int open_journal(const char *path) {
    static const char zeros[RECORD];
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) die(path);
    for (int i = 0; i < RECORDS; i++)
        if (write(fd, zeros, sizeof zeros) != sizeof zeros) die(path);
    if (fsync(fd) < 0) die(path);
    return fd;
}

static int listen_at(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 128) < 0) die(path);
    return fd;
}

/* Reads one frame; the descriptors come beside its first byte, in the order of the shim's bundle. */
static void receive(int fd, int fds[BUNDLE_BASIC]) {
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int) * BUNDLE_BASIC)];
    } control;
    size_t filled = 0, wanted = sizeof(uint32_t);
    while (filled < wanted) {
        struct iovec piece = {frame + filled, sizeof frame - 1 - filled};
        struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control,
                                 .msg_controllen = sizeof control};
        ssize_t got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
        if (got <= 0) die("a request is cut short");
        struct cmsghdr *part = CMSG_FIRSTHDR(&message);
        if (part != NULL && part->cmsg_type == SCM_RIGHTS && part->cmsg_len == CMSG_LEN(sizeof(int) * BUNDLE_BASIC))
            memcpy(fds, CMSG_DATA(part), sizeof(int) * BUNDLE_BASIC);
        filled += (size_t)got;
        if (filled >= sizeof(uint32_t)) wanted = sizeof(uint32_t) + ntohl(*(uint32_t *)frame);
        if (wanted >= sizeof frame) die("a request is too long");
    }
    frame[filled] = '\0';
}

/* The value of a variable of the request's header: NUL-terminated strings, an empty one at the end. */
static const char *variable(const char *name) {
    size_t length = strlen(name);
    for (const char *at = (char *)frame + sizeof(uint32_t); *at != '\0'; at += strlen(at) + 1)
        if (strncmp(at, name, length) == 0 && at[length] == '=') return at + length + 1;
    die(name);
}

/* Any 32 bits that differ from attachment to attachment: FNV-1a. */
static uint32_t digest(const char *text) {
    uint32_t value = 2166136261u;
    for (; *text != '\0'; text++) value = (value ^ (unsigned char)*text) * 16777619u;
    return value;
}

static void local_mac(unsigned char mac[6], unsigned char first, uint32_t rest) {
    memcpy(mac, (unsigned char[]){first, 0x42, 0, 0, 0, 0}, 6);
    memcpy(mac + 2, &rest, sizeof rest);
}

static void write_record(int journal, const struct attachment *pod) {
    char record[RECORD];
    memset(record, ' ', sizeof record);
    int used = snprintf(record, sizeof record, "{\"op\":\"intend\",\"key\":\"%s/%s\"}", pod->container, pod->ifname);
    record[used] = ' ';
    record[sizeof record - 1] = '\n';
    if (pwrite(journal, record, sizeof record, journal_end) != sizeof record) die("pwrite");
    if (fdatasync(journal) < 0) die("fdatasync");
    journal_end = (journal_end + RECORD) % (RECORD * RECORDS);
}

static void format_mac(char text[18], const unsigned char mac[6]) {
    sprintf(text, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static void reply(int fd, const char *output, size_t length) {
    char bytes[4096];
    uint32_t size = htonl((uint32_t)length + 1);
    memcpy(bytes, &size, sizeof size);
    bytes[sizeof size] = 0;
    memcpy(bytes + sizeof size + 1, output, length);
    size_t total = sizeof size + 1 + length;
    if (send(fd, bytes, total, MSG_NOSIGNAL) != (ssize_t)total) die("send");
}

static void reply_result(int fd, const struct attachment *pod, const char *netns) {
    char output[2048], address[INET_ADDRSTRLEN], host_mac[18], pod_mac[18];
    struct in_addr in = {htonl(pod->address)};
    format_mac(host_mac, pod->host_mac);
    format_mac(pod_mac, pod->pod_mac);
    inet_ntop(AF_INET, &in, address, sizeof address);
    int length = snprintf(
        output, sizeof output,
        "{\"cniVersion\":\"1.0.0\",\"interfaces\":[{\"name\":\"cni0\"},{\"name\":\"%s\",\"mac\":\"%s\"},{\"name\":"
        "\"%s\",\"mac\":\"%s\",\"sandbox\":\"%s\"}],\"ips\":[{\"interface\":2,\"address\":\"%s/%d\",\"gateway\":"
        "\"10.88.0.1\"}],\"routes\":[{\"dst\":\"0.0.0.0/0\"}],\"dns\":{}}\n",
        pod->host_name, host_mac, pod->ifname, pod_mac, netns, address, PREFIX_LENGTH);
    reply(fd, output, (size_t)length);
}

static uint32_t address_of(const char *container) {
    const char *dash = strrchr(container, '-');
    if (dash == NULL) die("the container's name ends in no number");
    return SUBNET + FIRST_HOST + (uint32_t)strtoul(dash + 1, NULL, 10);
}

static void serve(int fd, int journal, const struct host *host) {
    int fds[BUNDLE_BASIC];
    memset(fds, -1, sizeof fds);
    receive(fd, fds);
    struct attachment pod = {.container = variable("CNI_CONTAINERID"), .ifname = variable("CNI_IFNAME")};
    pod.address = address_of(pod.container);
    uint32_t id = digest(pod.container);
    snprintf(pod.host_name, sizeof pod.host_name, "veth%08x", id);
    local_mac(pod.host_mac, 0x12, id);
    local_mac(pod.pod_mac, 0x22, id);
    if (strcmp(variable("CNI_COMMAND"), "ADD") == 0) {
        write_record(journal, &pod);
        wire(host, fds, &pod);
        reply_result(fd, &pod, variable("CNI_NETNS"));
    } else {
        unwire(host, &pod);
        reply(fd, "", 0);
    }
    for (int part = 0; part < BUNDLE_BASIC; part++)
        if (fds[part] >= 0) close(fds[part]);
    close(fd);
}

int main(int argc, char **argv) {
    struct failure failure;
    if (argc != 3) return 2;
    int journal = open_journal(argv[2]);
    struct host host = {.route = netlink_request_socket(NETLINK_ROUTE, &failure),
                        .netfilter = netlink_request_socket(NETLINK_NETFILTER, &failure),
                        .ipv6 = open("/proc/sys/net/ipv6", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (host.route < 0 || host.netfilter < 0 || host.ipv6 < 0) die("open the host's namespace");
    host.bridge = link_index(host.route, "cni0");
    int listening = listen_at(argv[1]);
    for (;;) {
        int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0) die("accept");
        serve(fd, journal, &host);
    }
}
