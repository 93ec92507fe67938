/**
 * What a link of type wireguard is set up with; `wg set`. No entry holds a secret: a private key is named by its public
 * half, a preshared key by its fingerprint, and `WireguardSecrets` has what they name.
 *
 * No kernel tells of changes to these: what another program does to them is seen and mended by the next audit.
 */

/** The device's own side. It counts as ours because the link is. */
export interface WireguardEntry {
  readonly kind: 'wireguard'
  readonly link: string
  /** Public half of the private key: 32 bytes in base64. */
  readonly publicKey: string
  /** UDP. */
  readonly listenPort: number
}

/** A peer of the device; it counts as ours because the link is. Key: link and public key. */
export interface WireguardPeerEntry {
  readonly kind: 'wireguard-peer'
  readonly link: string
  /** 32 bytes in base64. */
  readonly publicKey: string
  /**
   * Where it is first looked for. A peer that is heard from elsewhere is answered there, by the kernel; that is no
   * drift. Another endpoint here is set, and so is this one by a program that starts anew and finds the peer elsewhere.
   */
  readonly endpoint?: { readonly address: string; readonly port: number }
  /** Prefixes that it may send from and is sent to, in any order. A prefix has one peer on a device. */
  readonly allowedIps: readonly string[]
  /** Seconds; default 0, which is off. */
  readonly persistentKeepaliveSeconds?: number
  /** Fingerprint of the preshared key; absent: there is none. */
  readonly presharedKey?: string
}
