import { ByteWriter } from '../byte-writer.ts'
import { type GenericFamily, startGeneric } from '../generic.ts'
import { NLM_F_DUMP, type Request } from '../messages.ts'
import { deviceAttributes, deviceFields, WG_CMD_GET_DEVICE, WIREGUARD_VERSION } from './device.ts'
import { peerAttributes, type WireguardPeer } from './peer.ts'

/** The family's name (WG_GENL_NAME), for `getFamily`. */
export const WIREGUARD_FAMILY = 'wireguard'

const WG_CMD_SET_DEVICE = 1
const WGPEER_F_REMOVE_ME = 1
const WGPEER_F_REPLACE_ALLOWEDIPS = 2
const WGPEER_F_UPDATE_ONLY = 4

/** Bytes of peers in one message: their attribute holds 65,531, and a datagram must hold all. */
const PEER_BYTES_MAX = 32 * 1024
/** Prefixes of a peer in one message; each takes up to 44 bytes. */
const PREFIXES_MAX = 512

/** What is left out stays as it is. */
export interface WireguardPeerSpec
  extends Pick<WireguardPeer, 'publicKey'>,
    Partial<Pick<WireguardPeer, 'presharedKey' | 'endpoint' | 'persistentKeepaliveSeconds' | 'allowedIps'>> {
  readonly remove?: boolean
  /** A peer that is not there is not made. */
  readonly updateOnly?: boolean
  /** `allowedIps` are all; else they are added. A prefix that another peer has is taken from it. */
  readonly replaceAllowedIps?: boolean
}

/** What is left out stays as it is. */
export interface WireguardDeviceSpec {
  readonly linkIndex: number
  /** 32 bytes; zeros take the key away. */
  readonly privateKey?: Uint8Array
  readonly listenPort?: number
  readonly peers?: readonly WireguardPeerSpec[]
}

/** `wg show`, for `NetlinkClient.dump` and `decodeWireguardPart`. ENODEV, or EOPNOTSUPP for a link of another kind. */
export function getWireguardDevice(family: GenericFamily, linkIndex: number): Request {
  const writer = startGeneric({ command: WG_CMD_GET_DEVICE, version: WIREGUARD_VERSION })
  deviceAttributes.write(writer, { linkIndex })
  const what = `read the WireGuard device ${linkIndex}`
  return { type: family.id, flags: NLM_F_DUMP, body: writer.finish(), slow: true, what }
}

/**
 * `wg set`: one request, or several if there are many peers or prefixes; each is carried out by itself.
 * EADDRINUSE if the link is up and the port is taken.
 */
export function setWireguardDevice(family: GenericFamily, spec: WireguardDeviceSpec): Request[] {
  const { linkIndex, privateKey, listenPort, peers = [] } = spec
  const what = `set the WireGuard device ${linkIndex}`
  return messagesOf(peers.flatMap(peerParts).map(encodePeer)).map((parts, i) => {
    const writer = startGeneric({ command: WG_CMD_SET_DEVICE, version: WIREGUARD_VERSION })
    const first = {
      ...(privateKey === undefined ? {} : { privateKey }),
      ...(listenPort === undefined ? {} : { listenPort }),
    }
    deviceAttributes.write(writer, { linkIndex, ...(i === 0 ? first : {}) })
    if (parts.length > 0) {
      writer.attribute(deviceFields.peers[0], true, () => {
        for (const part of parts) writer.bytes(part)
      })
    }
    // The secret shared with each peer is computed: of the ones told here, or with a new key of all.
    const slow = parts.length > 0 || privateKey !== undefined
    return { type: family.id, flags: 0, body: writer.finish(), what, ...(slow ? { slow } : {}) }
  })
}

/** A peer as it is told in one or more messages. */
function peerParts(peer: WireguardPeerSpec): WireguardPeerSpec[] {
  const { publicKey, allowedIps = [] } = peer
  const parts: WireguardPeerSpec[] = []
  for (let at = PREFIXES_MAX; at < allowedIps.length; at += PREFIXES_MAX) {
    parts.push({ publicKey, updateOnly: true, allowedIps: allowedIps.slice(at, at + PREFIXES_MAX) })
  }
  return parts.length === 0 ? [peer] : [{ ...peer, allowedIps: allowedIps.slice(0, PREFIXES_MAX) }, ...parts]
}

/** As an item of the list. */
function encodePeer(peer: WireguardPeerSpec): Uint8Array {
  const { remove, updateOnly, replaceAllowedIps, ...values } = peer
  const flags =
    (remove === true ? WGPEER_F_REMOVE_ME : 0) |
    (replaceAllowedIps === true ? WGPEER_F_REPLACE_ALLOWEDIPS : 0) |
    (updateOnly === true ? WGPEER_F_UPDATE_ONLY : 0)
  const writer = new ByteWriter()
  writer.attribute(0, true, () =>
    peerAttributes.write(writer, { ...values, ...(flags === 0 ? {} : { flags }) }),
  )
  return writer.finish()
}

/** One message at least, which may have no peers. */
function messagesOf(parts: readonly Uint8Array[]): Uint8Array[][] {
  const messages: Uint8Array[][] = [[]]
  let bytes = 0
  for (const part of parts) {
    if (bytes > 0 && bytes + part.length > PEER_BYTES_MAX) {
      messages.push([])
      bytes = 0
    }
    messages.at(-1)?.push(part)
    bytes += part.length
  }
  return messages
}
