/*
 * The netlink messages and sysctls of one ADD and one DEL, as our agent sends them, batched as it batches them: in the
 * host's namespace the guard's elements (floor-guard.c), the pair with its peer placed in the pod, then alias, what the
 * kernel takes only for a link that is there, and up; in the pod lo, address, up and route. What comes of them is compared
 * with what comes of the agent's, before a time counts.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "floor-netlink.h"
#include "floor.h"

/* The route protocol and address mark of ours: see src/kernel/ownership.ts. */
enum { PROTOCOL = 113 };

static void link_message(struct batch *batch, uint16_t flags, const char *name, unsigned interface_flags) {
    struct ifinfomsg body = {.ifi_flags = interface_flags, .ifi_change = interface_flags};
    begin(batch, RTM_NEWLINK, NLM_F_ACK | flags, &body, sizeof body);
    string(batch, IFLA_IFNAME, name);
}

int link_index(int route, const char *name) {
    struct batch batch = {.length = 0};
    struct ifinfomsg body = {.ifi_family = AF_UNSPEC};
    begin(&batch, RTM_GETLINK, NLM_F_ACK, &body, sizeof body);
    string(&batch, IFLA_IFNAME, name);
    return send_batch(route, &batch).index;
}

static void sysctl(int directory, const char *link, const char *name, const char *value) {
    char path[64];
    snprintf(path, sizeof path, "conf/%s/%s", link, name);
    int fd = openat(directory, path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, value, strlen(value)) < 0) die(path);
    close(fd);
}

static void one_queue(struct batch *batch) {
    attribute(batch, IFLA_NUM_TX_QUEUES, &(uint32_t){1}, 4);
    attribute(batch, IFLA_NUM_RX_QUEUES, &(uint32_t){1}, 4);
}

/* Returns the index of the pod's end, which the kernel tells with that of ours. */
static int add_pair(const struct host *host, int pod_netns, const struct attachment *pod) {
    struct batch batch = {.length = 0};
    link_message(&batch, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ECHO, pod->host_name, 0);
    attribute(&batch, IFLA_ADDRESS, pod->host_mac, 6);
    attribute(&batch, IFLA_MASTER, &host->bridge, sizeof host->bridge);
    one_queue(&batch);
    struct rtattr *info = open_nest(&batch, IFLA_LINKINFO);
    string(&batch, IFLA_INFO_KIND, "veth");
    struct rtattr *data = open_nest(&batch, IFLA_INFO_DATA);
    struct ifinfomsg peer = {.ifi_family = AF_UNSPEC};
    struct rtattr *other = attribute(&batch, VETH_INFO_PEER | NLA_F_NESTED, &peer, sizeof peer);
    attribute(&batch, IFLA_ADDRESS, pod->pod_mac, 6);
    string(&batch, IFLA_IFNAME, pod->ifname);
    attribute(&batch, IFLA_NET_NS_FD, &pod_netns, sizeof pod_netns);
    one_queue(&batch);
    close_nest(&batch, other);
    close_nest(&batch, data);
    close_nest(&batch, info);
    int index = send_batch(host->route, &batch).peer;
    if (index == 0) die("the kernel does not tell the index of the pod's end");
    return index;
}

static void set_up_port(const struct host *host, const struct attachment *pod) {
    struct batch batch = {.length = 0};
    char alias[256];
    int length = snprintf(alias, sizeof alias, "podlace:container %s %s", pod->container, pod->ifname);
    link_message(&batch, 0, pod->host_name, 0);
    attribute(&batch, IFLA_IFALIAS, alias, (size_t)length);
    link_message(&batch, 0, pod->host_name, 0);
    struct rtattr *families = open_nest(&batch, IFLA_AF_SPEC);
    struct rtattr *inet6 = open_nest(&batch, AF_INET6);
    attribute(&batch, IFLA_INET6_ADDR_GEN_MODE, &(uint8_t){IN6_ADDR_GEN_MODE_NONE}, 1);
    close_nest(&batch, inet6);
    close_nest(&batch, families);
    struct rtattr *info = open_nest(&batch, IFLA_LINKINFO);
    string(&batch, IFLA_INFO_SLAVE_KIND, "bridge");
    struct rtattr *data = open_nest(&batch, IFLA_INFO_SLAVE_DATA);
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
    struct ifaddrmsg own = {.ifa_family = AF_INET, .ifa_prefixlen = PREFIX_LENGTH, .ifa_index = (unsigned)index};
    begin(&batch, RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, &own, sizeof own);
    attribute(&batch, IFA_ADDRESS, &address, sizeof address);
    attribute(&batch, IFA_LOCAL, &address, sizeof address);
    attribute(&batch, IFA_PROTO, &(uint8_t){PROTOCOL}, 1);
    link_message(&batch, 0, pod->ifname, IFF_UP);
    struct rtmsg route_body = {.rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = PROTOCOL,
                               .rtm_scope = RT_SCOPE_UNIVERSE, .rtm_type = RTN_UNICAST};
    begin(&batch, RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, &route_body, sizeof route_body);
    attribute(&batch, RTA_OIF, &index, sizeof index);
    attribute(&batch, RTA_GATEWAY, &gateway, sizeof gateway);
    send_batch(route, &batch);
}

void wire(const struct host *host, const int fds[BUNDLE_BASIC], const struct attachment *pod) {
    guard(host, pod);
    int index = add_pair(host, fds[PART_NETNS], pod);
    sysctl(host->ipv6, pod->host_name, "accept_ra", "0");
    set_up_port(host, pod);
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
    begin(&batch, RTM_DELLINK, NLM_F_ACK, &body, sizeof body);
    string(&batch, IFLA_IFNAME, pod->host_name);
    send_batch(host->route, &batch);
    unguard(host, pod);
}
