/* What stands before each packet of a TUN queue with IFF_VNET_HDR, and what older headers lack of it. */
#pragma once

#include <linux/virtio_net.h>

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif
