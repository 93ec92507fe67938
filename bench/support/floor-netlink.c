#define _GNU_SOURCE
#include "floor-netlink.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "floor.h"

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

void begin(struct batch *batch, uint16_t type, uint16_t flags, const void *body, size_t length) {
    struct nlmsghdr header = {.nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags, .nlmsg_seq = ++batch->count};
    if (flags & NLM_F_ACK) batch->acknowledged++;
    batch->message = NULL;
    batch->message = append(batch, &header, sizeof header);
    append(batch, body, length);
}

struct rtattr *attribute(struct batch *batch, uint16_t type, const void *data, size_t length) {
    struct rtattr header = {.rta_type = type, .rta_len = (uint16_t)RTA_LENGTH(length)};
    struct rtattr *at = append(batch, &header, sizeof header);
    append(batch, data, length);
    return at;
}

struct rtattr *open_nest(struct batch *batch, uint16_t type) {
    return attribute(batch, type | NLA_F_NESTED, NULL, 0);
}

void close_nest(const struct batch *batch, struct rtattr *nest) {
    nest->rta_len = (uint16_t)(batch->bytes + batch->length - (unsigned char *)nest);
}

void string(struct batch *batch, uint16_t type, const char *text) {
    attribute(batch, type, text, strlen(text) + 1);
}

static struct described_link read_link(struct nlmsghdr *message) {
    struct ifinfomsg *body = NLMSG_DATA(message);
    struct described_link link = {.index = body->ifi_index};
    int left = (int)IFLA_PAYLOAD(message);
    for (struct rtattr *at = IFLA_RTA(body); RTA_OK(at, left); at = RTA_NEXT(at, left))
        if (at->rta_type == IFLA_LINK) memcpy(&link.peer, RTA_DATA(at), sizeof link.peer);
    return link;
}

struct described_link send_batch(int fd, const struct batch *batch) {
    static unsigned char answer[1 << 16];
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    struct described_link link = {0, 0};
    if (sendto(fd, batch->bytes, batch->length, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0) die("sendto");
    for (uint32_t left = batch->acknowledged; left > 0;) {
        ssize_t got = recv(fd, answer, sizeof answer, 0);
        if (got < 0 && errno == EAGAIN) {
            struct pollfd waiting = {.fd = fd, .events = POLLIN};
            poll(&waiting, 1, -1);
            continue;
        }
        if (got < 0) die("recv");
        for (struct nlmsghdr *at = (void *)answer; NLMSG_OK(at, got); at = NLMSG_NEXT(at, got)) {
            if (at->nlmsg_type == RTM_NEWLINK) link = read_link(at);
            if (at->nlmsg_type != NLMSG_ERROR) continue;
            const struct nlmsgerr *error = NLMSG_DATA(at);
            errno = -error->error;
            if (errno != 0) die("the kernel refused a message");
            left--;
        }
    }
    return link;
}
