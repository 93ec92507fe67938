import { AF_BRIDGE } from './families.ts'
import type { Message } from './messages.ts'
import { NTF_SELF, RTM_DELNEIGH, RTM_NEWNEIGH } from './neighbour-wire.ts'
import { RTM_DELROUTE, RTM_NEWROUTE } from './route.ts'
import { type RouteType, routeTypes } from './route-names.ts'

/** Offset of `ndm_flags` in struct ndmsg (linux/neighbour.h). */
const NEIGHBOUR_FLAGS = 10
/** Offset of `rtm_type` in struct rtmsg (linux/rtnetlink.h). */
const ROUTE_TYPE = 7

const KERNELS_ROUTES: ReadonlySet<number | undefined> = new Set(
  (['local', 'broadcast', 'anycast', 'multicast'] satisfies RouteType[]).map(type =>
    routeTypes.toNumber(type),
  ),
)

/**
 * True for an event about what the kernel makes for itself, and nobody plans: an entry in the table of a bridge, which
 * learns one from each sender, and a local, broadcast, anycast or multicast route. The header tells; there is an event of
 * these for each link and address that comes or goes, and of bridges all the time.
 */
export function isKernelsOwn({ type, body }: Message): boolean {
  switch (type) {
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
      return body[0] === AF_BRIDGE && ((body[NEIGHBOUR_FLAGS] ?? NTF_SELF) & NTF_SELF) === 0
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      return KERNELS_ROUTES.has(body[ROUTE_TYPE])
    default:
      return false
  }
}
