import { bareText, text } from './attribute-codecs.ts'
import { type AttributeCodec, writeAttribute } from './attributes.ts'
import { type BridgePort, bridgePortAttributes } from './bridge-port.ts'
import type { ByteReader } from './byte-reader.ts'
import { type LinkInfo, linkKindNamed } from './link-kinds/index.ts'

/** IFLA_LINKINFO (linux/if_link.h): what kind of link it is, and what its master says about it as a port. */

export const IFLA_LINKINFO = 18
const IFLA_INFO_KIND = 1
const IFLA_INFO_DATA = 2
const IFLA_INFO_SLAVE_KIND = 4
const IFLA_INFO_SLAVE_DATA = 5

export interface LinkInfoAttribute {
  /** IFLA_INFO_KIND; also of kinds that we have no attributes for. */
  readonly kind?: string
  /** There if the kind is one of link-kinds/. */
  readonly info?: LinkInfo
  /** Kind of the master: `bridge`, `vrf`... */
  readonly portKind?: string
  /** There if the master is a bridge. */
  readonly bridgePort?: BridgePort
}

export const linkInfoAttribute: AttributeCodec<LinkInfoAttribute> = {
  nested: true,
  write(writer, { kind, info, portKind, bridgePort }) {
    const kindName = info?.kind ?? kind
    // Without a terminator, as iproute2 does; the kernel takes both.
    if (kindName !== undefined) writeAttribute(writer, IFLA_INFO_KIND, bareText, kindName)
    if (info !== undefined) {
      const data = linkKindNamed(info.kind)?.data
      // As iproute2: a kind that takes no attributes may have no place for them.
      if (data !== undefined && Object.keys(info).length > 1)
        writeAttribute(writer, IFLA_INFO_DATA, data, info)
    }
    const portKindName = bridgePort === undefined ? portKind : 'bridge'
    if (portKindName !== undefined) writeAttribute(writer, IFLA_INFO_SLAVE_KIND, bareText, portKindName)
    if (bridgePort !== undefined) {
      writeAttribute(writer, IFLA_INFO_SLAVE_DATA, bridgePortAttributes, bridgePort)
    }
  },
  read(payload) {
    const found: { -readonly [K in keyof LinkInfoAttribute]: LinkInfoAttribute[K] } = {}
    let data: ByteReader | undefined
    let portData: ByteReader | undefined
    for (let type = payload.nextAttribute(); type !== undefined; type = payload.nextAttribute()) {
      if (type === IFLA_INFO_KIND) found.kind = text.read(payload.payload())
      else if (type === IFLA_INFO_DATA) data = payload.payload()
      else if (type === IFLA_INFO_SLAVE_KIND) found.portKind = text.read(payload.payload())
      else if (type === IFLA_INFO_SLAVE_DATA) portData = payload.payload()
    }
    const kind = found.kind === undefined ? undefined : linkKindNamed(found.kind)
    // The registry pairs each name with the codec of its data, which the kernel may leave out (veth).
    if (kind !== undefined) found.info = { kind: kind.kind, ...(data && kind.data.read(data)) } as LinkInfo
    if (found.portKind === 'bridge' && portData !== undefined) {
      found.bridgePort = bridgePortAttributes.read(portData)
    }
    return found
  },
}
