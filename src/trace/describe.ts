import { familyOf } from '../ip/index.ts'
import type { RouteEntry, VxlanLink } from '../kernel/index.ts'

/** As `ip route` prints it, less what does not help to follow a packet. */
export function describeRoute(route: RouteEntry): string {
  const destination = route.dst === '0.0.0.0/0' || route.dst === '::/0' ? 'default' : route.dst
  const parts = [destination]
  if (route.type !== undefined && route.type !== 'unicast') parts.unshift(route.type)
  if (route.gateway !== undefined) parts.push(`via ${route.gateway}`)
  if (route.link !== undefined) parts.push(`dev ${route.link}`)
  return parts.join(' ')
}

/** What vxlan adds to a packet (RFC 7348): outer IP, UDP and vxlan headers, and the inner Ethernet header. */
export function describeEncapsulation(link: VxlanLink, remote: string): string {
  const overhead = familyOf(link.local) === 6 ? 70 : 50
  return `${link.local} → ${remote} udp ${link.udpPort}, vni ${link.vni}, +${overhead} bytes`
}
