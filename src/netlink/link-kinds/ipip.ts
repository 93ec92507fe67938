import { boolean8, ipAddress, u8, u32 } from '../attribute-codecs.ts'
import { attributeTable } from '../attributes.ts'
import { linkKind } from './kind.ts'

/** IFLA_IPTUN_* (linux/if_tunnel.h); `ip link add type ipip local ... nopmtudisc`. IPv4 in IPv4 (RFC 2003). */
export const ipipFields = {
  /** The device that packets leave by; 0 leaves it to the route. */
  linkIndex: [1, 'IFLA_IPTUN_LINK', u32],
  local: [2, 'IFLA_IPTUN_LOCAL', ipAddress],
  /** 0.0.0.0 for any: then it is the gateway of the route. */
  remote: [3, 'IFLA_IPTUN_REMOTE', ipAddress],
  /** 0 inherits. */
  ttl: [4, 'IFLA_IPTUN_TTL', u8],
  tos: [5, 'IFLA_IPTUN_TOS', u8],
  /** Every outer packet says "don't fragment"; otherwise those do whose inner one does. Absent is true. */
  pathMtuDiscovery: [10, 'IFLA_IPTUN_PMTUDISC', boolean8],
} as const

export const ipip = linkKind('ipip', attributeTable(ipipFields))
