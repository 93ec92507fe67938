#define _GNU_SOURCE
#include "descriptors.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "virtio.h"

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif
/* linux/in.h: the size of the route's device counts, whatever others say of the way. */
#ifndef IP_PMTUDISC_OMIT
#define IP_PMTUDISC_OMIT 5
#endif

static bool tun_fits(int fd, struct ifreq *device, char *why) {
  const int wanted = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE;
  int header = 0;
  memset(device, 0, sizeof *device);
  if (ioctl(fd, TUNGETIFF, device) < 0 || ioctl(fd, TUNGETVNETHDRSZ, &header) < 0)
    return snprintf(why, WHY_SIZE, "expected a queue of a TUN device: %s", strerror(errno)), false;
  if ((device->ifr_flags & (wanted | IFF_TAP)) != wanted || header != sizeof(struct virtio_net_hdr))
    return snprintf(why, WHY_SIZE, "expected IFF_TUN, IFF_NO_PI, IFF_VNET_HDR, IFF_MULTI_QUEUE of %s, and a header of %zu bytes",
                    device->ifr_name, sizeof(struct virtio_net_hdr)), false;
  return true;
}

static bool socket_fits(int fd, struct sockaddr_in *address, char *why) {
  int domain = 0, type = 0, protocol = 0;
  socklen_t length = sizeof(int), address_length = sizeof *address;
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) < 0 ||
      getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) < 0 ||
      getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) < 0 || domain != AF_INET || type != SOCK_DGRAM ||
      protocol != IPPROTO_UDP)
    return snprintf(why, WHY_SIZE, "expected an IPv4 UDP socket"), false;
  if (getsockname(fd, (struct sockaddr *)address, &address_length) < 0 || address->sin_port == 0)
    return snprintf(why, WHY_SIZE, "expected a UDP socket that is bound to a port"), false;
  return true;
}

bool descriptors_fit(const struct generation *generation, char *why) {
  struct ifreq first_device = {0}, device;
  struct sockaddr_in first_address = {0}, address;
  for (unsigned i = 0; i < generation->queues; i++) {
    if (!tun_fits(generation->tun[i], &device, why) || !socket_fits(generation->udp[i], &address, why)) return false;
    if (i == 0) first_device = device, first_address = address;
    if (strcmp(device.ifr_name, first_device.ifr_name) != 0)
      return snprintf(why, WHY_SIZE, "expected queues of one device, got %s and %s", first_device.ifr_name,
                      device.ifr_name), false;
    if (address.sin_port != first_address.sin_port || address.sin_addr.s_addr != first_address.sin_addr.s_addr)
      return snprintf(why, WHY_SIZE, "expected UDP sockets of one address and port"), false;
  }
  return true;
}

static bool set_offloads(int tun, bool *udp_segmentation) {
  const unsigned long tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO_ECN;
  *udp_segmentation = ioctl(tun, TUNSETOFFLOAD, tcp | TUN_F_USO4 | TUN_F_USO6) == 0;
  return *udp_segmentation || ioctl(tun, TUNSETOFFLOAD, tcp) == 0;
}

bool descriptors_prepare(struct generation *generation, char *why) {
  const int on = 1, discovery = IP_PMTUDISC_OMIT;
  for (unsigned i = 0; i < generation->queues; i++) {
    int tun = generation->tun[i], udp = generation->udp[i];
    if (fcntl(tun, F_SETFL, O_RDWR | O_NONBLOCK) < 0 || !set_offloads(tun, &generation->setting.udp_segmentation) ||
        setsockopt(udp, IPPROTO_UDP, UDP_GRO, &on, sizeof on) < 0 ||
        setsockopt(udp, IPPROTO_IP, IP_MTU_DISCOVER, &discovery, sizeof discovery) < 0)
      return snprintf(why, WHY_SIZE, "expected a kernel with offloads of TUN and UDP (5.0): %s", strerror(errno)),
             false;
  }
  return true;
}
