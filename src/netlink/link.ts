import { binary } from './attribute-codecs.ts'
import { attributeTable } from './attributes.ts'
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
  linkFields,
  linkHeader,
  type OperState,
} from './link-attributes.ts'
import { linkInfoAttribute } from './link-info.ts'
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

const attributes = attributeTable({
  ...linkFields,
  linkInfo: [18, 'IFLA_LINKINFO', linkInfoAttribute],
  protocolInfo: [12, 'IFLA_PROTINFO', binary],
  familyInfo: [IFLA_AF_SPEC, 'IFLA_AF_SPEC', binary],
})

/** The body of a request that makes a link or changes one. */
export function encodeLink(
  link: LinkChanges & { readonly index?: number; readonly parentIndex?: number },
): Uint8Array {
  const { index = 0, up, promiscuous, allMulticast, info, bridgePort, ...plain } = link
  const writer = new ByteWriter()
  linkHeader.write(writer, { index, ...flagChanges({ up, promiscuous, allMulticast }) })
  attributes.write(writer, plain)
  if (info !== undefined || bridgePort !== undefined) {
    const linkInfo = {
      ...(info === undefined ? {} : { info }),
      ...(bridgePort === undefined ? {} : { bridgePort }),
    }
    attributes.write(writer, { linkInfo })
  }
  return writer.finish()
}

interface FlagChanges {
  readonly up: boolean | undefined
  readonly promiscuous: boolean | undefined
  readonly allMulticast: boolean | undefined
}

/** Only the flags that are given change. */
function flagChanges({ up, promiscuous, allMulticast }: FlagChanges): { flags: number; changeMask: number } {
  const given = [
    [up, IFF_UP],
    [promiscuous, IFF_PROMISC],
    [allMulticast, IFF_ALLMULTI],
  ] as const
  let flags = 0
  let changeMask = 0
  for (const [wanted, flag] of given) {
    if (wanted === true) flags |= flag
    if (wanted !== undefined) changeMask |= flag
  }
  return { flags, changeMask }
}

/** The body of a request about an existing link that says nothing but which. */
export function encodeLinkTarget(target: LinkTarget): Uint8Array {
  const writer = new ByteWriter()
  linkHeader.write(writer, 'index' in target ? { index: target.index } : {})
  if ('name' in target) attributes.write(writer, { name: target.name })
  return writer.finish()
}

/** @throws NetlinkError `netlink.malformed` */
export function decodeLink(message: Message): Link {
  if (message.type !== RTM_NEWLINK && message.type !== RTM_DELLINK) {
    throw malformed('a link', `message type ${message.type}`)
  }
  const reader = ByteReader.over(message.body)
  const header = linkHeader.read(reader)
  const { name, mtu, linkInfo, protocolInfo, familyInfo, ...rest } = attributes.read(reader)
  if (name === undefined) throw malformed(`link ${header.index}`, 'it has no name')
  const { netnsFd: _fd, netnsPid: _pid, extMask: _mask, newNetnsId: _id, ...reported } = rest
  return {
    index: header.index,
    name,
    hardwareType: header.hardwareType,
    flags: header.flags,
    up: (header.flags & IFF_UP) !== 0,
    mtu: mtu ?? 0,
    ...reported,
    ...linkInfo,
    // Other families (IPv6) put attributes of their own there.
    ...(header.family === AF_BRIDGE ? bridgeMember(protocolInfo, familyInfo) : {}),
  }
}

/** The kernel leaves out the VLANs where there are none. */
function bridgeMember(
  port: Uint8Array | undefined,
  vlans: Uint8Array | undefined,
): Pick<Link, 'bridgePort' | 'bridgeVlans'> {
  return {
    ...(port === undefined ? {} : { bridgePort: bridgePortAttributes.read(ByteReader.over(port)) }),
    bridgeVlans: vlans === undefined ? [] : bridgeVlansAttribute.read(ByteReader.over(vlans)),
  }
}
