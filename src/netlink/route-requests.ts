import { addressToBytes, formatPrefix, parseAddress, prefixOf } from '../ip/index.ts'
import { ipAddress, u32 } from './attribute-codecs.ts'
import { attributeTable } from './attributes.ts'
import { ByteWriter } from './byte-writer.ts'
import { addressFamilyNumber, isIp } from './families.ts'
import {
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  type Request,
} from './messages.ts'
import {
  encodeNewRoute,
  encodeRoute,
  type RouteSpec,
  RTM_DELROUTE,
  RTM_GETROUTE,
  RTM_NEWROUTE,
  routeAttributes,
} from './route.ts'
import { type RouteType, RTPROT_UNSPEC, routeTypes } from './route-names.ts'

/** RTM_F_LOOKUP_TABLE: say in which table the answer was found. */
const RTM_F_LOOKUP_TABLE = 0x1000

/** `ip route add`. EEXIST if the table has a route of this prefix, tos and metric. */
export function addRoute(route: RouteSpec): Request {
  return change('add', NLM_F_CREATE | NLM_F_EXCL, route)
}

/** `ip route replace`: takes the place of the route of this prefix, tos and metric, or makes one. */
export function replaceRoute(route: RouteSpec): Request {
  return change('replace', NLM_F_CREATE | NLM_F_REPLACE, route)
}

/** `ip route append`: beside another of the same prefix and metric; in IPv6 it makes them one multipath route. */
export function appendRoute(route: RouteSpec): Request {
  return change('append', NLM_F_CREATE | NLM_F_APPEND, route)
}

/**
 * `ip route delete`. What is left out matches anything (scope, protocol, metric, gateway, link), so pass the
 * protocol to be sure to delete one's own. ESRCH if nothing matches.
 */
export function deleteRoute(route: RouteSpec): Request {
  const body = encodeRoute({ type: 'unspec', ...route }, { scope: 'nowhere', protocol: RTPROT_UNSPEC })
  return { type: RTM_DELROUTE, flags: 0, body, what: `delete ${describe(route)}` }
}

function change(verb: string, flags: number, route: RouteSpec): Request {
  return { type: RTM_NEWROUTE, flags, body: encodeNewRoute(route), what: `${verb} ${describe(route)}` }
}

function describe(route: RouteSpec): string {
  const gateway = route.gateway === undefined ? '' : ` via ${route.gateway}`
  const link = route.linkIndex === undefined ? '' : ` on link ${route.linkIndex}`
  return `route ${route.dst}${gateway}${link} table ${route.table ?? 254} metric ${route.metric ?? 0}`
}

export interface RouteLookup {
  readonly dst: string
  /** Source address of the packet. */
  readonly from?: string
  readonly inputIndex?: number
  readonly outputIndex?: number
  readonly mark?: number
}

const lookupAttributes = attributeTable({
  dst: [1, 'RTA_DST', ipAddress],
  from: [2, 'RTA_SRC', ipAddress],
  inputIndex: [3, 'RTA_IIF', u32],
  outputIndex: [4, 'RTA_OIF', u32],
  mark: [16, 'RTA_MARK', u32],
})

/** `ip route get`: one message for `decodeRoute`, or ENETUNREACH. */
export function getRoute(lookup: RouteLookup): Request {
  const dst = parseAddress(lookup.dst)
  const bits = addressToBytes(dst).length * 8
  const writer = new ByteWriter()
  writer
    .u8(addressFamilyNumber(dst.family))
    .u8(bits)
    .u8(lookup.from === undefined ? 0 : bits)
    .zeros(5)
  writer.u32(RTM_F_LOOKUP_TABLE)
  lookupAttributes.write(writer, lookup)
  const what = `look up the route to ${formatPrefix(prefixOf(dst, bits))}`
  return { type: RTM_GETROUTE, flags: 0, body: writer.finish(), what }
}

export interface RouteFilter {
  readonly family?: 4 | 6
  readonly table?: number
  readonly linkIndex?: number
  readonly protocol?: number
  readonly type?: RouteType
}

/**
 * `ip route show table ...`, for `NetlinkClient.dump`; the kernel filters (strict checking). It answers ENOENT for
 * a table that does not exist.
 */
export function listRoutes(filter: RouteFilter = {}): Request {
  const writer = new ByteWriter()
  writer.u8(filter.family === undefined ? 0 : addressFamilyNumber(filter.family)).zeros(4)
  writer
    .u8(filter.protocol ?? 0)
    .u8(0)
    .u8(filter.type === undefined ? 0 : routeTypes.toNumber(filter.type))
    .u32(0)
  routeAttributes.write(writer, {
    ...(filter.table === undefined ? {} : { table: filter.table }),
    ...(filter.linkIndex === undefined ? {} : { linkIndex: filter.linkIndex }),
  })
  return { type: RTM_GETROUTE, flags: NLM_F_DUMP, body: writer.finish(), keeps: isIp, what: 'list routes' }
}
