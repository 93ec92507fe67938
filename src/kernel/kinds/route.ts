import { kindRules, onLink, sameWhereGiven } from './rules.ts'

/** A gateway must be reachable by a route without one, so those come first (fib_check_nh, ip6_route_check_nh). */
export const routeRules = kindRules('route', {
  rank: 5,
  parents: route => onLink(route.link),
  tier: route => (route.gateway === undefined ? 0 : 1),
  equals: (desired, observed) =>
    (desired.type ?? 'unicast') === (observed.type ?? 'unicast') &&
    desired.gateway === observed.gateway &&
    sameWhereGiven(desired, observed, ['link', 'onlink', 'source', 'mtu']) &&
    (isIpv6(desired.dst) || sameWhereGiven(desired, observed, ['scope'])),
})

/** IPv6 routes have no scope. */
function isIpv6(dst: string): boolean {
  return dst.includes(':')
}
