/* What the floor's server (floor.c) and its netlink half (floor-wiring.c, floor-guard.c) share. */
#pragma once

#include <stdint.h>

#include "../../native/common/bundle.h"

enum { SUBNET = 0x0a580000, GATEWAY = SUBNET + 1, PREFIX_LENGTH = 16 };

struct host {
    int route, netfilter; /* netlink sockets of the host's namespace */
    int ipv6;             /* its /proc/sys/net/ipv6 */
    int bridge;           /* index of cni0 */
};

struct attachment {
    const char *container, *ifname;
    char host_name[16];
    unsigned char host_mac[6], pod_mac[6];
    uint32_t address; /* host byte order */
};

/* Any failure is the end: a floor that failed has no time to report. */
_Noreturn void die(const char *what);

int link_index(int route, const char *name);
/* ADD: `fds` is the pod's bundle. */
void wire(const struct host *host, const int fds[BUNDLE_BASIC], const struct attachment *pod);
void unwire(const struct host *host, const struct attachment *pod);
/* The parts of both that are nftables'. */
void guard(const struct host *host, const struct attachment *pod);
void unguard(const struct host *host, const struct attachment *pod);
