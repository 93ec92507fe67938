/*
 * The yardstick of the UDP tunnel: a TUN device and a UDP socket, one packet per system call, as flannel's udp backend
 * carries them. It does what must be done and no more: a list of routes, time to live, the datagram. Polls only when
 * neither side has anything.
 *
 *   bench-udp-loop DEVICE ADDRESS PORT NETWORK/LENGTH=PEER ...     until it is killed; says "ready" when it carries
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/ip.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_ROUTES = 64, BUFFER = 2048 };

struct route {
    uint32_t network, mask;
    struct sockaddr_in peer;
};

static struct route routes[MAX_ROUTES];
static unsigned route_count;

static _Noreturn void die(const char *what) {
    fprintf(stderr, "udp-loop: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int open_tun(const char *name) {
    struct ifreq device = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    strncpy(device.ifr_name, name, IFNAMSIZ - 1);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &device) < 0) die("open the device");
    return fd;
}

static int open_udp(const char *text, uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), size = 8 << 20;
    if (fd < 0 || inet_pton(AF_INET, text, &address.sin_addr) != 1) die("open the socket");
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0) die("SO_RCVBUFFORCE");
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) die("bind");
    return fd;
}

static void add_route(char *text, uint16_t port) {
    struct route *route = &routes[route_count++];
    char *slash = strchr(text, '/'), *equals = strchr(text, '=');
    if (route_count > MAX_ROUTES || slash == NULL || equals == NULL) die("a route is NETWORK/LENGTH=PEER");
    *slash = *equals = 0;
    route->mask = htonl(UINT32_MAX << (32 - atoi(slash + 1)));
    route->peer = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, text, &route->network) != 1 || inet_pton(AF_INET, equals + 1, &route->peer.sin_addr) != 1)
        die("an address of a route");
}

static const struct route *find_route(uint32_t address) {
    for (unsigned i = 0; i < route_count; i++)
        if ((address & routes[i].mask) == routes[i].network) return &routes[i];
    return NULL;
}

static bool decrement_ttl(struct iphdr *ip) {
    if (ip->ttl <= 1) return false;
    uint32_t sum = (uint32_t)ip->check + htons(0x0100);
    ip->check = (uint16_t)(sum + (sum >> 16));
    ip->ttl--;
    return true;
}

static bool carry_out(int tun, int udp, void *buffer) {
    ssize_t length = read(tun, buffer, BUFFER);
    if (length < 0) return false;
    struct iphdr *ip = buffer;
    const struct route *route = length < (ssize_t)sizeof *ip ? NULL : find_route(ip->daddr);
    if (route == NULL || !decrement_ttl(ip)) return true;
    while (sendto(udp, buffer, (size_t)length, 0, (const struct sockaddr *)&route->peer, sizeof route->peer) < 0 &&
           errno == EAGAIN)
        poll(&(struct pollfd){udp, POLLOUT, 0}, 1, 10);
    return true;
}

static bool carry_in(int tun, int udp, void *buffer) {
    ssize_t length = recv(udp, buffer, BUFFER, 0);
    if (length < 0) return false;
    bool goes_on = length >= (ssize_t)sizeof(struct iphdr) && decrement_ttl(buffer);
    if (goes_on && write(tun, buffer, (size_t)length) < 0 && errno == EBADFD) die("write to the device");
    return true;
}

int main(int count, char **arguments) {
    static char buffer[BUFFER] __attribute__((aligned(8)));
    if (count < 5) {
        fprintf(stderr, "usage: udp-loop DEVICE ADDRESS PORT NETWORK/LENGTH=PEER ...\n");
        return 2;
    }
    uint16_t port = (uint16_t)atoi(arguments[3]);
    int tun = open_tun(arguments[1]), udp = open_udp(arguments[2], port);
    for (int i = 4; i < count; i++) add_route(arguments[i], port);
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct pollfd fds[] = {{tun, POLLIN, 0}, {udp, POLLIN, 0}};
        poll(fds, 2, -1);
        while (carry_out(tun, udp, buffer) | carry_in(tun, udp, buffer)) continue;
    }
}
