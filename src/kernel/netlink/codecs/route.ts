import {
  addRoute,
  deleteRoute,
  type Request,
  type Route,
  type RouteSpec,
  replaceRoute,
} from '../../../netlink/index.ts'
import type { RouteEntry } from '../../entry.ts'
import type { ObservedEntry, Operation } from '../../operation.ts'
import { ROUTE_PROTOCOL } from '../../ownership.ts'
import type { LinkTable } from '../link-table.ts'

/** RTM_F_CLONED: an entry of the kernel's cache. */
const RTM_F_CLONED = 0x200

/** Undefined for what the kernel keeps for itself: local, broadcast and multicast routes, caches. */
export function observedRoute(route: Route, links: LinkTable): ObservedEntry | undefined {
  const { type, scope, gateway, prefSrc } = route
  if (type !== 'unicast' && type !== 'blackhole' && type !== 'unreachable' && type !== 'prohibit')
    return undefined
  if ((route.flags & RTM_F_CLONED) !== 0 || route.tos !== 0 || route.src !== undefined) return undefined
  const link = links.nameOf(route.linkIndex)
  const { mtu, advmss } = route.metrics ?? {}
  const entry: RouteEntry = {
    kind: 'route',
    dst: route.dst,
    table: route.table,
    metric: route.metric,
    type,
    onlink: route.onlink,
    ...(link === undefined || type !== 'unicast' ? {} : { link }),
    ...(gateway === undefined ? {} : { gateway }),
    ...(prefSrc === undefined ? {} : { source: prefSrc }),
    ...(isScope(scope) ? { scope } : {}),
    ...(mtu === undefined ? {} : { mtu }),
    ...(advmss === undefined ? {} : { advmss }),
  }
  return { entry, mark: route.protocol === ROUTE_PROTOCOL ? 'ours' : 'foreign' }
}

function isScope(scope: Route['scope']): scope is NonNullable<RouteEntry['scope']> {
  return scope === 'universe' || scope === 'site' || scope === 'link' || scope === 'host'
}

/** `linkIndex` is 0 for the types without a device. */
export function routeRequests({ op, why }: Operation, route: RouteEntry, linkIndex: number): Request[] {
  const spec = routeSpec(route, linkIndex)
  if (op === 'create') return [addRoute(spec)]
  if (op === 'change') return [replaceRoute(spec)]
  const { dst, table, metric, protocol } = spec
  return [
    deleteRoute({
      dst,
      ...(table === undefined ? {} : { table }),
      ...(metric === undefined ? {} : { metric }),
      ...(protocol === undefined || why === 'evicted' ? {} : { protocol }),
      ...(linkIndex === 0 ? {} : { linkIndex }),
    }),
  ]
}

function routeSpec(route: RouteEntry, linkIndex: number): RouteSpec {
  const { dst, table, metric, gateway, onlink, source, scope, type, mtu, advmss } = route
  const metrics = {
    ...(mtu === undefined ? {} : { mtu }),
    ...(advmss === undefined ? {} : { advmss }),
  }
  return {
    dst,
    table,
    metric,
    protocol: ROUTE_PROTOCOL,
    ...(linkIndex === 0 ? {} : { linkIndex }),
    ...(gateway === undefined ? {} : { gateway }),
    ...(onlink === undefined ? {} : { onlink }),
    ...(source === undefined ? {} : { prefSrc: source }),
    ...(scope === undefined ? {} : { scope }),
    ...(type === undefined ? {} : { type }),
    ...(Object.keys(metrics).length === 0 ? {} : { metrics }),
  }
}
