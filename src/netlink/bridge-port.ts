import { boolean8, u8, u16, u32 } from './attribute-codecs.ts'
import { attributeTable, type ValuesOf } from './attributes.ts'

/**
 * Settings of a bridge's port: IFLA_BRPORT_* (linux/if_link.h); `bridge link set dev ... hairpin on`,
 * `ip link set ... type bridge_slave`. They come as IFLA_INFO_SLAVE_DATA in link messages and as IFLA_PROTINFO in
 * those of family AF_BRIDGE.
 */
export const bridgePortFields = {
  /** BR_STATE_*: 0 disabled, 1 listening, 2 learning, 3 forwarding, 4 blocking. */
  state: [1, 'IFLA_BRPORT_STATE', u8],
  priority: [2, 'IFLA_BRPORT_PRIORITY', u16],
  cost: [3, 'IFLA_BRPORT_COST', u32],
  hairpin: [4, 'IFLA_BRPORT_MODE', boolean8],
  bpduGuard: [5, 'IFLA_BRPORT_GUARD', boolean8],
  rootBlock: [6, 'IFLA_BRPORT_PROTECT', boolean8],
  fastLeave: [7, 'IFLA_BRPORT_FAST_LEAVE', boolean8],
  learning: [8, 'IFLA_BRPORT_LEARNING', boolean8],
  unicastFlood: [9, 'IFLA_BRPORT_UNICAST_FLOOD', boolean8],
  proxyArp: [10, 'IFLA_BRPORT_PROXYARP', boolean8],
  multicastFlood: [27, 'IFLA_BRPORT_MCAST_FLOOD', boolean8],
  broadcastFlood: [30, 'IFLA_BRPORT_BCAST_FLOOD', boolean8],
  neighbourSuppress: [32, 'IFLA_BRPORT_NEIGH_SUPPRESS', boolean8],
  isolated: [33, 'IFLA_BRPORT_ISOLATED', boolean8],
  locked: [39, 'IFLA_BRPORT_LOCKED', boolean8],
} as const

export const bridgePortAttributes = attributeTable(bridgePortFields)

export type BridgePort = ValuesOf<typeof bridgePortFields>
