import { familyOf } from '../../ip/index.ts'
import { kindRules, onLink, sameWhereGiven } from './rules.ts'

/** A gateway must be reachable by a route without one, so those come first (fib_check_nh, ip6_route_check_nh). */
export const routeRules = kindRules('route', {
  rank: 5,
  parents: route => onLink(route.link),
  tier: route => (route.gateway === undefined ? 0 : 1),
  equals: (desired, observed) =>
    (desired.type ?? 'unicast') === (observed.type ?? 'unicast') &&
    desired.gateway === observed.gateway &&
    sameWhereGiven(desired, observed, ['link', 'onlink', 'source', 'mtu', 'advmss']) &&
    // IPv6 routes have no scope.
    (familyOf(desired.dst) === 6 || sameWhereGiven(desired, observed, ['scope'])),
})
