import { u32 } from '../attribute-codecs.ts'
import { attributeTable } from '../attributes.ts'
import { linkKind } from './kind.ts'

/** IFLA_VRF_* (linux/if_link.h); `ip link add type vrf table 100`. */
export const vrfFields = { table: [1, 'IFLA_VRF_TABLE', u32] } as const

export const vrf = linkKind('vrf', attributeTable(vrfFields))
