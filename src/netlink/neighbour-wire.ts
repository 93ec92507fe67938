import { be16, hardwareAddress, ipAddress, u8, u16, u32 } from './attribute-codecs.ts'
import { attributeTable } from './attributes.ts'
import type { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { nameTable } from './names.ts'

/** `struct ndmsg`, NDA_*, NUD_*, NTF_* (linux/neighbour.h): neighbours and forwarding entries share them. */

export const RTM_NEWNEIGH = 28
export const RTM_DELNEIGH = 29
export const RTM_GETNEIGH = 30

export const NTF_USE = 0x01
/** The entry belongs to the device itself (vxlan), not to the bridge it is a port of. */
export const NTF_SELF = 0x02
/** The entry belongs to the bridge. */
export const NTF_MASTER = 0x04
export const NTF_PROXY = 0x08
export const NTF_EXT_LEARNED = 0x10
export const NTF_STICKY = 0x40
export const NTF_ROUTER = 0x80

/** NUD_*. An entry has one of them; `permanent` and `noarp` are never probed. */
export type NeighbourState =
  | 'none'
  | 'incomplete'
  | 'reachable'
  | 'stale'
  | 'delay'
  | 'probe'
  | 'failed'
  | 'noarp'
  | 'permanent'
  | number

export const neighbourStates = nameTable({
  none: 0,
  incomplete: 1,
  reachable: 2,
  stale: 4,
  delay: 8,
  probe: 16,
  failed: 32,
  noarp: 64,
  permanent: 128,
})

export const neighbourFields = {
  dst: [1, 'NDA_DST', ipAddress],
  mac: [2, 'NDA_LLADDR', hardwareAddress],
  vlan: [5, 'NDA_VLAN', u16],
  port: [6, 'NDA_PORT', be16],
  vni: [7, 'NDA_VNI', u32],
  viaIndex: [8, 'NDA_IFINDEX', u32],
  masterIndex: [9, 'NDA_MASTER', u32],
  protocol: [12, 'NDA_PROTOCOL', u8],
} as const

export const neighbourAttributes = attributeTable(neighbourFields)

export interface NeighbourHeader {
  readonly family: number
  readonly linkIndex: number
  readonly state: NeighbourState
  /** NTF_*. */
  readonly flags: number
  /** RTN_*. */
  readonly type: number
}

/** A writer that stands behind the header. */
export function startNeighbour(header: NeighbourHeader): ByteWriter {
  const writer = new ByteWriter()
  writer.u8(header.family).zeros(3).i32(header.linkIndex)
  return writer.u16(neighbourStates.toNumber(header.state)).u8(header.flags).u8(header.type)
}

export function readNeighbourHeader(reader: ByteReader): NeighbourHeader {
  const family = reader.u8()
  return {
    family,
    linkIndex: reader.skip(3).i32(),
    state: neighbourStates.toName(reader.u16()),
    flags: reader.u8(),
    type: reader.u8(),
  }
}
