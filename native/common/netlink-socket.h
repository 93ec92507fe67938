/* Netlink sockets, AF_NETLINK (netlink(7)). */
#pragma once

#include "failure.h"

/*
 * A bound, non-blocking, close-on-exec socket in the namespace of the calling thread, for requests and
 * replies: strict checking of dump requests (NETLINK_GET_STRICT_CHK), error texts (NETLINK_EXT_ACK), errors
 * without a copy of the request (NETLINK_CAP_ACK), and buffers wide enough for a batch of thousands of
 * messages. Returns the descriptor or -1.
 */
int netlink_request_socket(int protocol, struct failure *failure);

/* The same without the options for requests: receives multicast. Groups are joined one by one. */
int netlink_event_socket(int protocol, const unsigned *groups, unsigned group_count, int receive_buffer,
                         struct failure *failure);
