import type { WireguardEntry, WireguardPeerEntry } from './entry.ts'
import { quote, words } from './format-words.ts'

/** Where `wg` is to read a key that is not said. */
const SECRET = '/dev/stdin'

export function formatWireguard({ link, listenPort, publicKey }: WireguardEntry): string {
  return `wg set ${quote(link)} listen-port ${listenPort} private-key ${SECRET} # whose public half is ${publicKey}`
}

export function formatWireguardPeer(peer: WireguardPeerEntry): string {
  const { link, publicKey, endpoint, allowedIps, persistentKeepaliveSeconds, presharedKey } = peer
  return words(
    `wg set ${quote(link)} peer ${publicKey}`,
    presharedKey !== undefined && `preshared-key ${SECRET}`,
    endpoint && `endpoint ${formatEndpoint(endpoint)}`,
    persistentKeepaliveSeconds !== undefined && `persistent-keepalive ${persistentKeepaliveSeconds}`,
    `allowed-ips ${quote(allowedIps.join(','))}`,
  )
}

function formatEndpoint({ address, port }: NonNullable<WireguardPeerEntry['endpoint']>): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
