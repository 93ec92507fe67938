import { text, u16, u32 } from '../attribute-codecs.ts'
import { attributeTable, listOf } from '../attributes.ts'
import { malformed } from '../errors.ts'
import { readGeneric } from '../generic.ts'
import type { Message } from '../messages.ts'
import { publicKey, secretKey } from './key.ts'
import { joinPeers, peerAttributes, type WireguardPeer } from './peer.ts'

/** A device as the kernel tells of it, without its private key: the public one says which that is. */
export interface WireguardDevice {
  readonly linkIndex: number
  readonly name: string
  /** Absent while the device has no private key. */
  readonly publicKey?: string
  /** UDP; 0 if none is chosen: the kernel takes one when the link goes up. */
  readonly listenPort: number
  /** Of its own packets; 0 is none. */
  readonly firewallMark: number
  readonly peers: readonly WireguardPeer[]
}

const common = {
  linkIndex: [1, 'WGDEVICE_A_IFINDEX', u32],
  name: [2, 'WGDEVICE_A_IFNAME', text],
  publicKey: [4, 'WGDEVICE_A_PUBLIC_KEY', publicKey],
  listenPort: [6, 'WGDEVICE_A_LISTEN_PORT', u16],
  firewallMark: [7, 'WGDEVICE_A_FWMARK', u32],
  peers: [8, 'WGDEVICE_A_PEERS', listOf(0, peerAttributes)],
} as const

export const deviceFields = {
  ...common,
  privateKey: [3, 'WGDEVICE_A_PRIVATE_KEY', secretKey],
} as const

export const deviceAttributes = attributeTable(deviceFields)
/** For reading: the private key stays where it is. */
const publicAttributes = attributeTable(common)

export const WIREGUARD_VERSION = 1
export const WG_CMD_GET_DEVICE = 0

type Part = ReturnType<typeof publicAttributes.read>

const WHAT = 'a WireGuard device'

/**
 * What one message of a dump says (`getWireguardDevice`): a device with many peers spans messages, of which only the
 * first says more than peers. @throws NetlinkError `netlink.malformed`
 */
export function decodeWireguardPart(message: Message): Part {
  const { header, rest } = readGeneric(message)
  if (header.command !== WG_CMD_GET_DEVICE) throw malformed(WHAT, `command ${header.command}`)
  return publicAttributes.read(rest)
}

/** The device of which these are all parts, in order. @throws NetlinkError `netlink.malformed` */
export function joinWireguardDevice(parts: readonly Part[]): WireguardDevice {
  const [{ linkIndex, name, publicKey, listenPort = 0, firewallMark = 0 } = {}] = parts
  if (linkIndex === undefined || name === undefined) throw malformed(WHAT, 'it has no index or no name')
  return {
    linkIndex,
    name,
    ...(publicKey === undefined ? {} : { publicKey }),
    listenPort,
    firewallMark,
    peers: joinPeers(parts.flatMap(({ peers = [] }) => peers)),
  }
}
