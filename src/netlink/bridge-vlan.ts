import type { AttributeCodec } from './attributes.ts'
import type { ByteWriter } from './byte-writer.ts'

/**
 * VLANs of bridge ports and of bridges themselves, as they lie in IFLA_AF_SPEC of link messages of family AF_BRIDGE
 * (linux/if_bridge.h).
 */

const IFLA_BRIDGE_VLAN_INFO = 2
const BRIDGE_VLAN_INFO_PVID = 2
const BRIDGE_VLAN_INFO_UNTAGGED = 4
const BRIDGE_VLAN_INFO_RANGE_BEGIN = 8
const BRIDGE_VLAN_INFO_RANGE_END = 16

export interface BridgeVlan {
  /** 1 to 4094. */
  readonly id: number
  /** What comes in untagged is of this VLAN. */
  readonly pvid: boolean
  /** Leaves untagged. */
  readonly untagged: boolean
}

/** Neighbouring VLANs of equal flags; `first` equals `last` for one alone. */
export interface VlanRange {
  readonly first: number
  readonly last: number
  readonly pvid: boolean
  readonly untagged: boolean
}

/** As few ranges as can be, by id. A PVID stands alone: the kernel takes none in a range. */
export function vlanRanges(vlans: readonly BridgeVlan[]): VlanRange[] {
  const ranges: VlanRange[] = []
  for (const { id, pvid, untagged } of vlans.toSorted((a, b) => a.id - b.id)) {
    const last = ranges.at(-1)
    const continues = last?.last === id - 1 && !last.pvid && !pvid && last.untagged === untagged
    if (continues) ranges[ranges.length - 1] = { ...last, last: id }
    else ranges.push({ first: id, last: id, pvid, untagged })
  }
  return ranges
}

/** The entries of IFLA_AF_SPEC: `struct bridge_vlan_info`, two for a range. */
export const bridgeVlansAttribute: AttributeCodec<readonly BridgeVlan[]> = {
  nested: true,
  write(writer, vlans) {
    for (const { first, last, pvid, untagged } of vlanRanges(vlans)) {
      const flags = (pvid ? BRIDGE_VLAN_INFO_PVID : 0) | (untagged ? BRIDGE_VLAN_INFO_UNTAGGED : 0)
      if (first === last) writeInfo(writer, flags, first)
      else {
        writeInfo(writer, flags | BRIDGE_VLAN_INFO_RANGE_BEGIN, first)
        writeInfo(writer, flags | BRIDGE_VLAN_INFO_RANGE_END, last)
      }
    }
  },
  read(payload) {
    const vlans: BridgeVlan[] = []
    let begin: number | undefined
    for (let type = payload.nextAttribute(); type !== undefined; type = payload.nextAttribute()) {
      if (type !== IFLA_BRIDGE_VLAN_INFO) continue
      const info = payload.payload()
      const flags = info.u16()
      const last = info.u16()
      if ((flags & BRIDGE_VLAN_INFO_RANGE_BEGIN) !== 0) begin = last
      else {
        const pvid = (flags & BRIDGE_VLAN_INFO_PVID) !== 0
        const untagged = (flags & BRIDGE_VLAN_INFO_UNTAGGED) !== 0
        for (let id = begin ?? last; id <= last; id += 1) vlans.push({ id, pvid, untagged })
        begin = undefined
      }
    }
    return vlans
  },
}

function writeInfo(writer: ByteWriter, flags: number, id: number): void {
  writer.attribute(IFLA_BRIDGE_VLAN_INFO, false, () => void writer.u16(flags).u16(id))
}
