import type { AddressEntry, Entry, LinkEntry, QdiscEntry, RouteEntry } from '../../src/kernel/index.ts'
import {
  type AddressSpec,
  addAddress,
  addFdb,
  addLink,
  addNeighbour,
  addQdisc,
  addRoute,
  addRule,
  deleteAddress,
  deleteFdb,
  deleteFilters,
  deleteLink,
  deleteNeighbour,
  deleteQdisc,
  deleteRoute,
  deleteRule,
  IFA_F_NODAD,
  IFA_F_NOPREFIXROUTE,
  type Link,
  type LinkSpec,
  type Request,
  type RootQdisc,
  type RouteSpec,
  RTPROT_BOOT,
  replaceFdb,
  replaceNeighbour,
  replaceQdisc,
  replaceRoute,
} from '../../src/netlink/index.ts'

/** Asks the kernel for the index of a link; rejects with its ENODEV. */
export type IndexOf = (name: string) => Promise<number>

/** `ip ... add`, or `replace`, without our mark. */
export async function addition(entry: Entry, over: boolean, indexOf: IndexOf): Promise<Request> {
  switch (entry.kind) {
    case 'link':
      return addLink(await linkSpec(entry, indexOf))
    case 'address':
      return addAddress(addressSpec(entry, await indexOf(entry.link)))
    case 'route':
      return (over ? replaceRoute : addRoute)(await routeSpec(entry, indexOf))
    case 'rule': {
      const { kind: _kind, ...rule } = entry
      return addRule(rule)
    }
    case 'neighbour': {
      const { kind: _kind, link, ...neighbour } = entry
      const linkIndex = await indexOf(link)
      return (over ? replaceNeighbour : addNeighbour)({ ...neighbour, linkIndex })
    }
    case 'fdb': {
      const { kind: _kind, link, ...fdb } = entry
      const linkIndex = await indexOf(link)
      return (over ? replaceFdb : addFdb)({ ...fdb, linkIndex })
    }
    case 'qdisc':
      return (over ? replaceQdisc : addQdisc)(rootQdisc(entry, await indexOf(entry.link)))
    case 'wireguard':
    case 'wireguard-peer':
    case 'redirect':
    case 'sysctl':
    case 'offload':
    case 'nft-table':
    case 'nft-element':
    case 'iptables-chain':
      throw new TypeError(`no program adds a ${entry.kind} by rtnetlink`)
  }
}

/** `ip ... delete`. */
export async function removal(entry: Entry, indexOf: IndexOf): Promise<Request> {
  switch (entry.kind) {
    case 'link':
      return deleteLink({ name: entry.name })
    case 'address':
      return deleteAddress({ linkIndex: await indexOf(entry.link), address: entry.address })
    case 'route': {
      const { dst, table, metric, link } = entry
      return deleteRoute({
        dst,
        table,
        metric,
        ...(link === undefined ? {} : { linkIndex: await indexOf(link) }),
      })
    }
    case 'rule': {
      const { kind: _kind, ...rule } = entry
      return deleteRule(rule)
    }
    case 'neighbour':
      return deleteNeighbour({ linkIndex: await indexOf(entry.link), address: entry.address })
    case 'fdb':
      return deleteFdb({ linkIndex: await indexOf(entry.link), mac: entry.mac, dst: entry.dst })
    case 'qdisc':
      return deleteQdisc({ linkIndex: await indexOf(entry.link), handle: 0 })
    case 'redirect':
      return deleteFilters(await indexOf(entry.link), 113)
    case 'wireguard':
    case 'wireguard-peer':
    case 'sysctl':
    case 'offload':
    case 'nft-table':
    case 'nft-element':
    case 'iptables-chain':
      throw new TypeError(`no program deletes a ${entry.kind} by rtnetlink`)
  }
}

/** A link of the definition and index of one that is deleted. */
export function secondSpec({ name, index, info, parentIndex }: Link): LinkSpec {
  switch (info?.kind) {
    case 'bridge':
      return { name, index, info: { kind: 'bridge' } }
    case 'macvlan':
      return { name, index, info, ...(parentIndex === undefined ? {} : { parentIndex }) }
    case 'vxlan': {
      const { kind, vni = 0, port = 0, local = '', learning = true, linkIndex = 0 } = info
      return { name, index, info: { kind, vni, port, local, learning, linkIndex } }
    }
    default:
      throw new TypeError(`${name} has no definition to make it of again`)
  }
}

async function linkSpec(link: LinkEntry, indexOf: IndexOf): Promise<LinkSpec> {
  const { name, mtu, mac, master, promisc, allmulticast, txQueueLength } = link
  const common = {
    name,
    ...(promisc === undefined ? {} : { promiscuous: promisc }),
    ...(allmulticast === undefined ? {} : { allMulticast: allmulticast }),
    ...(txQueueLength === undefined ? {} : { txQueueLength }),
    ...(mtu === undefined ? {} : { mtu }),
    ...(mac === undefined ? {} : { mac }),
    ...(master === undefined ? {} : { masterIndex: await indexOf(master) }),
  }
  switch (link.type) {
    case 'bridge':
      return { ...common, info: { kind: 'bridge' } }
    case 'vxlan': {
      const { vni, udpPort: port, local, learning } = link
      const linkIndex = await indexOf(link.device)
      return { ...common, info: { kind: 'vxlan', vni, port, local, learning, linkIndex } }
    }
    case 'macvlan': {
      const parentIndex = await indexOf(link.device)
      const { mode, broadcastQueueLength } = link
      const queue = broadcastQueueLength === undefined ? {} : { broadcastQueueLength }
      return { ...common, info: { kind: 'macvlan', mode, ...queue }, parentIndex }
    }
    case 'veth':
    case 'ipvlan':
    case 'vlan':
    case 'dummy':
    case 'vrf':
    case 'ipip':
    case 'ifb':
    case 'tun':
    case 'wireguard':
    case 'device':
      throw new TypeError(`no program makes a ${link.type}`)
  }
}

/** The kernel picks the handle. */
function rootQdisc({ qdisc }: QdiscEntry, linkIndex: number): RootQdisc {
  if (qdisc.type === 'other') return { linkIndex, handle: 0, kind: qdisc.name }
  const { rateBps, burstBytes, limitBytes } = qdisc
  const tokenBucket = { rate: rateBps / 8, burst: burstBytes, limit: limitBytes }
  return { linkIndex, handle: 0, kind: 'tbf', tokenBucket }
}

function addressSpec({ address, scope, noPrefixRoute }: AddressEntry, linkIndex: number): AddressSpec {
  return {
    linkIndex,
    address,
    flags: (address.includes(':') ? IFA_F_NODAD : 0) | (noPrefixRoute === true ? IFA_F_NOPREFIXROUTE : 0),
    ...(scope === undefined ? {} : { scope: scope === 'global' ? 'universe' : scope }),
  }
}

async function routeSpec(route: RouteEntry, indexOf: IndexOf): Promise<RouteSpec> {
  const { kind: _kind, link, source, mtu, ...rest } = route
  return {
    ...rest,
    protocol: RTPROT_BOOT,
    ...(link === undefined ? {} : { linkIndex: await indexOf(link) }),
    ...(source === undefined ? {} : { prefSrc: source }),
    ...(mtu === undefined ? {} : { metrics: { mtu } }),
  }
}
