#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../common/bundle.h"
#include "host.h"
#include "receive.h"

enum { PACKET_SIZE = 64 << 10 };

/*
 * Lets in UDP over IPv4 to `port` that came from elsewhere and was meant for this link; the rest of what the link
 * carries costs nobody a wake-up. Offsets count from the IPv4 header on.
 */
static int attach_filter(int fd, int port) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_PKTTYPE),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, PACKET_OTHERHOST, 8, 0),
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 6),
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 4, 0),
      BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
      BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)port, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, PACKET_SIZE),
      BPF_STMT(BPF_RET | BPF_K, 0),
  };
  const struct sock_fprog program = {sizeof code / sizeof *code, code};
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

static struct sockaddr_ll link_address(int index) {
  return (struct sockaddr_ll){
      .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = index, .sll_halen = ETH_ALEN};
}

/* Protocol 0 at first: nothing is received before the filter is there. */
static int open_here(int index, int port, struct failure *failure) {
  const int on = 1;
  const struct sockaddr_ll address = link_address(index);
  int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return failed(failure, "socket");
  const char *call = NULL;
  if (attach_filter(fd, port) < 0 || setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof on) < 0)
    call = "setsockopt";
  else if (bind(fd, (const struct sockaddr *)&address, sizeof address) < 0)
    call = "bind";
  if (call == NULL) return fd;
  failed(failure, call);
  close(fd);
  return -1;
}

/* packetOpen(netnsFd, linkIndex, udpPort) → fd: packet(7), IPv4 to and from one link inside the namespace. */
napi_value packet_open(napi_env env, napi_callback_info info) {
  struct visit visit;
  struct failure failure;
  struct call call = call_begin(env, info);
  int target = call_int(&call, 0), index = call_int(&call, 1), port = call_int(&call, 2);
  if (call.refused) return NULL;
  if (visit_begin(&visit, target, &failure) < 0) return throw_failure(env, &failure);
  int fd = open_here(index, port, &failure);
  visit_end(&visit);
  return fd < 0 ? throw_failure(env, &failure) : int_value(env, fd);
}

/* packetSend(fd, linkIndex, mac, packet) → false if the send queue is full: sendto(2), the kernel adds its MAC. */
napi_value packet_send(napi_env env, napi_callback_info info) {
  struct call call = call_begin(env, info);
  int fd = call_int(&call, 0);
  struct sockaddr_ll address = link_address(call_int(&call, 1));
  struct bytes mac = call_bytes(&call, 2), packet = call_bytes(&call, 3);
  if (call.refused) return NULL;
  memcpy(address.sll_addr, mac.data, mac.length < ETH_ALEN ? mac.length : ETH_ALEN);
  if (sendto(fd, packet.data, packet.length, 0, (struct sockaddr *)&address, sizeof address) >= 0)
    return bool_value(env, true);
  return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? bool_value(env, false) : throw_errno(env, "sendto");
}

/* A packet of this machine may come before its UDP checksum has been made. */
static bool has_checksum(struct msghdr *message) {
  for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL; part = CMSG_NXTHDR(message, part)) {
    struct tpacket_auxdata facts;
    if (part->cmsg_level != SOL_PACKET || part->cmsg_type != PACKET_AUXDATA) continue;
    memcpy(&facts, CMSG_DATA(part), sizeof facts);
    return (facts.tp_status & TP_STATUS_CSUMNOTREADY) == 0;
  }
  return true;
}

static napi_value packet_value(napi_env env, struct msghdr *message, size_t length) {
  const struct sockaddr_ll *from = message->msg_name;
  napi_value parts[] = {bytes_value(env, message->msg_iov->iov_base, length),
                        bytes_value(env, from->sll_addr, ETH_ALEN), bool_value(env, has_checksum(message))};
  return array_value(env, parts, 3);
}

/* packetReceive(fd) → [[packet, mac, hasChecksum], ...] */
napi_value packet_receive(napi_env env, napi_callback_info info) {
  struct call call = call_begin(env, info);
  int fd = call_int(&call, 0);
  return call.refused ? NULL : receive_messages(env, fd, 0, packet_value);
}
