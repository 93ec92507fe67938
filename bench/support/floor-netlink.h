/* Netlink requests in batches, as the floor sends them. */
#pragma once

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdint.h>

enum { BATCH = 4096 };

struct batch {
    unsigned char bytes[BATCH];
    size_t length;
    struct nlmsghdr *message;
    uint32_t count, acknowledged; /* messages; those that are answered */
};

/* Of a link that an answer described: its index and, of a veth, that of its peer; 0 if none did. */
struct described_link {
    int index, peer;
};

/* `flags` besides NLM_F_REQUEST. */
void begin(struct batch *batch, uint16_t type, uint16_t flags, const void *body, size_t length);
/* Appends an attribute to the last message; returns it, for `close_nest` when others were put into it. */
struct rtattr *attribute(struct batch *batch, uint16_t type, const void *data, size_t length);
struct rtattr *open_nest(struct batch *batch, uint16_t type);
void close_nest(const struct batch *batch, struct rtattr *nest);
void string(struct batch *batch, uint16_t type, const char *text);

/* One datagram out; then an acknowledgement of each message that asks for one. A refusal is the end. */
struct described_link send_batch(int fd, const struct batch *batch);
