import { u16, u32 } from '../attribute-codecs.ts'
import { type AttributeCodec, attributeTable } from '../attributes.ts'
import { nameTable } from '../names.ts'
import { linkKind } from './kind.ts'

/** MACVLAN_MODE_*; a bit each. */
export type MacvlanMode = 'private' | 'vepa' | 'bridge' | 'passthru' | 'source' | number

const modes = nameTable({ private: 1, vepa: 2, bridge: 4, passthru: 8, source: 16 })

const mode: AttributeCodec<MacvlanMode> = {
  write: (writer, value) => void writer.u32(modes.toNumber(value)),
  read: payload => modes.toName(payload.u32()),
}

/** IFLA_MACVLAN_* (linux/if_link.h); `ip link add link eth0 type macvlan mode bridge`. */
export const macvlanFields = {
  mode: [1, 'IFLA_MACVLAN_MODE', mode],
  flags: [2, 'IFLA_MACVLAN_FLAGS', u16],
  /** Frames; asked of the device, which takes the largest that is asked of it. */
  broadcastQueueLength: [7, 'IFLA_MACVLAN_BC_QUEUE_LEN', u32],
} as const

export const macvlan = linkKind('macvlan', attributeTable(macvlanFields))
