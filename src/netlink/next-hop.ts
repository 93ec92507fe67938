import { addressFromBytes, addressToBytes, formatAddress, parseAddress } from '../ip/index.ts'
import { ipAddress, u32 } from './attribute-codecs.ts'
import { type AttributeCodec, attributeTable, type ValuesOf } from './attributes.ts'
import { malformed } from './errors.ts'
import { addressFamilyNumber, familyOf } from './families.ts'

/** Where a route leads: RTA_VIA, RTA_METRICS and RTA_MULTIPATH (linux/rtnetlink.h). */

/** RTNH_F_*. */
export const RTNH_F_DEAD = 1
export const RTNH_F_ONLINK = 4
export const RTNH_F_LINKDOWN = 16

/** `struct rtvia`: a gateway of another family than the route's. */
export const via: AttributeCodec<string> = {
  write(writer, value) {
    const address = parseAddress(value)
    writer.u16(addressFamilyNumber(address.family)).bytes(addressToBytes(address))
  },
  read(payload) {
    const family = familyOf(payload.u16(), 'RTA_VIA')
    return formatAddress(addressFromBytes(payload.bytes(family === 4 ? 4 : 16)))
  },
}

/** RTAX_*; `ip route add ... mtu 1400 advmss 1360`. */
export const routeMetricFields = {
  /** Bit n set: metric n is locked (`mtu lock 1400`). */
  lock: [1, 'RTAX_LOCK', u32],
  mtu: [2, 'RTAX_MTU', u32],
  window: [3, 'RTAX_WINDOW', u32],
  rtt: [4, 'RTAX_RTT', u32],
  advmss: [8, 'RTAX_ADVMSS', u32],
  hopLimit: [10, 'RTAX_HOPLIMIT', u32],
  initialCongestionWindow: [11, 'RTAX_INITCWND', u32],
  features: [12, 'RTAX_FEATURES', u32],
  initialReceiveWindow: [14, 'RTAX_INITRWND', u32],
} as const

export const routeMetrics = attributeTable(routeMetricFields)
export type RouteMetrics = ValuesOf<typeof routeMetricFields>

/** One of several ways: `nexthop via ... dev ... weight ...`. */
export interface NextHop {
  readonly linkIndex: number
  /** From 1 on. */
  readonly weight: number
  /** RTNH_F_*. */
  readonly flags: number
  readonly gateway?: string
}

const nextHopAttributes = attributeTable({
  gateway: [5, 'RTA_GATEWAY', ipAddress],
  via: [18, 'RTA_VIA', via],
})

const RTNEXTHOP_LENGTH = 8

/**
 * An array of `struct rtnexthop`, each followed by its attributes. Gateways are written as of the route's own
 * family; an IPv4 route through IPv6 gateways can be read, not made.
 */
export const multipath: AttributeCodec<readonly NextHop[]> = {
  write(writer, nextHops) {
    for (const { linkIndex, weight, flags, gateway } of nextHops) {
      const gatewayLength = gateway === undefined ? 0 : 4 + addressToBytes(parseAddress(gateway)).length
      writer
        .u16(RTNEXTHOP_LENGTH + gatewayLength)
        .u8(flags & 0xff)
        .u8(weight - 1)
        .i32(linkIndex)
      nextHopAttributes.write(writer, gateway === undefined ? {} : { gateway })
    }
  },
  read(payload) {
    const nextHops: NextHop[] = []
    while (payload.remaining > 0) {
      const length = payload.u16()
      if (length < RTNEXTHOP_LENGTH) throw malformed('a next hop', `its length says ${length}`)
      const flags = payload.u8()
      const weight = payload.u8() + 1
      const linkIndex = payload.i32()
      const found = nextHopAttributes.read(payload.window(length - RTNEXTHOP_LENGTH))
      // RTNH_ALIGN: the next one starts at a multiple of four.
      payload.skip(Math.min((4 - (length % 4)) % 4, payload.remaining))
      const gateway = found.gateway ?? found.via
      nextHops.push({ linkIndex, weight, flags, ...(gateway === undefined ? {} : { gateway }) })
    }
    return nextHops
  },
}
