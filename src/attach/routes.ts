import {
  contains,
  covers,
  type Family,
  familyOf,
  formatPrefix,
  parseAddress,
  parseInterfaceAddress,
  parsePrefix,
  tryParseAddress,
} from '../ip/index.ts'
import type { RouteEntry } from '../kernel/index.ts'
import { invalidConfiguration } from './errors.ts'
import { type CniIp, type CniRoute, ipFamily } from './result.ts'
import { uniqueEntries } from './unique-entries.ts'

const DEFAULT: Readonly<Record<Family, string>> = { 4: '0.0.0.0/0', 6: '::/0' }

/** RT_TABLE_MAIN. */
export const MAIN_TABLE = 254

/** The most that the kernel takes of RTAX_MTU and RTAX_ADVMSS (net/ipv4/metrics.c). */
const MOST_MTU = 65_520
const MOST_ADVMSS = 65_495

/** RT_SCOPE_LINK: IPv4 has no gateways from here on. */
const LINK_SCOPE = 253

/** rt_scope_t by number (linux/rtnetlink.h). */
const SCOPES: ReadonlyMap<number, NonNullable<RouteEntry['scope']>> = new Map([
  [0, 'universe'],
  [200, 'site'],
  [253, 'link'],
  [254, 'host'],
])

/**
 * The routes a pod gets: those of address management, and with `isDefaultGateway` a default route for each family
 * that has none. Throws `attach.invalid-configuration` if address management sends that one elsewhere.
 */
export function podRoutes(
  ips: readonly CniIp[],
  routes: readonly CniRoute[],
  isDefaultGateway: boolean,
): readonly CniRoute[] {
  if (!isDefaultGateway) return routes
  const added: CniRoute[] = []
  for (const family of [4, 6] as const) {
    const gateway = gatewayOf(ips, family)
    if (gateway === undefined) continue
    const existing = routes.filter(route => canonicalDestination(route) === DEFAULT[family])
    const elsewhere = existing.find(route => route.gw !== undefined && route.gw !== gateway)
    if (elsewhere !== undefined) {
      throw invalidConfiguration(
        `isDefaultGateway has no effect: ipam sends the default route through ${elsewhere.gw}, not ${gateway}`,
      )
    }
    if (existing.length === 0) added.push({ dst: DEFAULT[family], gw: gateway })
  }
  return [...routes, ...added]
}

/** The same as entries of the pod's namespace. Of two for one destination, table and metric the first counts. */
export function routeEntries(
  ips: readonly CniIp[],
  routes: readonly CniRoute[],
  link: string,
): readonly RouteEntry[] {
  return uniqueEntries(routes.map(route => routeEntry(ips, route, link)))
}

/** A route to what is on the link. */
export function linkRoute(dst: string, link: string): RouteEntry {
  const family = familyOf(dst)
  const scope = family === 4 ? ({ scope: 'link' } as const) : {}
  return { kind: 'route', dst, table: MAIN_TABLE, metric: defaultMetric(family), link, ...scope }
}

const LINK_LOCAL = parsePrefix('fe80::/10')

/** True of addresses and prefixes that each link has for itself (RFC 4291, 2.5.6). */
export function isLinkLocal(text: string): boolean {
  return covers(LINK_LOCAL, parseInterfaceAddress(text).prefix)
}

/** The default route of the gateway's family; on-link if none of the addresses has the gateway in its subnet. */
export function defaultRoute(ips: readonly CniIp[], gateway: string, link: string): RouteEntry {
  return routeEntry(ips, { dst: DEFAULT[familyOf(gateway)], gw: gateway }, link)
}

function routeEntry(ips: readonly CniIp[], route: CniRoute, link: string): RouteEntry {
  const dst = canonicalDestination(route)
  const family = familyOf(dst)
  const gateway = routeGateway(ips, route, family)
  const scope = routeScope(route, family, gateway)
  const mtu = bounded(route.mtu, MOST_MTU)
  const advmss = bounded(route.advmss, MOST_ADVMSS)
  return {
    kind: 'route',
    dst,
    table: route.table === undefined || route.table === 0 ? MAIN_TABLE : route.table,
    metric: metricOf(route, family),
    link,
    ...(gateway === undefined ? {} : { gateway }),
    // A gateway outside the pod's own prefixes (a /32 address, say) is reached through the link all the same.
    ...(gateway !== undefined && !isOnLink(ips, gateway) ? { onlink: true } : {}),
    ...(scope === undefined ? {} : { scope }),
    ...(mtu === undefined ? {} : { mtu }),
    ...(advmss === undefined ? {} : { advmss }),
  }
}

/** 0 is the same as none. What the kernel would take down to its bound is bounded here, so that CHECK finds it. */
function bounded(value: number | undefined, most: number): number | undefined {
  return value === undefined || value === 0 ? undefined : Math.min(value, most)
}

/**
 * Without a gateway of its own a route takes that of the address of its family; without any, or with a scope that
 * goes no farther than the link, it is on-link.
 */
function routeGateway(ips: readonly CniIp[], route: CniRoute, family: Family): string | undefined {
  const isDirect = family === 4 && (route.scope ?? 0) >= LINK_SCOPE
  if (isDirect && route.gw !== undefined) {
    throw invalidConfiguration(
      `route ${route.dst} has a gateway, ${route.gw}, and scope ${route.scope}, which goes no farther than the link: leave one out`,
    )
  }
  const gateway = isDirect ? undefined : (route.gw ?? gatewayOf(ips, family))
  if (gateway === undefined) return undefined
  if (tryParseAddress(gateway)?.family === family) return gateway
  throw invalidConfiguration(
    `route ${route.dst} cannot go through ${gateway}: it must be an IPv${family} address`,
  )
}

function routeScope(route: CniRoute, family: Family, gateway: string | undefined): RouteEntry['scope'] {
  // The kernel does not read that of IPv6.
  if (family === 6) return undefined
  if (route.scope === undefined) return gateway === undefined ? 'link' : undefined
  const scope = SCOPES.get(route.scope)
  if (scope !== undefined) return scope
  const known = [...SCOPES].map(([number, name]) => `${number} (${name})`).join(', ')
  throw invalidConfiguration(`route ${route.dst} has scope ${route.scope}: known are ${known}`)
}

function metricOf(route: CniRoute, family: Family): number {
  const asked = route.priority ?? 0
  return asked === 0 ? defaultMetric(family) : asked
}

/** IPv6 has no metric 0: the kernel makes it 1024 (IP6_RT_PRIO_USER). */
function defaultMetric(family: Family): number {
  return family === 6 ? 1024 : 0
}

function gatewayOf(ips: readonly CniIp[], family: Family): string | undefined {
  return ips.find(ip => ip.gateway !== undefined && ipFamily(ip) === family)?.gateway
}

function isOnLink(ips: readonly CniIp[], gateway: string): boolean {
  const address = parseAddress(gateway)
  return ips.some(ip => contains(parseInterfaceAddress(ip.address).prefix, address))
}

function canonicalDestination(route: CniRoute): string {
  return formatPrefix(parseInterfaceAddress(route.dst).prefix)
}
