/*
 * A network card between two links that fills in the checksums it is left, but for those within vxlan: there it knows
 * the outer one only. What a kernel leaves it of packets in tunnels leaves it wrong.
 *
 *   spoiling-card A B     carries frames both ways, says "ready" on standard output; ends when it is killed
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { OUTER_UDP = 14 + 20, CHECK_AT = OUTER_UDP + 6, VXLAN_PORT = 8472, LARGEST = 65536 };

struct message {
  struct virtio_net_hdr offload;
  uint8_t frame[LARGEST];
} __attribute__((packed));

static int open_link(const char *name) {
  struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
                                .sll_ifindex = (int)if_nametoindex(name)};
  int on = 1, fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
  if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) < 0 ||
      setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) < 0 ||
      bind(fd, (struct sockaddr *)&address, sizeof address) < 0) {
    perror(name);
    exit(1);
  }
  return fd;
}

static uint16_t word(const uint8_t *at) { return (uint16_t)(at[0] << 8 | at[1]); }

static int is_vxlan(const uint8_t *frame, size_t length) {
  return length > CHECK_AT + 2 && word(frame + 12) == ETH_P_IP && frame[14] == 0x45 && frame[23] == IPPROTO_UDP &&
         word(frame + OUTER_UDP + 2) == VXLAN_PORT;
}

static void fill_in(uint8_t *frame, size_t length, size_t start, size_t offset) {
  uint32_t sum = 0;
  for (size_t at = start; at < length; at += 2) sum += at + 1 < length ? word(frame + at) : (uint32_t)(frame[at] << 8);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  uint16_t check = (uint16_t)~sum;
  frame[start + offset] = (uint8_t)(check >> 8);
  frame[start + offset + 1] = (uint8_t)check;
}

static void carry(int from, int to) {
  static struct message message;
  ssize_t received = recv(from, &message, sizeof message, MSG_DONTWAIT);
  ssize_t length = received - (ssize_t)sizeof message.offload;
  /* Nor can it cut segments. */
  if (length <= 0 || message.offload.gso_type != VIRTIO_NET_HDR_GSO_NONE) return;
  struct virtio_net_hdr offload = message.offload;
  int is_left = (offload.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0;
  int is_within = is_vxlan(message.frame, (size_t)length) && offload.csum_start > OUTER_UDP;
  if (is_left && is_within) memset(message.frame + CHECK_AT, 0, 2);
  else if (is_left) fill_in(message.frame, (size_t)length, offload.csum_start, offload.csum_offset);
  memset(&message.offload, 0, sizeof message.offload);
  /* One that is too large, or comes while a link is down, is lost. */
  if (send(to, &message, (size_t)received, MSG_DONTWAIT) < 0) return;
}

int main(int count, char **names) {
  if (count != 3) return 1;
  struct pollfd fds[] = {{open_link(names[1]), POLLIN, 0}, {open_link(names[2]), POLLIN, 0}};
  if (write(STDOUT_FILENO, "ready\n", 6) < 0) return 1;
  for (;;) {
    if (poll(fds, 2, -1) < 0) return 1;
    for (int i = 0; i < 2; i++)
      if (fds[i].revents != 0) carry(fds[i].fd, fds[1 - i].fd);
  }
}
