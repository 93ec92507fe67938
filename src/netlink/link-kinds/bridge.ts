import { boolean8, u8, u16, u32 } from '../attribute-codecs.ts'
import { attributeTable } from '../attributes.ts'
import { linkKind } from './kind.ts'

/**
 * An Ethernet bridge: IFLA_BR_* (linux/if_link.h); `ip link add type bridge`.
 * Times are in hundredths of a second (USER_HZ), as everywhere in this kernel interface.
 */
export const bridgeFields = {
  forwardDelay: [1, 'IFLA_BR_FORWARD_DELAY', u32],
  helloTime: [2, 'IFLA_BR_HELLO_TIME', u32],
  maxAge: [3, 'IFLA_BR_MAX_AGE', u32],
  ageingTime: [4, 'IFLA_BR_AGEING_TIME', u32],
  stpState: [5, 'IFLA_BR_STP_STATE', u32],
  priority: [6, 'IFLA_BR_PRIORITY', u16],
  vlanFiltering: [7, 'IFLA_BR_VLAN_FILTERING', boolean8],
  groupForwardMask: [9, 'IFLA_BR_GROUP_FWD_MASK', u16],
  multicastSnooping: [23, 'IFLA_BR_MCAST_SNOOPING', boolean8],
  nfCallIptables: [36, 'IFLA_BR_NF_CALL_IPTABLES', u8],
  nfCallIp6tables: [37, 'IFLA_BR_NF_CALL_IP6TABLES', u8],
  vlanDefaultPvid: [39, 'IFLA_BR_VLAN_DEFAULT_PVID', u16],
} as const

export const bridge = linkKind('bridge', attributeTable(bridgeFields))
