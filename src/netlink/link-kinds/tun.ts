import { boolean8, u8, u32 } from '../attribute-codecs.ts'
import { attributeTable } from '../attributes.ts'
import { linkKind } from './kind.ts'

/**
 * TUN and TAP devices: IFLA_TUN_* (linux/if_link.h). They are made through /dev/net/tun (`ip tuntap add`), never
 * by a link message; the kernel reports them here.
 */
export const tunFields = {
  owner: [1, 'IFLA_TUN_OWNER', u32],
  group: [2, 'IFLA_TUN_GROUP', u32],
  /** 1 is tun (layer 3), 2 is tap (layer 2). */
  type: [3, 'IFLA_TUN_TYPE', u8],
  packetInformation: [4, 'IFLA_TUN_PI', boolean8],
  vnetHeader: [5, 'IFLA_TUN_VNET_HDR', boolean8],
  persist: [6, 'IFLA_TUN_PERSIST', boolean8],
  multiQueue: [7, 'IFLA_TUN_MULTI_QUEUE', boolean8],
} as const

export const tun = linkKind('tun', attributeTable(tunFields))
