/* The host functions, by the file that has them, and what one environment (main thread or worker) owns. */
#pragma once

#include "datagrams.h"
#include "values.h"

struct instance {
  /* Reused by the synchronous receivers, so that a reply costs no allocation in C. */
  struct datagrams received;
  /* aside.c: tells the main thread what other threads have done. Made when it is needed first. */
  napi_threadsafe_function aside_done;
  /* How much of that is under way. */
  unsigned asides;
};

struct instance *instance_of(napi_env env);

typedef napi_value host_function(napi_env env, napi_callback_info info);

/* netlink.c */
host_function netlink_open, netlink_adopt, netlink_port_id, netlink_exchange, netlink_receive;
/* netlink-thread.c */
host_function netlink_exchange_in_thread;
host_function netlink_exchange_aside;
/* netns.c */
host_function netns_own, netns_open, netns_create, netns_cookie, netns_socket;
/* sysctl.c */
host_function sysctl_read, sysctl_write;
/* offload.c */
host_function tx_checksum_read, tx_checksum_write;
/* poll.c */
host_function poll_open, poll_close, poll_events;
/* unix-stream.c */
host_function unix_listen, unix_connect, unix_accept, unix_peer, unix_receive, unix_send;
/* datagram.c */
host_function datagram_bind, datagram_send, datagram_send_summed, datagram_receive, datagram_kind, datagram_share;
host_function datagram_hear_errors, datagram_receive_errors;
/* packet.c */
host_function packet_open, packet_send, packet_receive;
/* file-aside.c */
host_function file_sync, file_create;
/* files.c */
host_function file_close, file_lock, mount_file, unmount_file, tun_open, tun_persist, processor_yield;
/* memory.c */
host_function memory_trim;

/* netlink.c: the collected datagrams as an array of Uint8Array that share one ArrayBuffer. */
napi_value datagrams_value(napi_env env, const struct datagrams *datagrams);
