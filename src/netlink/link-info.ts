import { bareText, text } from './attribute-codecs.ts'
import type { AttributeCodec } from './attributes.ts'
import { type BridgePort, bridgePortAttributes } from './bridge-port.ts'
import type { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'
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
    if (kindName !== undefined) writeText(writer, IFLA_INFO_KIND, kindName)
    if (info !== undefined) {
      const { kind: name, ...data } = info
      // As iproute2: a kind that takes no attributes may have no place for them.
      if (Object.keys(data).length > 0) {
        writer.attribute(IFLA_INFO_DATA, true, () => linkKindNamed(name)?.data.write(writer, data))
      }
    }
    const portKindName = bridgePort === undefined ? portKind : 'bridge'
    if (portKindName !== undefined) writeText(writer, IFLA_INFO_SLAVE_KIND, portKindName)
    if (bridgePort !== undefined) {
      writer.attribute(IFLA_INFO_SLAVE_DATA, true, () => bridgePortAttributes.write(writer, bridgePort))
    }
  },
  read(payload) {
    let kind: string | undefined
    let data: ByteReader | undefined
    let portKind: string | undefined
    let portData: ByteReader | undefined
    for (let type = payload.nextAttribute(); type !== undefined; type = payload.nextAttribute()) {
      if (type === IFLA_INFO_KIND) kind = text.read(payload.payload())
      else if (type === IFLA_INFO_DATA) data = payload.payload()
      else if (type === IFLA_INFO_SLAVE_KIND) portKind = text.read(payload.payload())
      else if (type === IFLA_INFO_SLAVE_DATA) portData = payload.payload()
    }
    const info = kind === undefined ? undefined : readInfo(kind, data)
    const port = portKind === 'bridge' ? portData : undefined
    return {
      ...(kind === undefined ? {} : { kind }),
      ...(info === undefined ? {} : { info }),
      ...(portKind === undefined ? {} : { portKind }),
      ...(port === undefined ? {} : { bridgePort: bridgePortAttributes.read(port) }),
    }
  },
}

/** A kind that is registered has an info even if the kernel gives no data for it (veth). */
function readInfo(kind: string, data: ByteReader | undefined): LinkInfo | undefined {
  const known = linkKindNamed(kind)
  if (known === undefined) return undefined
  // The registry pairs each name with the codec of its data.
  return { kind: known.kind, ...(data === undefined ? {} : known.data.read(data)) } as LinkInfo
}

function writeText(writer: ByteWriter, type: number, value: string): void {
  // Without a terminator, as iproute2 does; the kernel takes both.
  writer.attribute(type, false, () => bareText.write(writer, value))
}
