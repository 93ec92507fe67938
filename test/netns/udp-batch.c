/*
 * One batch of the UDP tunnel's way outward, of a make that no real sender can be brought to: so many single packets
 * that the room for sends runs out in the middle of a super-packet. Says what is wrong with a segment, if anything.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "carrier.h"
#include "packet.h"
#include "sending.h"
#include "virtio.h"

/* A super-packet fills the rest of the sends with segments, and goes on for as many headers. */
enum { SINGLES = SENDS - 3, SIZE = 80, SEGMENTS = 400, FIRST_ID = 1000, HEADER = IPV4_HEADER + UDP_HEADER };

struct message {
  struct virtio_net_hdr offload;
  uint8_t packet[HEADER + SEGMENTS * SIZE];
} __attribute__((packed));

static void require(int good, const char *what) {
  if (good) return;
  perror(what);
  exit(1);
}

static int udp_socket(struct sockaddr_in *address) {
  socklen_t length = sizeof *address;
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), room = 8 << 20;
  *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  require(fd >= 0 && bind(fd, (struct sockaddr *)address, sizeof *address) == 0, "bind");
  require(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) == 0, "SO_RCVBUFFORCE");
  require(getsockname(fd, (struct sockaddr *)address, &length) == 0, "getsockname");
  return fd;
}

static struct table *table_to(struct sockaddr_in peer) {
  char why[WHY_SIZE];
  struct peer peers[] = {{.address = peer, .id = 0}};
  struct prefix prefixes[] = {{.first = 0x0af40200, .last = 0x0af402ff, .owner = 0}};
  struct table *table = table_make(1, peers, 1, prefixes, 1, why);
  require(table != NULL, "table_make");
  return table;
}

/* To the pods behind the peer; `size` of 0: as it is. */
static void put(int tun, uint16_t id, const uint8_t *payload, size_t length, uint16_t size) {
  static struct message message;
  size_t whole = HEADER + length;
  struct iphdr ip = {.version = 4, .ihl = 5, .ttl = 9, .protocol = IPPROTO_UDP, .id = htons(id),
                     .tot_len = htons((uint16_t)whole), .saddr = htonl(0x0af40102), .daddr = htonl(0x0af40202)};
  struct udphdr udp = {.source = htons(4000), .dest = htons(5000), .len = htons((uint16_t)(UDP_HEADER + length))};
  message.offload = (struct virtio_net_hdr){
      .gso_type = size == 0 ? VIRTIO_NET_HDR_GSO_NONE : VIRTIO_NET_HDR_GSO_UDP_L4, .gso_size = size};
  memcpy(message.packet, &ip, sizeof ip);
  memcpy(message.packet + IPV4_HEADER, &udp, sizeof udp);
  memcpy(message.packet + HEADER, payload, length);
  require(write(tun, &message, sizeof message.offload + whole) > 0, "write");
}

/* Its header is that of the segment whose payload it bears. */
static int is_right(const uint8_t *packet, ssize_t length) {
  struct iphdr ip;
  uint32_t index;
  if (length != HEADER + SIZE) return 0;
  memcpy(&ip, packet, sizeof ip);
  memcpy(&index, packet + HEADER, sizeof index);
  size_t transport = UDP_HEADER + SIZE;
  uint64_t sum = sum_pseudo_header(ip.saddr, ip.daddr, IPPROTO_UDP, transport) + sum_bytes(packet + IPV4_HEADER, transport);
  return ntohs(ip.id) == FIRST_ID + index && fold(sum_bytes(packet, IPV4_HEADER)) == 0xffff && fold(sum) == 0xffff;
}

int main(void) {
  static uint8_t payload[SEGMENTS * SIZE], work[8 << 20] __attribute__((aligned(8)));
  static struct lane lane;
  int pair[2];
  struct sockaddr_in from, to;
  int udp = udp_socket(&from), peer = udp_socket(&to);
  shared_table table = table_to(to);
  require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair) == 0, "socketpair");
  require(OUTWARD.work_size <= sizeof work, "room for work");
  for (uint32_t i = 0; i < SEGMENTS; i++) memcpy(payload + i * SIZE, &i, sizeof i);
  for (uint16_t i = 1; i <= SINGLES; i++) put(pair[1], i, payload, i, 0);
  put(pair[1], FIRST_ID, payload, sizeof payload, SIZE);
  struct carrier carrier = {.way = &OUTWARD, .tun = pair[0], .udp = udp, .current = &table, .lane = &lane,
                            .setting = {.mtu = 1472, .udp_segmentation = true}};
  int taken = OUTWARD.turn(&carrier, work), wrong = 0, segments = 0;
  for (uint8_t packet[2048];;) {
    ssize_t length = recv(peer, packet, sizeof packet, MSG_DONTWAIT);
    if (length < 0) break;
    if (length <= HEADER + SINGLES) continue;
    segments++;
    wrong += !is_right(packet, length);
  }
  printf("%d taken, %d segments, %d wrong\n", taken, segments, wrong);
  table_free(table);
  return 0;
}
