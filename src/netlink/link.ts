import { attributeTable, writeAttribute } from './attributes.ts'
import { type BridgePort, bridgePortAttributes } from './bridge-port.ts'
import { type BridgeVlan, bridgeVlansAttribute } from './bridge-vlan.ts'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { malformed } from './errors.ts'
import { AF_BRIDGE } from './families.ts'
import {
  IFF_ALLMULTI,
  IFF_PROMISC,
  IFF_UP,
  IFLA_AF_SPEC,
  linkAttributes,
  linkFields,
  linkHeader,
  type OperState,
} from './link-attributes.ts'
import { type AddrGenMode, linkFamilies } from './link-families.ts'
import { IFLA_LINKINFO, linkInfoAttribute } from './link-info.ts'
import type { LinkInfo } from './link-kinds/index.ts'
import type { Message } from './messages.ts'

/** Links: RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK (linux/rtnetlink.h, linux/if_link.h); `ip link`. */

export const RTM_NEWLINK = 16
export const RTM_DELLINK = 17
export const RTM_GETLINK = 18
export const RTM_SETLINK = 19

/** A network device as the kernel reports it. */
export interface Link {
  readonly index: number
  readonly name: string
  /** ARPHRD_*: 1 Ethernet, 772 loopback, 65534 none. */
  readonly hardwareType: number
  /** IFF_*. */
  readonly flags: number
  /** IFF_UP: administratively up. */
  readonly up: boolean
  /** Bytes. */
  readonly mtu: number
  /** Absent on devices without a link-layer address (tun). */
  readonly mac?: string
  readonly broadcast?: string
  /** `ip link set alias`; absent if empty. */
  readonly alias?: string
  readonly masterIndex?: number
  /** IFLA_LINK: a macvlan's lower device, a veth's peer; in the namespace `linkNetnsId` if that is there. */
  readonly parentIndex?: number
  /** Id, in this namespace, of the namespace that `parentIndex` counts in. */
  readonly linkNetnsId?: number
  readonly operState?: OperState
  /** The kernel counts them; more than one party may ask for promiscuous mode. */
  readonly promiscuity?: number
  readonly txQueueLength?: number
  readonly group?: number
  /** IFLA_INFO_KIND: `veth`, `vxlan`...; absent for physical devices and lo. */
  readonly kind?: string
  /** There for the kinds of link-kinds/. */
  readonly info?: LinkInfo
  /** Kind of the master. */
  readonly portKind?: string
  /** There while the link is a port of a bridge. */
  readonly bridgePort?: BridgePort
  /** In messages of family AF_BRIDGE: the VLANs of the port, or of the bridge itself. */
  readonly bridgeVlans?: readonly BridgeVlan[]
  /** In an event that says the link went elsewhere: its index there. */
  readonly newIndex?: number
}

/** What can be set. Absent fields stay as they are. */
export interface LinkChanges {
  readonly name?: string
  readonly mtu?: number
  readonly mac?: string
  readonly up?: boolean
  readonly promiscuous?: boolean
  readonly allMulticast?: boolean
  /** Empty text takes it away. The kernel ignores it in a request that creates a link: set it with a second. */
  readonly alias?: string
  /** 0 takes the link out of its master. */
  readonly masterIndex?: number
  /** A descriptor, in this process, of the namespace to move to; or a process in it. */
  readonly netnsFd?: number
  readonly netnsPid?: number
  readonly group?: number
  readonly txQueueLength?: number
  /**
   * Refused with EAFNOSUPPORT for a link without IPv6, as is one with an MTU below 1280; the kernel ignores it in a
   * request that creates a link.
   */
  readonly addrGenMode?: AddrGenMode
  readonly info?: LinkInfo
  /** Only for a link that has a bridge as master already. */
  readonly bridgePort?: BridgePort
}

export interface LinkSpec extends LinkChanges {
  readonly name: string
  /** The index it shall have; the kernel picks one otherwise. */
  readonly index?: number
  /** The lower device of a macvlan. */
  readonly parentIndex?: number
  readonly txQueues?: number
  readonly rxQueues?: number
  readonly info: LinkInfo
}

/** A link is named by index or, where it is not known, by name. */
export type LinkTarget = { readonly index: number } | { readonly name: string }

/** What a message says that `Link` keeps: with each ADD come a dozen messages, of some sixty attributes each. */
const reportedFields = {
  mac: linkFields.mac,
  broadcast: linkFields.broadcast,
  name: linkFields.name,
  mtu: linkFields.mtu,
  parentIndex: linkFields.parentIndex,
  masterIndex: linkFields.masterIndex,
  txQueueLength: linkFields.txQueueLength,
  operState: linkFields.operState,
  alias: linkFields.alias,
  group: linkFields.group,
  promiscuity: linkFields.promiscuity,
  linkNetnsId: linkFields.linkNetnsId,
  newIndex: linkFields.newIndex,
  linkInfo: [IFLA_LINKINFO, 'IFLA_LINKINFO', linkInfoAttribute],
} as const

const attributes = attributeTable(reportedFields)

/** In messages of family AF_BRIDGE; other families (IPv6) put attributes of their own there. */
const memberAttributes = attributeTable({
  ...reportedFields,
  bridgePort: [12, 'IFLA_PROTINFO', bridgePortAttributes],
  bridgeVlans: [IFLA_AF_SPEC, 'IFLA_AF_SPEC', bridgeVlansAttribute],
})

/** The body of a request that makes a link or changes one. */
export function encodeLink(
  link: LinkChanges & { readonly index?: number; readonly parentIndex?: number },
): Uint8Array {
  const { index = 0, up, promiscuous, allMulticast, addrGenMode, info, bridgePort } = link
  const writer = new ByteWriter()
  linkHeader.write(writer, {
    index,
    // Only the flags that are given change.
    flags: flagBits(up === true, promiscuous === true, allMulticast === true),
    changeMask: flagBits(up !== undefined, promiscuous !== undefined, allMulticast !== undefined),
  })
  linkAttributes.write(writer, link)
  if (addrGenMode !== undefined)
    writeAttribute(writer, IFLA_AF_SPEC, linkFamilies, { inet6: { addrGenMode } })
  if (info !== undefined || bridgePort !== undefined) {
    writeAttribute(writer, IFLA_LINKINFO, linkInfoAttribute, link)
  }
  return writer.finish()
}

function flagBits(up: boolean, promiscuous: boolean, allMulticast: boolean): number {
  return (up ? IFF_UP : 0) | (promiscuous ? IFF_PROMISC : 0) | (allMulticast ? IFF_ALLMULTI : 0)
}

/** The body of a request about an existing link that says nothing but which. */
export function encodeLinkTarget(target: LinkTarget): Uint8Array {
  const writer = new ByteWriter()
  linkHeader.write(writer, 'index' in target ? { index: target.index } : {})
  if ('name' in target) linkAttributes.write(writer, { name: target.name })
  return writer.finish()
}

/** @throws NetlinkError `netlink.malformed` */
export function decodeLink(message: Message): Link {
  if (message.type !== RTM_NEWLINK && message.type !== RTM_DELLINK) {
    throw malformed('a link', `message type ${message.type}`)
  }
  const reader = ByteReader.over(message.body)
  const header = linkHeader.read(reader)
  const isMember = header.family === AF_BRIDGE
  const found = isMember ? memberAttributes.read(reader) : attributes.read(reader)
  const { linkInfo, ...reported } = found
  const { name, mtu = 0 } = reported
  if (name === undefined) throw malformed(`link ${header.index}`, 'it has no name')
  return {
    index: header.index,
    hardwareType: header.hardwareType,
    flags: header.flags,
    up: (header.flags & IFF_UP) !== 0,
    // The kernel leaves out the VLANs where there are none.
    ...(isMember ? { bridgeVlans: [] } : undefined),
    ...linkInfo,
    ...reported,
    name,
    mtu,
  }
}
