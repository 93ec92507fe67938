#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "libuv.h"

struct entry {
  const char *name;
  host_function *function;
};

static const struct entry ENTRIES[] = {
    {"netlinkOpen", netlink_open},
    {"netlinkAdopt", netlink_adopt},
    {"netlinkPortId", netlink_port_id},
    {"netlinkExchange", netlink_exchange},
    {"netlinkReceive", netlink_receive},
    {"netlinkExchangeInThread", netlink_exchange_in_thread},
    {"netlinkExchangeAside", netlink_exchange_aside},
    {"netnsOwn", netns_own},
    {"netnsOpen", netns_open},
    {"netnsCreate", netns_create},
    {"netnsCookie", netns_cookie},
    {"netnsSocket", netns_socket},
    {"sysctlRead", sysctl_read},
    {"sysctlWrite", sysctl_write},
    {"txChecksumRead", tx_checksum_read},
    {"txChecksumWrite", tx_checksum_write},
    {"pollOpen", poll_open},
    {"pollClose", poll_close},
    {"pollEvents", poll_events},
    {"unixListen", unix_listen},
    {"unixConnect", unix_connect},
    {"unixAccept", unix_accept},
    {"unixPeer", unix_peer},
    {"unixReceive", unix_receive},
    {"unixSend", unix_send},
    {"datagramBind", datagram_bind},
    {"datagramSend", datagram_send},
    {"datagramSendSummed", datagram_send_summed},
    {"datagramReceive", datagram_receive},
    {"datagramKind", datagram_kind},
    {"datagramShare", datagram_share},
    {"datagramHearErrors", datagram_hear_errors},
    {"datagramReceiveErrors", datagram_receive_errors},
    {"packetOpen", packet_open},
    {"packetSend", packet_send},
    {"packetReceive", packet_receive},
    {"fileClose", file_close},
    {"fileLock", file_lock},
    {"fileSync", file_sync},
    {"fileCreate", file_create},
    {"processorYield", processor_yield},
    {"memoryTrim", memory_trim},
    {"mountFile", mount_file},
    {"unmountFile", unmount_file},
    {"tunOpen", tun_open},
    {"tunPersist", tun_persist},
};

struct instance *instance_of(napi_env env) {
  void *instance = NULL;
  napi_get_instance_data(env, &instance);
  return instance;
}

static void free_instance(napi_env env, void *data, void *hint) {
  (void)env, (void)hint;
  struct instance *instance = data;
  datagrams_free(&instance->received);
  free(instance);
}

static void do_nothing(napi_env env, void *data) { (void)env, (void)data; }

static void delete_work(napi_env env, napi_status status, void *data) {
  (void)status;
  napi_async_work *work = data;
  napi_delete_async_work(env, *work);
  free(work);
}

/*
 * Threads of the libuv pool stay in the namespace they are born in, and are born with the first job. The
 * first job is this one, so that none is ever born during a visit to another namespace.
 */
static void warm_pool(napi_env env) {
  napi_async_work *work = malloc(sizeof *work);
  if (work == NULL) return;
  napi_value name = text_value(env, "podlace.warm");
  if (napi_create_async_work(env, NULL, name, do_nothing, delete_work, work, work) != napi_ok) {
    free(work);
    return;
  }
  napi_queue_async_work(env, *work);
}

static bool define(napi_env env, napi_value exports, const struct entry *entry) {
  napi_value function;
  return napi_create_function(env, entry->name, NAPI_AUTO_LENGTH, entry->function, NULL, &function) == napi_ok &&
         napi_set_named_property(env, exports, entry->name, function) == napi_ok;
}

NAPI_MODULE_INIT() {
  struct instance *instance = calloc(1, sizeof *instance);
  if (instance == NULL || napi_set_instance_data(env, instance, free_instance, NULL) != napi_ok) {
    free(instance);
    napi_throw_error(env, NULL, "cannot keep instance data");
    return NULL;
  }
  if (strcmp(uv_handle_type_name(UV_POLL), "poll") != 0) {
    napi_throw_error(env, NULL, "this libuv numbers its handle types differently");
    return NULL;
  }
  for (size_t i = 0; i < sizeof ENTRIES / sizeof *ENTRIES; i++)
    if (!define(env, exports, &ENTRIES[i])) return NULL;
  warm_pool(env);
  return exports;
}
