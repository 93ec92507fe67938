import { be16, u16 } from '../attribute-codecs.ts'
import { attributeTable } from '../attributes.ts'
import { linkKind } from './kind.ts'

/** IFLA_VLAN_* (linux/if_link.h); `ip link add link eth0 type vlan id 100`. */
export const vlanFields = {
  /** 0 to 4094. */
  id: [1, 'IFLA_VLAN_ID', u16],
  /** EtherType of the tag: 0x8100 is 802.1Q (the kernel's default), 0x88a8 is 802.1ad. */
  protocol: [5, 'IFLA_VLAN_PROTOCOL', be16],
} as const

export const vlan = linkKind('vlan', attributeTable(vlanFields))
