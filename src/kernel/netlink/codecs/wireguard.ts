import type {
  WireguardDevice,
  WireguardDeviceSpec,
  WireguardPeer,
  WireguardPeerSpec,
} from '../../../netlink/index.ts'
import type { WireguardEntry, WireguardPeerEntry } from '../../entry.ts'
import type { ObservedEntry, Operation } from '../../operation.ts'
import { presharedKeyFingerprint, type WireguardSecrets } from '../../wireguard-secrets.ts'

/** 32 zero bytes take a key away. */
const NO_KEY = new Uint8Array(32)

/** A device without a private key was not set up by anybody. */
export function* observedWireguard(device: WireguardDevice): Iterable<ObservedEntry> {
  const { name, publicKey, listenPort, peers } = device
  if (publicKey !== undefined) {
    yield { entry: { kind: 'wireguard', link: name, publicKey, listenPort }, mark: 'foreign' }
  }
  for (const peer of peers) yield { entry: peerEntry(name, peer), mark: 'foreign' }
}

function peerEntry(link: string, peer: WireguardPeer): WireguardPeerEntry {
  const { publicKey, endpoint, allowedIps, persistentKeepaliveSeconds, presharedKey } = peer
  return {
    kind: 'wireguard-peer',
    link,
    publicKey,
    ...(endpoint === undefined ? {} : { endpoint }),
    allowedIps,
    persistentKeepaliveSeconds,
    ...(presharedKey === undefined ? {} : { presharedKey: presharedKeyFingerprint(presharedKey) }),
  }
}

/** A key that an entry names and nobody here has, in words. */
export class SecretMissing extends Error {}

/** @throws SecretMissing */
export function wireguardSpec(
  { op }: Operation,
  { publicKey, listenPort }: WireguardEntry,
  secrets: WireguardSecrets,
): Omit<WireguardDeviceSpec, 'linkIndex'> {
  if (op === 'delete') return { privateKey: NO_KEY, listenPort: 0 }
  const privateKey = secrets.privateKey(publicKey)
  if (privateKey !== undefined) return { privateKey, listenPort }
  throw new SecretMissing(
    `the private key whose public half is ${publicKey} is not here; the agent's key file has another`,
  )
}

/**
 * The kernel makes a peer or changes the one that is there. An endpoint is said only if it is new: a peer that has
 * moved on by itself is not looked for where it was because something else about it changed.
 *
 * @throws SecretMissing
 */
export function wireguardPeerSpec(
  { op, before }: Operation,
  peer: WireguardPeerEntry,
  secrets: WireguardSecrets,
): WireguardPeerSpec {
  const { publicKey, endpoint, allowedIps, persistentKeepaliveSeconds = 0 } = peer
  if (op === 'delete') return { publicKey, remove: true }
  const known = before?.kind === 'wireguard-peer' ? before : undefined
  const isKnown = endpoint?.address === known?.endpoint?.address && endpoint?.port === known?.endpoint?.port
  return {
    publicKey,
    presharedKey: presharedKeyOf(peer, secrets),
    ...(endpoint === undefined || isKnown ? {} : { endpoint }),
    persistentKeepaliveSeconds,
    replaceAllowedIps: true,
    allowedIps,
  }
}

function presharedKeyOf(
  { publicKey, presharedKey }: WireguardPeerEntry,
  secrets: WireguardSecrets,
): Uint8Array {
  if (presharedKey === undefined) return NO_KEY
  const key = secrets.presharedKey(presharedKey)
  if (key !== undefined) return key
  throw new SecretMissing(
    `the preshared key for the peer ${publicKey} is not here; the network's configuration has another`,
  )
}
