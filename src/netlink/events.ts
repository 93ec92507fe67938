import { type Address, decodeAddress, RTM_DELADDR, RTM_NEWADDR } from './address.ts'
import { ByteReader } from './byte-reader.ts'
import { AF_BRIDGE, AF_INET6, AF_UNSPEC, isIp } from './families.ts'
import { decodeFdb, type Fdb, isFdb } from './fdb.ts'
import { decodeFilter, type Filter, RTM_DELTFILTER, RTM_NEWTFILTER } from './filter.ts'
import { decodeLink, type Link, RTM_DELLINK, RTM_NEWLINK } from './link.ts'
import { IFF_UP, LINK_HEADER_LENGTH, linkHeader } from './link-attributes.ts'
import type { Message } from './messages.ts'
import { decodeNeighbour, type Neighbour } from './neighbour.ts'
import { RTM_DELNEIGH, RTM_NEWNEIGH } from './neighbour-wire.ts'
import { decodeQdisc, type Qdisc, RTM_DELQDISC, RTM_NEWQDISC } from './qdisc.ts'
import { decodeRoute, type Route, RTM_DELROUTE, RTM_NEWROUTE } from './route.ts'
import { decodeRule, RTM_DELRULE, RTM_NEWRULE, type Rule } from './rule.ts'
import { decodeClass, RTM_DELTCLASS, RTM_NEWTCLASS, type TrafficClass } from './traffic-class.ts'

/** Multicast messages of rtnetlink (`ip monitor`), as the same objects that dumps give. */

/** RTNLGRP_* (linux/rtnetlink.h): the groups to join for each kind of object. */
export const routeGroups = {
  link: 1,
  neighbour: 3,
  trafficControl: 4,
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
  | EventOf<'qdisc', Qdisc>
  | EventOf<'filter', Filter>
  | EventOf<'class', TrafficClass>

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
    case RTM_NEWQDISC:
    case RTM_DELQDISC:
      return { change, object: 'qdisc', value: decodeQdisc(message) }
    case RTM_NEWTFILTER:
    case RTM_DELTFILTER:
      return { change, object: 'filter', value: decodeFilter(message) }
    case RTM_NEWTCLASS:
    case RTM_DELTCLASS: {
      const value = decodeClass(message)
      return value && { change, object: 'class', value }
    }
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
  ...[RTM_NEWQDISC, RTM_NEWTFILTER, RTM_NEWTCLASS].map(type => [type, 'new'] as const),
  ...[RTM_DELLINK, RTM_DELADDR, RTM_DELROUTE, RTM_DELRULE, RTM_DELNEIGH].map(
    type => [type, 'delete'] as const,
  ),
  ...[RTM_DELQDISC, RTM_DELTFILTER, RTM_DELTCLASS].map(type => [type, 'delete'] as const),
])

/** What decides which messages are needed. */
export interface LinkInterest {
  isKnown(linkIndex: number): boolean
  /** Those of bridge ports alone tell of VLANs. */
  readonly followsVlans: boolean
}

/**
 * Leaves out link messages that a later one of the same link makes superfluous: each tells the whole link, or all that it
 * is as a bridge port, which but for VLANs the first kind tells as well; making one pod's link brings five of those and
 * four of these. The first of a link that is not known stays, since what follows may name it; and a link that went down
 * in between is seen to, since its routes went with it.
 */
export function withoutSuperseded(
  messages: readonly Message[],
  { isKnown, followsVlans }: LinkInterest,
): Message[] {
  const headers = messages.map(linkHeaderOf)
  const superseded = supersededOf(headers, followsVlans)
  const told = new Set<number>()
  return messages.filter((_, n) => {
    const header = headers[n]
    if (header === undefined) return true
    const { index, isPort } = header
    if (superseded.has(n) && (isPort || isKnown(index) || told.has(index))) return false
    if (!isPort) told.add(index)
    return true
  })
}

/** Positions of those that a later one repeats, or overrides. */
function supersededOf(headers: readonly (LinkHeader | undefined)[], followsVlans: boolean): Set<number> {
  const superseded = new Set<number>()
  const laterUp = new Map<number, boolean>()
  const laterPorts = new Set<number>()
  for (let n = headers.length - 1; n >= 0; n -= 1) {
    const header = headers[n]
    if (header === undefined) continue
    const { index, up, isPort, isGone } = header
    if (isGone) {
      laterPorts.delete(index)
      if (!isPort) laterUp.delete(index)
    } else if (isPort) {
      if (laterPorts.has(index) || (!followsVlans && laterUp.has(index))) superseded.add(n)
      laterPorts.add(index)
    } else if (laterUp.get(index) === up) superseded.add(n)
    else laterUp.set(index, up)
  }
  return superseded
}

interface LinkHeader {
  readonly index: number
  readonly up: boolean
  /** It tells of a bridge port, and not of the link itself. */
  readonly isPort: boolean
  /** Or is no port any more. */
  readonly isGone: boolean
}

/** struct ifinfomsg (linux/rtnetlink.h) of a message about a link or a bridge port. */
function linkHeaderOf({ type, body }: Message): LinkHeader | undefined {
  if ((type !== RTM_NEWLINK && type !== RTM_DELLINK) || body.length < LINK_HEADER_LENGTH) return undefined
  const { family, index, flags } = linkHeader.read(ByteReader.over(body))
  if (family !== AF_UNSPEC && family !== AF_BRIDGE) return undefined
  return { index, up: (flags & IFF_UP) !== 0, isPort: family === AF_BRIDGE, isGone: type === RTM_DELLINK }
}
