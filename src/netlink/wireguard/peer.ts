import { u16, u32, u64 } from '../attribute-codecs.ts'
import { type AttributeCodec, attributeTable, listOf } from '../attributes.ts'
import { malformed } from '../errors.ts'
import { allowedIp } from './allowed-ip.ts'
import { endpoint, type WireguardEndpoint } from './endpoint.ts'
import { isNoKey, publicKey, secretKey } from './key.ts'

/** A peer as the kernel tells of it; `wg show`. */
export interface WireguardPeer {
  /** Base64; identifies it on its device. */
  readonly publicKey: string
  /** There if it has one, for whoever has CAP_NET_ADMIN. Compare it; never print it. */
  readonly presharedKey?: Uint8Array
  /** Where its last authenticated packet came from, else what was set. */
  readonly endpoint?: WireguardEndpoint
  /** 0 is off. */
  readonly persistentKeepaliveSeconds: number
  /** Seconds of Unix time; 0 is never. */
  readonly lastHandshakeSeconds: number
  readonly receivedBytes: bigint
  readonly sentBytes: bigint
  readonly allowedIps: readonly string[]
}

/** `struct __kernel_timespec`. */
const timespecSeconds: AttributeCodec<number> = {
  write: (writer, value) => void writer.u64(BigInt(value)).u64(0n),
  read: payload => Number(payload.u64()),
}

export const peerFields = {
  publicKey: [1, 'WGPEER_A_PUBLIC_KEY', publicKey],
  flags: [3, 'WGPEER_A_FLAGS', u32],
  presharedKey: [2, 'WGPEER_A_PRESHARED_KEY', secretKey],
  endpoint: [4, 'WGPEER_A_ENDPOINT', endpoint],
  persistentKeepaliveSeconds: [5, 'WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL', u16],
  lastHandshakeSeconds: [6, 'WGPEER_A_LAST_HANDSHAKE_TIME', timespecSeconds],
  receivedBytes: [7, 'WGPEER_A_RX_BYTES', u64],
  sentBytes: [8, 'WGPEER_A_TX_BYTES', u64],
  allowedIps: [9, 'WGPEER_A_ALLOWEDIPS', listOf(0, allowedIp)],
} as const

export const peerAttributes = attributeTable(peerFields)

type PeerAttributes = ReturnType<typeof peerAttributes.read>

/** A peer with more prefixes than fit goes on in the next message, which says its key and the other prefixes. */
export function joinPeers(parts: readonly PeerAttributes[]): WireguardPeer[] {
  const peers: WireguardPeer[] = []
  for (const { publicKey, allowedIps = [], ...part } of parts) {
    if (publicKey === undefined) throw malformed('a WireGuard peer', 'it has no public key')
    const last = peers.at(-1)
    if (last?.publicKey === publicKey) {
      peers.splice(-1, 1, { ...last, allowedIps: [...last.allowedIps, ...allowedIps] })
      continue
    }
    const { presharedKey, endpoint } = part
    peers.push({
      publicKey,
      ...(presharedKey === undefined || isNoKey(presharedKey) ? {} : { presharedKey }),
      ...(endpoint === undefined ? {} : { endpoint }),
      persistentKeepaliveSeconds: part.persistentKeepaliveSeconds ?? 0,
      lastHandshakeSeconds: part.lastHandshakeSeconds ?? 0,
      receivedBytes: part.receivedBytes ?? 0n,
      sentBytes: part.sentBytes ?? 0n,
      allowedIps,
    })
  }
  return peers
}
