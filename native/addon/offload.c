#define _GNU_SOURCE
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>

#include "host.h"

/* ioctl(2), SIOCETHTOOL with a command that takes one number; any socket of the namespace does. */
static int ask(int fd, const char *link, struct ethtool_value *value) {
  struct ifreq request = {.ifr_data = (void *)value};
  memcpy(request.ifr_name, link, strlen(link));
  return ioctl(fd, SIOCETHTOOL, &request);
}

/* txChecksumRead(socketFd, link) → boolean: ETHTOOL_GTXCSUM. */
napi_value tx_checksum_read(napi_env env, napi_callback_info info) {
  char link[IFNAMSIZ];
  struct ethtool_value value = {.cmd = ETHTOOL_GTXCSUM};
  struct call call = call_begin(env, info);
  int fd = call_int(&call, 0);
  call_text(&call, 1, link, sizeof link);
  if (call.refused) return NULL;
  return ask(fd, link, &value) < 0 ? throw_errno(env, "ioctl") : bool_value(env, value.data != 0);
}

/* txChecksumWrite(socketFd, link, on): ETHTOOL_STXCSUM, with CAP_NET_ADMIN. */
napi_value tx_checksum_write(napi_env env, napi_callback_info info) {
  char link[IFNAMSIZ];
  struct ethtool_value value = {.cmd = ETHTOOL_STXCSUM};
  struct call call = call_begin(env, info);
  int fd = call_int(&call, 0);
  call_text(&call, 1, link, sizeof link);
  value.data = (uint32_t)call_int(&call, 2);
  if (call.refused) return NULL;
  return ask(fd, link, &value) < 0 ? throw_errno(env, "ioctl") : NULL;
}
