/*
 * The netlink messages and sysctls of one ADD and one DEL, as our agent sends them, batched as it batches them: in the
 * host's namespace the pair with its peer placed in the pod, then alias, bridge port and up; in the pod lo, MAC, up,
 * address and route. What comes of them is compared with what comes of the agent's, before a time counts.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "floor.h"

/* The route protocol and address mark of ours: see src/kernel/ownership.ts. */
enum { PROTOCOL = 113, BATCH = 4096 };

struct batch {
    unsigned char bytes[BATCH];
    size_t length;
    struct nlmsghdr *message;
    uint32_t count;
};

static void *append(struct batch *batch, const void *data, size_t length) {
    unsigned char *at = batch->bytes + batch->length;
    size_t padded = NLMSG_ALIGN(length);
    if (batch->length + padded > sizeof batch->bytes) die("a batch is too long");
    memset(at, 0, padded);
    if (length > 0) memcpy(at, data, length);
    batch->length += padded;
    if (batch->message != NULL) batch->message->nlmsg_len = (uint32_t)(at + padded - (unsigned char *)batch->message);
    return at;
}

static void begin(struct batch *batch, uint16_t type, uint16_t flags, const void *body, size_t length) {
    struct nlmsghdr header = {.nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags,
                              .nlmsg_seq = ++batch->count};
    batch->message = NULL;
    batch->message = append(batch, &header, sizeof header);
    append(batch, body, length);
}

static struct rtattr *attribute(struct batch *batch, uint16_t type, const void *data, size_t length) {
    struct rtattr header = {.rta_type = type, .rta_len = (uint16_t)RTA_LENGTH(length)};
    struct rtattr *at = append(batch, &header, sizeof header);
    append(batch, data, length);
    return at;
}

static void string(struct batch *batch, uint16_t type, const char *text) {
    attribute(batch, type, text, strlen(text) + 1);
}

static void close_nest(const struct batch *batch, struct rtattr *nest) {
    nest->rta_len = (uint16_t)(batch->bytes + batch->length - (unsigned char *)nest);
}

static void link_message(struct batch *batch, uint16_t flags, const char *name, unsigned interface_flags) {
    struct ifinfomsg body = {.ifi_flags = interface_flags, .ifi_change = interface_flags};
    begin(batch, RTM_NEWLINK, flags, &body, sizeof body);
    if (name != NULL) string(batch, IFLA_IFNAME, name);
}

/*
 * One datagram out; then an acknowledgement of each message. Returns the index of the link that an answer described, 0 if
 * none did.
 */
static int send_batch(int fd, const struct batch *batch) {
    static unsigned char answer[1 << 16];
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    int index = 0;
    if (sendto(fd, batch->bytes, batch->length, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0) die("sendto");
    for (uint32_t left = batch->count; left > 0;) {
        ssize_t got = recv(fd, answer, sizeof answer, 0);
        if (got < 0 && errno == EAGAIN) {
            struct pollfd waiting = {.fd = fd, .events = POLLIN};
            poll(&waiting, 1, -1);
            continue;
        }
        if (got < 0) die("recv");
        for (struct nlmsghdr *at = (void *)answer; NLMSG_OK(at, got); at = NLMSG_NEXT(at, got)) {
            if (at->nlmsg_type == RTM_NEWLINK) index = ((struct ifinfomsg *)NLMSG_DATA(at))->ifi_index;
            if (at->nlmsg_type != NLMSG_ERROR) continue;
            const struct nlmsgerr *error = NLMSG_DATA(at);
            errno = -error->error;
            if (errno != 0) die("the kernel refused a message");
            left--;
        }
    }
    return index;
}

int link_index(int route, const char *name) {
    struct batch batch = {.length = 0};
    struct ifinfomsg body = {.ifi_family = AF_UNSPEC};
    begin(&batch, RTM_GETLINK, 0, &body, sizeof body);
    string(&batch, IFLA_IFNAME, name);
    return send_batch(route, &batch);
}

static void sysctl(int directory, const char *link, const char *name, const char *value) {
    char path[64];
    snprintf(path, sizeof path, "conf/%s/%s", link, name);
    int fd = openat(directory, path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, value, strlen(value)) < 0) die(path);
    close(fd);
}

static void add_pair(const struct host *host, int pod_netns, const struct attachment *pod) {
    struct batch batch = {.length = 0};
    link_message(&batch, NLM_F_CREATE | NLM_F_EXCL, pod->host_name, 0);
    attribute(&batch, IFLA_ADDRESS, pod->host_mac, 6);
    attribute(&batch, IFLA_MASTER, &host->bridge, sizeof host->bridge);
    struct rtattr *info = attribute(&batch, IFLA_LINKINFO | NLA_F_NESTED, NULL, 0);
    string(&batch, IFLA_INFO_KIND, "veth");
    struct rtattr *data = attribute(&batch, IFLA_INFO_DATA | NLA_F_NESTED, NULL, 0);
    struct ifinfomsg peer = {.ifi_family = AF_UNSPEC};
    struct rtattr *other = attribute(&batch, VETH_INFO_PEER | NLA_F_NESTED, &peer, sizeof peer);
    attribute(&batch, IFLA_ADDRESS, pod->pod_mac, 6);
    string(&batch, IFLA_IFNAME, pod->ifname);
    attribute(&batch, IFLA_NET_NS_FD, &pod_netns, sizeof pod_netns);
    close_nest(&batch, other);
    close_nest(&batch, data);
    close_nest(&batch, info);
    send_batch(host->route, &batch);
}

static void set_up_port(const struct host *host, const struct attachment *pod) {
    struct batch batch = {.length = 0};
    char alias[256];
    int length = snprintf(alias, sizeof alias, "podlace:container %s %s", pod->container, pod->ifname);
    link_message(&batch, 0, pod->host_name, 0);
    attribute(&batch, IFLA_IFALIAS, alias, (size_t)length);
    link_message(&batch, 0, pod->host_name, 0);
    struct rtattr *info = attribute(&batch, IFLA_LINKINFO | NLA_F_NESTED, NULL, 0);
    string(&batch, IFLA_INFO_SLAVE_KIND, "bridge");
    struct rtattr *data = attribute(&batch, IFLA_INFO_SLAVE_DATA | NLA_F_NESTED, NULL, 0);
    attribute(&batch, IFLA_BRPORT_MODE, &(uint8_t){1}, 1); /* hairpin */
    attribute(&batch, IFLA_BRPORT_ISOLATED, &(uint8_t){0}, 1);
    close_nest(&batch, data);
    close_nest(&batch, info);
    link_message(&batch, 0, pod->host_name, IFF_UP);
    send_batch(host->route, &batch);
}

static void set_up_pod(int route, const struct attachment *pod, int index) {
    struct batch batch = {.length = 0};
    uint32_t address = htonl(pod->address), gateway = htonl(GATEWAY);
    link_message(&batch, 0, "lo", IFF_UP);
    link_message(&batch, 0, pod->ifname, 0);
    attribute(&batch, IFLA_ADDRESS, pod->pod_mac, 6);
    link_message(&batch, 0, pod->ifname, IFF_UP);
    struct ifaddrmsg own = {.ifa_family = AF_INET, .ifa_prefixlen = PREFIX_LENGTH, .ifa_index = (unsigned)index};
    begin(&batch, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &own, sizeof own);
    attribute(&batch, IFA_ADDRESS, &address, sizeof address);
    attribute(&batch, IFA_LOCAL, &address, sizeof address);
    attribute(&batch, IFA_PROTO, &(uint8_t){PROTOCOL}, 1);
    struct rtmsg route_body = {.rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = PROTOCOL,
                               .rtm_scope = RT_SCOPE_UNIVERSE, .rtm_type = RTN_UNICAST};
    begin(&batch, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &route_body, sizeof route_body);
    attribute(&batch, RTA_OIF, &index, sizeof index);
    attribute(&batch, RTA_GATEWAY, &gateway, sizeof gateway);
    send_batch(route, &batch);
}

void wire(const struct host *host, const int fds[BUNDLE_SIZE], const struct attachment *pod) {
    add_pair(host, fds[PART_NETNS], pod);
    sysctl(host->ipv6, pod->host_name, "accept_ra", "0");
    set_up_port(host, pod);
    int index = link_index(fds[PART_ROUTE], pod->ifname);
    sysctl(fds[PART_IPV4], pod->ifname, "arp_notify", "1");
    sysctl(fds[PART_IPV4], "all", "accept_redirects", "0");
    sysctl(fds[PART_IPV4], pod->ifname, "accept_redirects", "0");
    sysctl(fds[PART_IPV6], pod->ifname, "accept_ra", "0");
    sysctl(fds[PART_IPV6], pod->ifname, "accept_redirects", "0");
    sysctl(fds[PART_IPV6], pod->ifname, "accept_dad", "0");
    set_up_pod(fds[PART_ROUTE], pod, index);
}

void unwire(const struct host *host, const struct attachment *pod) {
    struct batch batch = {.length = 0};
    struct ifinfomsg body = {.ifi_family = AF_UNSPEC};
    begin(&batch, RTM_DELLINK, 0, &body, sizeof body);
    string(&batch, IFLA_IFNAME, pod->host_name);
    send_batch(host->route, &batch);
}
