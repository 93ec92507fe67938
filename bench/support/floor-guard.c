/*
 * The pod's elements in the bridge's guard, in one transaction as our agent makes them. The tables are there: they are the
 * node's, see cni-side.ts.
 */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>
#include <string.h>

#include "floor-netlink.h"
#include "floor.h"

/* What comes behind the interface in the key of an element. */
enum { KEY_REST = 16 };

static void mark_end(struct batch *batch, uint16_t type) {
    struct nfgenmsg body = {.res_id = htons(NFNL_SUBSYS_NFTABLES)};
    begin(batch, type, 0, &body, sizeof body);
}

static void verdict(struct batch *batch, const char *chain) {
    struct rtattr *data = open_nest(batch, NFTA_SET_ELEM_DATA);
    struct rtattr *verdict = open_nest(batch, NFTA_DATA_VERDICT);
    attribute(batch, NFTA_VERDICT_CODE, &(uint32_t){htonl((uint32_t)NFT_GOTO)}, sizeof(uint32_t));
    string(batch, NFTA_VERDICT_CHAIN, chain);
    close_nest(batch, verdict);
    close_nest(batch, data);
}

/* `flags` besides those of a message in a transaction; `chain` for an element of the map, else NULL. */
static void element(struct batch *batch, uint16_t type, uint16_t flags, const char *set, const char *interface,
                    const void *rest, size_t length, const char *chain) {
    struct nfgenmsg body = {.nfgen_family = NFPROTO_BRIDGE};
    unsigned char key[IFNAMSIZ + KEY_REST] = {0};
    strncpy((char *)key, interface, IFNAMSIZ - 1);
    if (length > 0) memcpy(key + IFNAMSIZ, rest, length);
    begin(batch, (NFNL_SUBSYS_NFTABLES << 8) | type, flags, &body, sizeof body);
    string(batch, NFTA_SET_ELEM_LIST_TABLE, "podlace-guard");
    string(batch, NFTA_SET_ELEM_LIST_SET, set);
    struct rtattr *elements = open_nest(batch, NFTA_SET_ELEM_LIST_ELEMENTS);
    struct rtattr *one = open_nest(batch, NFTA_LIST_ELEM);
    struct rtattr *nested = open_nest(batch, NFTA_SET_ELEM_KEY);
    attribute(batch, NFTA_DATA_VALUE, key, IFNAMSIZ + NLMSG_ALIGN(length));
    close_nest(batch, nested);
    if (chain != NULL) verdict(batch, chain);
    close_nest(batch, one);
    close_nest(batch, elements);
}

/* The address of the link that the kernel gives the pod: modified EUI-64, RFC 4291 appendix A. */
static void link_local(unsigned char address[16], const unsigned char mac[6]) {
    const unsigned char bytes[16] = {
        0xfe, 0x80, 0, 0, 0, 0, 0, 0, mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]};
    memcpy(address, bytes, sizeof bytes);
}

static void transaction(const struct host *host, const struct attachment *pod, uint16_t type, uint16_t flags) {
    struct batch batch = {.length = 0};
    uint32_t address = htonl(pod->address);
    unsigned char own[16];
    link_local(own, pod->pod_mac);
    const char *port = pod->host_name;
    mark_end(&batch, NFNL_MSG_BATCH_BEGIN);
    element(&batch, type, flags, "ports", port, NULL, 0, "pod");
    element(&batch, type, flags, "macs", port, pod->pod_mac, sizeof pod->pod_mac, NULL);
    element(&batch, type, flags, "ipv4", port, &address, sizeof address, NULL);
    element(&batch, type, flags | NLM_F_ACK, "ipv6", port, own, sizeof own, NULL);
    mark_end(&batch, NFNL_MSG_BATCH_END);
    send_batch(host->netfilter, &batch);
}

void guard(const struct host *host, const struct attachment *pod) {
    transaction(host, pod, NFT_MSG_NEWSETELEM, NLM_F_CREATE);
}

void unguard(const struct host *host, const struct attachment *pod) {
    transaction(host, pod, NFT_MSG_DELSETELEM, 0);
}
