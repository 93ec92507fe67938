import { familyOf as familyOfText, parsePrefix } from '../ip/index.ts'
import { binaryAddress, ipAddress, u32 } from './attribute-codecs.ts'
import { attributeTable } from './attributes.ts'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { malformed } from './errors.ts'
import { addressFamilyNumber, familyOf, prefixAttribute, prefixText } from './families.ts'
import type { Message } from './messages.ts'
import { multipath, type NextHop, type RouteMetrics, RTNH_F_ONLINK, routeMetrics, via } from './next-hop.ts'
import {
  type RouteScope,
  type RouteType,
  RT_TABLE_MAIN,
  RT_TABLE_UNSPEC,
  RTPROT_BOOT,
  routeScopes,
  routeTypes,
} from './route-names.ts'

/** Routes: `struct rtmsg`, RTA_* (linux/rtnetlink.h); `ip route`. The requests are in route-requests.ts. */

export const RTM_NEWROUTE = 24
export const RTM_DELROUTE = 25
export const RTM_GETROUTE = 26

export interface Route {
  /** Network prefix; default routes are `0.0.0.0/0` and `::/0`. */
  readonly dst: string
  /** IPv6 source routing: RTA_SRC. */
  readonly src?: string
  /** Routing table id; 254 is main. */
  readonly table: number
  /** RTA_PRIORITY; 0 if the kernel gives none. */
  readonly metric: number
  /** RTPROT_* or the creator's own number. */
  readonly protocol: number
  readonly scope: RouteScope
  readonly type: RouteType
  readonly tos: number
  /** RTNH_F_* and RTM_F_*. */
  readonly flags: number
  /** RTA_OIF; absent for types without a device, and for multipath. */
  readonly linkIndex?: number
  /** RTA_GATEWAY, or RTA_VIA where its family is not that of `dst`. */
  readonly gateway?: string
  /** RTNH_F_ONLINK: the gateway is taken to be on the link though no address covers it. */
  readonly onlink: boolean
  /** RTA_PREFSRC. */
  readonly prefSrc?: string
  /** RTA_METRICS: mtu, advmss and others, in bytes or the kernel's units. */
  readonly metrics?: RouteMetrics
  /** RTA_MULTIPATH. */
  readonly nextHops?: readonly NextHop[]
  /** RTA_NH_ID: the next-hop object that is used. */
  readonly nextHopId?: number
  /** RTA_MARK, in answers to `getRoute`. */
  readonly mark?: number
}

/** What is left out gets what `ip route add` gives: table main, protocol boot, unicast, the narrowest scope. */
export type RouteSpec = Pick<Route, 'dst'> & Partial<Route>

export const routeFields = {
  dst: [1, 'RTA_DST', binaryAddress],
  src: [2, 'RTA_SRC', binaryAddress],
  linkIndex: [4, 'RTA_OIF', u32],
  gateway: [5, 'RTA_GATEWAY', ipAddress],
  metric: [6, 'RTA_PRIORITY', u32],
  prefSrc: [7, 'RTA_PREFSRC', ipAddress],
  metrics: [8, 'RTA_METRICS', routeMetrics],
  nextHops: [9, 'RTA_MULTIPATH', multipath],
  table: [15, 'RTA_TABLE', u32],
  mark: [16, 'RTA_MARK', u32],
  via: [18, 'RTA_VIA', via],
  nextHopId: [30, 'RTA_NH_ID', u32],
} as const

export const routeAttributes = attributeTable(routeFields)

/** The body of RTM_NEWROUTE and RTM_DELROUTE. `defaults` says what stands for a scope or protocol left out. */
export function encodeRoute(route: RouteSpec, defaults: { scope: RouteScope; protocol: number }): Uint8Array {
  const prefix = parsePrefix(route.dst)
  const src = route.src === undefined ? undefined : parsePrefix(route.src)
  const table = route.table ?? RT_TABLE_MAIN
  const writer = new ByteWriter()
  writer
    .u8(addressFamilyNumber(prefix.family))
    .u8(prefix.length)
    .u8(src?.length ?? 0)
    .u8(route.tos ?? 0)
  // The header has one byte for the table; a larger id stands in RTA_TABLE.
  writer.u8(table > 255 ? RT_TABLE_UNSPEC : table).u8(route.protocol ?? defaults.protocol)
  writer
    .u8(routeScopes.toNumber(route.scope ?? defaults.scope))
    .u8(routeTypes.toNumber(route.type ?? 'unicast'))
  writer.u32(((route.flags ?? 0) | (route.onlink === true ? RTNH_F_ONLINK : 0)) >>> 0)
  const { gateway } = route
  const isVia = gateway !== undefined && familyOfText(gateway) !== prefix.family
  routeAttributes.write(writer, {
    dst: prefixAttribute(prefix),
    src: src && prefixAttribute(src),
    linkIndex: route.linkIndex,
    gateway: isVia ? undefined : gateway,
    metric: route.metric === 0 ? undefined : route.metric,
    prefSrc: route.prefSrc,
    metrics: route.metrics,
    nextHops: route.nextHops,
    table: table > 255 ? table : undefined,
    mark: route.mark,
    via: isVia ? gateway : undefined,
    nextHopId: route.nextHopId,
  })
  return writer.finish()
}

type PlainAttributes = Pick<Route, 'linkIndex' | 'prefSrc' | 'metrics' | 'nextHops' | 'nextHopId' | 'mark'>

/** The attributes that are the same in the object and on the wire. */
function plainAttributes(from: PlainAttributes): PlainAttributes {
  const { linkIndex, prefSrc, metrics, nextHops, nextHopId, mark } = from
  return {
    ...(linkIndex === undefined ? {} : { linkIndex }),
    ...(prefSrc === undefined ? {} : { prefSrc }),
    ...(metrics === undefined ? {} : { metrics }),
    ...(nextHops === undefined ? {} : { nextHops }),
    ...(nextHopId === undefined ? {} : { nextHopId }),
    ...(mark === undefined ? {} : { mark }),
  }
}

/** As `ip route add` chooses: the host for local routes, the link for those without a gateway, else universe. */
export function defaultRouteScope(route: RouteSpec): RouteScope {
  if (familyOfText(route.dst) === 6) return 'universe'
  if (route.type === 'local' || route.type === 'nat') return 'host'
  if (route.type === 'broadcast' || route.type === 'multicast' || route.type === 'anycast') return 'link'
  const unicast = route.type === undefined || route.type === 'unicast' || route.type === 'unspec'
  const direct = route.gateway === undefined && route.nextHops === undefined && route.nextHopId === undefined
  return unicast && direct ? 'link' : 'universe'
}

/** A route as `addRoute` writes it, with everything that was left out filled in. */
export function encodeNewRoute(route: RouteSpec): Uint8Array {
  return encodeRoute(route, { scope: defaultRouteScope(route), protocol: RTPROT_BOOT })
}

/** @throws NetlinkError `netlink.malformed` */
export function decodeRoute(message: Message): Route {
  if (message.type !== RTM_NEWROUTE && message.type !== RTM_DELROUTE) {
    throw malformed('a route', `message type ${message.type}`)
  }
  const reader = ByteReader.over(message.body)
  const family = familyOf(reader.u8(), 'a route')
  const dstLength = reader.u8()
  const srcLength = reader.u8()
  const tos = reader.u8()
  const headerTable = reader.u8()
  const protocol = reader.u8()
  const scope = routeScopes.toName(reader.u8())
  const type = routeTypes.toName(reader.u8())
  const flags = reader.u32()
  const found = routeAttributes.read(reader)
  const gateway = found.gateway ?? found.via
  return {
    dst: prefixText(family, dstLength, found.dst, 'a route'),
    ...(srcLength === 0 ? {} : { src: prefixText(family, srcLength, found.src, 'a route') }),
    table: found.table ?? headerTable,
    metric: found.metric ?? 0,
    protocol,
    scope,
    type,
    tos,
    flags,
    onlink: (flags & RTNH_F_ONLINK) !== 0,
    ...(gateway === undefined ? {} : { gateway }),
    ...plainAttributes(found),
  }
}
