import { be16, boolean8, flag, ipAddress, u8, u32 } from '../attribute-codecs.ts'
import { type AttributeCodec, attributeTable } from '../attributes.ts'
import { linkKind } from './kind.ts'

/** IFLA_VXLAN_* (linux/if_link.h); `ip link add type vxlan id 1 local ... dev ... dstport 8472 nolearning`. */
export const vxlanFields = {
  vni: [1, 'IFLA_VXLAN_ID', u32],
  group4: [2, 'IFLA_VXLAN_GROUP', ipAddress],
  linkIndex: [3, 'IFLA_VXLAN_LINK', u32],
  local4: [4, 'IFLA_VXLAN_LOCAL', ipAddress],
  ttl: [5, 'IFLA_VXLAN_TTL', u8],
  tos: [6, 'IFLA_VXLAN_TOS', u8],
  learning: [7, 'IFLA_VXLAN_LEARNING', boolean8],
  ageingS: [8, 'IFLA_VXLAN_AGEING', u32],
  limit: [9, 'IFLA_VXLAN_LIMIT', u32],
  proxy: [11, 'IFLA_VXLAN_PROXY', boolean8],
  l2Miss: [13, 'IFLA_VXLAN_L2MISS', boolean8],
  l3Miss: [14, 'IFLA_VXLAN_L3MISS', boolean8],
  port: [15, 'IFLA_VXLAN_PORT', be16],
  group6: [16, 'IFLA_VXLAN_GROUP6', ipAddress],
  local6: [17, 'IFLA_VXLAN_LOCAL6', ipAddress],
  udpChecksum: [18, 'IFLA_VXLAN_UDP_CSUM', boolean8],
  udpZeroChecksum6Tx: [19, 'IFLA_VXLAN_UDP_ZERO_CSUM6_TX', boolean8],
  udpZeroChecksum6Rx: [20, 'IFLA_VXLAN_UDP_ZERO_CSUM6_RX', boolean8],
  gbp: [23, 'IFLA_VXLAN_GBP', flag],
  collectMetadata: [25, 'IFLA_VXLAN_COLLECT_METADATA', boolean8],
} as const

const attributes = attributeTable(vxlanFields)

export interface VxlanData {
  /** VXLAN network identifier, 0 to 2^24 - 1. */
  readonly vni?: number
  /** The underlay device. */
  readonly linkIndex?: number
  /** Underlay address that packets are sent from; IPv4 or IPv6. */
  readonly local?: string
  /** Multicast group or the default remote; IPv4 or IPv6. */
  readonly group?: string
  /** UDP destination port. The kernel's default is 8472, not IANA's 4789. */
  readonly port?: number
  readonly learning?: boolean
  /** Group based policy extension. Read back it is always there: the kernel reports it by presence. */
  readonly gbp?: boolean
  /** 0 inherits. */
  readonly ttl?: number
  readonly tos?: number
  readonly ageingS?: number
  /** Forwarding entries at most; 0 is no limit. */
  readonly limit?: number
  readonly proxy?: boolean
  readonly l2Miss?: boolean
  readonly l3Miss?: boolean
  readonly udpChecksum?: boolean
  readonly udpZeroChecksum6Tx?: boolean
  readonly udpZeroChecksum6Rx?: boolean
  readonly collectMetadata?: boolean
}

const data: AttributeCodec<VxlanData> = {
  nested: true,
  write(writer, { local, group, ...rest }) {
    attributes.write(writer, { ...rest, ...byFamily('local', local), ...byFamily('group', group) })
  },
  read(payload) {
    const { local4, local6, group4, group6, ...rest } = attributes.read(payload)
    const local = local4 ?? local6
    const group = group4 ?? group6
    return {
      ...rest,
      ...(local === undefined ? {} : { local }),
      ...(group === undefined ? {} : { group }),
      gbp: rest.gbp ?? false,
    }
  },
}

/** Each of the two addresses has an attribute per family. */
function byFamily(name: 'local' | 'group', address: string | undefined): Record<string, string> {
  if (address === undefined) return {}
  return { [`${name}${address.includes(':') ? 6 : 4}`]: address }
}

export const vxlan = linkKind('vxlan', data)
