import { nameTable } from './names.ts'

/** Named numbers of routing (linux/rtnetlink.h), spelled as `ip route` does. */

/** RTN_*. */
export type RouteType =
  | 'unspec'
  | 'unicast'
  | 'local'
  | 'broadcast'
  | 'anycast'
  | 'multicast'
  | 'blackhole'
  | 'unreachable'
  | 'prohibit'
  | 'throw'
  | 'nat'
  | number

export const routeTypes = nameTable({
  unspec: 0,
  unicast: 1,
  local: 2,
  broadcast: 3,
  anycast: 4,
  multicast: 5,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
  throw: 9,
  nat: 10,
})

/** RT_SCOPE_*; `universe` is what `ip` calls global. */
export type RouteScope = 'universe' | 'site' | 'link' | 'host' | 'nowhere' | number

export const routeScopes = nameTable({ universe: 0, site: 200, link: 253, host: 254, nowhere: 255 })

/** RTPROT_*: who made a route. */
export const RTPROT_UNSPEC = 0
export const RTPROT_KERNEL = 2
export const RTPROT_BOOT = 3
export const RTPROT_STATIC = 4

/** RT_TABLE_*. */
export const RT_TABLE_UNSPEC = 0
export const RT_TABLE_COMPAT = 252
export const RT_TABLE_DEFAULT = 253
export const RT_TABLE_MAIN = 254
export const RT_TABLE_LOCAL = 255
