import { type AttributeCodec, attributeTable } from '../attributes.ts'
import { nameTable } from '../names.ts'
import { linkKind } from './kind.ts'

/** IPVLAN_MODE_*. All ipvlans of a device have one mode: that of a new one becomes that of the others. */
export type IpvlanMode = 'l2' | 'l3' | 'l3s' | number

const modes = nameTable({ l2: 0, l3: 1, l3s: 2 })

const mode: AttributeCodec<IpvlanMode> = {
  write: (writer, value) => void writer.u16(modes.toNumber(value)),
  read: payload => modes.toName(payload.u16()),
}

/** IPVLAN_F_PRIVATE, IPVLAN_F_VEPA; neither is `bridge`. */
export type IpvlanFlag = 'bridge' | 'private' | 'vepa' | number

const flags = nameTable({ bridge: 0, private: 1, vepa: 2 })

const flag: AttributeCodec<IpvlanFlag> = {
  write: (writer, value) => void writer.u16(flags.toNumber(value)),
  read: payload => flags.toName(payload.u16()),
}

/** IFLA_IPVLAN_* (linux/if_link.h); `ip link add link eth0 type ipvlan mode l2 private`. */
export const ipvlanFields = {
  mode: [1, 'IFLA_IPVLAN_MODE', mode],
  flag: [2, 'IFLA_IPVLAN_FLAGS', flag],
} as const

export const ipvlan = linkKind('ipvlan', attributeTable(ipvlanFields))
