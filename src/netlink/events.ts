import { type Address, decodeAddress, RTM_DELADDR, RTM_NEWADDR } from './address.ts'
import { AF_BRIDGE, AF_INET6, isIp } from './families.ts'
import { decodeFdb, type Fdb, isFdb } from './fdb.ts'
import { decodeLink, type Link, RTM_DELLINK, RTM_NEWLINK } from './link.ts'
import type { Message } from './messages.ts'
import { decodeNeighbour, type Neighbour } from './neighbour.ts'
import { RTM_DELNEIGH, RTM_NEWNEIGH } from './neighbour-wire.ts'
import { decodeRoute, type Route, RTM_DELROUTE, RTM_NEWROUTE } from './route.ts'
import { decodeRule, RTM_DELRULE, RTM_NEWRULE, type Rule } from './rule.ts'

/** Multicast messages of rtnetlink (`ip monitor`), as the same objects that dumps give. */

/** RTNLGRP_* (linux/rtnetlink.h): the groups to join for each kind of object. */
export const routeGroups = {
  link: 1,
  neighbour: 3,
  ipv4Address: 5,
  ipv4Route: 7,
  ipv4Rule: 8,
  ipv6Address: 9,
  ipv6Route: 11,
  ipv6Rule: 19,
  nsid: 28,
} as const

/** NFNLGRP_NFTABLES (linux/netfilter/nfnetlink.h). */
export const netfilterGroups = { nftables: 7 } as const

interface EventOf<Object extends string, Value> {
  readonly change: 'new' | 'delete'
  readonly object: Object
  readonly value: Value
}

/**
 * `new` is said of changes too. A `bridge-port` event is not about the link: its deletion says that the link left
 * its bridge. The kernel is silent about IPv4 routes that go because their link goes down or loses its address.
 */
export type RouteEvent =
  | EventOf<'link', Link>
  | EventOf<'bridge-port', Link>
  | EventOf<'address', Address>
  | EventOf<'route', Route>
  | EventOf<'rule', Rule>
  | EventOf<'neighbour', Neighbour>
  | EventOf<'fdb', Fdb>

/**
 * Undefined for messages that are none of these objects (other types, and families other than IP).
 * @throws NetlinkError `netlink.malformed`
 */
export function decodeEvent(message: Message): RouteEvent | undefined {
  const change = changes.get(message.type)
  if (change === undefined) return undefined
  const family = message.body[0]
  switch (message.type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      // RTNLGRP_IPV6_IFINFO sends link messages that say only how IPv6 sees the link.
      if (family === AF_INET6) return undefined
      return { change, object: family === AF_BRIDGE ? 'bridge-port' : 'link', value: decodeLink(message) }
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
      if (isFdb(message)) return { change, object: 'fdb', value: decodeFdb(message) }
  }
  return isIp(message) ? decodeIpEvent(message, change) : undefined
}

function decodeIpEvent(message: Message, change: 'new' | 'delete'): RouteEvent | undefined {
  switch (message.type) {
    case RTM_NEWADDR:
    case RTM_DELADDR:
      return { change, object: 'address', value: decodeAddress(message) }
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      return { change, object: 'route', value: decodeRoute(message) }
    case RTM_NEWRULE:
    case RTM_DELRULE:
      return { change, object: 'rule', value: decodeRule(message) }
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
      return { change, object: 'neighbour', value: decodeNeighbour(message) }
    default:
      return undefined
  }
}

const changes: ReadonlyMap<number, 'new' | 'delete'> = new Map([
  ...[RTM_NEWLINK, RTM_NEWADDR, RTM_NEWROUTE, RTM_NEWRULE, RTM_NEWNEIGH].map(type => [type, 'new'] as const),
  ...[RTM_DELLINK, RTM_DELADDR, RTM_DELROUTE, RTM_DELRULE, RTM_DELNEIGH].map(
    type => [type, 'delete'] as const,
  ),
])
