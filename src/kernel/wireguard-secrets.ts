import { createHash, createPrivateKey, createPublicKey } from 'node:crypto'

/** The keys that entries name. Whoever applies entries asks it; nobody else has reason to. Keys are 32 bytes. */
export interface WireguardSecrets {
  /** The private key of which this is the public half; undefined if it is not here. */
  privateKey(publicKey: string): Uint8Array | undefined
  /** The preshared key of this fingerprint. */
  presharedKey(fingerprint: string): Uint8Array | undefined
}

/** An X25519 private key in PKCS #8 (RFC 8410, section 7) is this, and the 32 bytes. */
const PKCS8_HEAD = Buffer.from('302e020100300506032b656e04220420', 'hex')

/** The public half of a private key, in base64; `wg pubkey`. */
export function wireguardPublicKey(privateKey: Uint8Array): string {
  const der = Buffer.concat([PKCS8_HEAD, privateKey])
  const jwk = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })).export({
    format: 'jwk',
  })
  return Buffer.from(jwk.x ?? '', 'base64url').toString('base64')
}

/** What stands for a preshared key in entries. A key is random, so that nobody finds it by trying. */
export function presharedKeyFingerprint(presharedKey: Uint8Array): string {
  return createHash('sha256').update('podlace preshared key').update(presharedKey).digest('hex').slice(0, 32)
}
