import { contains, familyOf, parseAddress, parsePrefix } from '../../ip/index.ts'
import { entryKey, type RouteEntry } from '../entry.ts'
import { linkKey } from '../kinds/rules.ts'
import type { ObservedEntry } from '../operation.ts'
import type { FakeNamespace, Mark } from './fake-namespace.ts'
import { refuse } from './refusal.ts'

type Seen = ObservedEntry & { readonly entry: RouteEntry }

/** `ip route add`, or `replace`, which takes the place of the first under its key, whosever that is. */
export function addRoute(namespace: FakeNamespace, route: RouteEntry, mark: Mark, replace: boolean): void {
  const family = familyOf(route.dst)
  checkNextHop(namespace, route, family)
  const key = entryKey(route)
  const before = namespace.objects.get(key)
  if (before !== undefined && !replace) refuse('EEXIST', `${key} exists`)
  namespace.put({ entry: withDefaults(route, family), mark }, before)
}

/**
 * `ip route delete`, with the protocol if there is a mark. The metric 0 stands for any (fib_nh_match): if that route
 * is gone, the next one goes.
 */
export function deleteRoute(namespace: FakeNamespace, route: RouteEntry, mark?: Mark): void {
  if (route.link !== undefined) namespace.needLink(route.link)
  const isThat = (seen: ObservedEntry): seen is Seen =>
    isRoute(seen) &&
    (route.link === undefined || seen.entry.link === route.link) &&
    (mark === undefined || seen.mark === mark)
  const found = namespace.objects.all(entryKey(route)).find(isThat)
  const next = found === undefined && route.metric === 0 ? nextMetric(namespace, route, isThat) : found
  namespace.drop(next ?? refuse('ESRCH', `there is no ${entryKey(route)}`))
}

function nextMetric(
  namespace: FakeNamespace,
  { dst, table }: RouteEntry,
  isThat: (seen: ObservedEntry) => seen is Seen,
): Seen | undefined {
  const routes = [...namespace.entries()].filter(isThat)
  return routes
    .filter(({ entry }) => entry.dst === dst && entry.table === table)
    .toSorted((a, b) => a.entry.metric - b.entry.metric)[0]
}

/** All of a family over a link. */
export function loseRoutes(namespace: FakeNamespace, link: string, family: 4 | 6): void {
  for (const seen of namespace.objects.childrenOf(linkKey(link))) {
    if (seen.entry.kind === 'route' && familyOf(seen.entry.dst) === family) namespace.drop(seen)
  }
}

/** Without the metric the kernel would choose another. */
function withDefaults(route: RouteEntry, family: 4 | 6): RouteEntry {
  const isDirect = route.gateway === undefined && (route.type ?? 'unicast') === 'unicast'
  const scope = isDirect ? 'link' : 'universe'
  return {
    type: 'unicast',
    onlink: false,
    ...route,
    scope: family === 6 ? 'universe' : (route.scope ?? scope),
  }
}

/** fib_check_nh, fib6_nh_init. */
function checkNextHop(namespace: FakeNamespace, route: RouteEntry, family: 4 | 6): void {
  if (route.link === undefined) return
  const link = namespace.needLink(route.link)
  if (family === 4) checkNextHop4(namespace, route, route.link, link.up === true)
  else checkNextHop6(namespace, route, route.link, link.up === true)
}

function checkNextHop4(namespace: FakeNamespace, route: RouteEntry, link: string, isUp: boolean): void {
  const { gateway, source } = route
  if (gateway !== undefined) {
    const isWide = route.scope !== 'link' && route.scope !== 'host'
    if (route.onlink === true) {
      if (!isWide) refuse('EINVAL', 'Nexthop has invalid scope')
      if (!isUp) refuse('ENETDOWN', 'Nexthop device is not up')
    } else if (!isWide || !isCovered(namespace, route, gateway, link)) {
      refuse('ENETUNREACH', 'Nexthop has invalid gateway')
    }
  } else if (!isUp) refuse('ENETDOWN', 'Device for nexthop is not up')
  if (source !== undefined && !namespace.hasHost(source)) refuse('EINVAL', 'Invalid prefsrc address')
}

function checkNextHop6(namespace: FakeNamespace, route: RouteEntry, link: string, isUp: boolean): void {
  const { gateway, source } = route
  if (route.onlink === true && !isUp) refuse('ENETDOWN', 'Nexthop device is not up')
  if (gateway !== undefined && route.onlink === true && isElsewhere(namespace, gateway, link)) {
    refuse('EINVAL', 'Nexthop has invalid gateway or device mismatch')
  }
  if (gateway !== undefined && route.onlink !== true && !isCovered(namespace, route, gateway, link)) {
    refuse('EHOSTUNREACH', 'No route to host')
  }
  if (!isUp) refuse('ENETDOWN', 'Nexthop device is not up')
  if (source !== undefined && !namespace.hasHost(source)) refuse('EINVAL', 'Invalid source address')
}

/** The best route to the gateway, if it is not the default one, leaves by another link (ip6_route_check_nh_onlink). */
function isElsewhere(namespace: FakeNamespace, gateway: string, link: string): boolean {
  const address = parseAddress(gateway)
  let best: { readonly length: number; readonly links: (string | undefined)[] } = { length: 0, links: [link] }
  for (const { entry } of namespace.entries()) {
    if (entry.kind !== 'route' || entry.table !== 254 || familyOf(entry.dst) !== 6) continue
    const prefix = parsePrefix(entry.dst)
    if (!contains(prefix, address) || prefix.length < best.length || prefix.length === 0) continue
    if (prefix.length > best.length) best = { length: prefix.length, links: [entry.link] }
    else best.links.push(entry.link)
  }
  return !best.links.includes(link)
}

/** The best route to the gateway leaves by that link, without a gateway of its own. */
function isCovered(namespace: FakeNamespace, route: RouteEntry, gateway: string, link: string): boolean {
  const address = parseAddress(gateway)
  for (const { entry } of namespace.objects.childrenOf(linkKey(link))) {
    if (entry.kind !== 'route' || entry.gateway !== undefined || familyOf(entry.dst) !== address.family)
      continue
    if (entry.table !== 254 && entry.table !== route.table) continue
    if (address.family === 4 && entry.scope !== 'link') continue
    if (contains(parsePrefix(entry.dst), address)) return true
  }
  return false
}

export function isRoute(seen: ObservedEntry): seen is Seen {
  return seen.entry.kind === 'route'
}
