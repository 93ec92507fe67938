import { u16 } from './attribute-codecs.ts'
import { type BridgeVlan, bridgeVlansAttribute, vlanRanges } from './bridge-vlan.ts'
import { ByteWriter } from './byte-writer.ts'
import { AF_BRIDGE } from './families.ts'
import { RTM_DELLINK, RTM_GETLINK, RTM_SETLINK } from './link.ts'
import { IFLA_AF_SPEC, linkAttributes, linkHeader } from './link-attributes.ts'
import { NLM_F_DUMP, type Request } from './messages.ts'

const IFLA_BRIDGE_FLAGS = 0
const BRIDGE_FLAGS_SELF = 2
/** RTEXT_FILTER_BRVLAN_COMPRESSED (linux/rtnetlink.h): with VLANs, neighbouring ones as a range. */
const RTEXT_FILTER_BRVLAN_COMPRESSED = 4

/** A port of a bridge, or with `self` the bridge as a member of its own. By index: the kernel looks at nothing else. */
export interface VlanTarget {
  readonly index: number
  readonly self?: boolean
}

/** `bridge vlan add`: several in one message; one that is there gets the flags given. */
export function addBridgeVlans(target: VlanTarget, vlans: readonly BridgeVlan[]): Request {
  return { type: RTM_SETLINK, flags: 0, body: body(target, vlans), what: what('add', target, vlans) }
}

/** `bridge vlan delete`. What is not there is no error. */
export function deleteBridgeVlans(target: VlanTarget, vlans: readonly BridgeVlan[]): Request {
  return { type: RTM_DELLINK, flags: 0, body: body(target, vlans), what: what('delete', target, vlans) }
}

/** `bridge vlan show`, for `NetlinkClient.dump`: links of family AF_BRIDGE that tell their VLANs. */
export function listBridgeVlans(): Request {
  const writer = new ByteWriter()
  linkHeader.write(writer, { family: AF_BRIDGE })
  linkAttributes.write(writer, { extMask: RTEXT_FILTER_BRVLAN_COMPRESSED })
  return { type: RTM_GETLINK, flags: NLM_F_DUMP, body: writer.finish(), what: 'list bridge VLANs' }
}

function body({ index, self = false }: VlanTarget, vlans: readonly BridgeVlan[]): Uint8Array {
  const writer = new ByteWriter()
  linkHeader.write(writer, { family: AF_BRIDGE, index })
  writer.attribute(IFLA_AF_SPEC, true, () => {
    if (self) writer.attribute(IFLA_BRIDGE_FLAGS, false, () => u16.write(writer, BRIDGE_FLAGS_SELF))
    bridgeVlansAttribute.write(writer, vlans)
  })
  return writer.finish()
}

function what(verb: string, { index }: VlanTarget, vlans: readonly BridgeVlan[]): string {
  const ids = vlanRanges(vlans).map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`))
  return `${verb} VLAN ${ids.join(', ')} of link ${index}`
}
