import type { AttributeCodec } from '../attributes.ts'
import { invalidValue, malformed } from '../errors.ts'

/** WG_KEY_LEN (linux/wireguard.h). */
const KEY_BYTES = 32

/** A key as `wg` shows it: 32 bytes in base64. */
export const publicKey: AttributeCodec<string> = {
  write(writer, value) {
    const bytes = Buffer.from(value, 'base64')
    if (bytes.toString('base64') !== value) throw invalidValue('a WireGuard key', 'it is not base64')
    secretKey.write(writer, bytes)
  },
  read: payload => Buffer.from(secretKey.read(payload)).toString('base64'),
}

/** A key that is never text: what is text is logged one day. */
export const secretKey: AttributeCodec<Uint8Array> = {
  write(writer, value) {
    if (value.length !== KEY_BYTES)
      throw invalidValue('a WireGuard key', `${value.length} bytes instead of 32`)
    writer.bytes(value)
  },
  read(payload) {
    const bytes = payload.bytes()
    if (bytes.length !== KEY_BYTES) throw malformed('a WireGuard key', `${bytes.length} bytes instead of 32`)
    return bytes
  },
}

/** True for 32 zero bytes, which stand for no key: a curve's private key never is, a preshared one is not by chance. */
export function isNoKey(key: Uint8Array): boolean {
  return key.every(byte => byte === 0)
}
