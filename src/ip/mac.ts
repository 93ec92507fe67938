import { hash } from 'node:crypto'
import { type Address, addressFromBytes } from './address.ts'
import { malformed } from './errors.ts'

const MAC_TEXT = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i

/**
 * Checks an Ethernet address written as six colon-separated octets and gives its canonical text, in lower case.
 * @throws IpError `ip.malformed`
 */
export function parseMac(text: string): string {
  const mac = tryParseMac(text)
  if (mac === undefined) {
    throw malformed(
      'a MAC address',
      text,
      'write six octets of two hexadecimal digits, like 02:42:0a:f4:01:02',
    )
  }
  return mac
}

export function tryParseMac(text: string): string | undefined {
  return MAC_TEXT.test(text) ? text.toLowerCase() : undefined
}

/** Six bytes in transmission order. @throws IpError `ip.malformed` */
export function macToBytes(mac: string): Uint8Array {
  const octets = parseMac(mac)
  const bytes = new Uint8Array(6)
  for (let i = 0; i < 6; i += 1) bytes[i] = Number.parseInt(octets.slice(3 * i, 3 * i + 2), 16)
  return bytes
}

/** Canonical text of six bytes. @throws IpError `ip.malformed` for any other length */
export function macFromBytes(bytes: Uint8Array): string {
  const text = colonSeparated(bytes)
  if (bytes.length !== 6) throw malformed('a MAC address', text, `${bytes.length} bytes, not 6`)
  return text
}

const OCTETS = Array.from({ length: 256 }, (_, octet) => octet.toString(16).padStart(2, '0'))

/** Octets in hexadecimal with colons between, however many there are: link-layer addresses of any kind. */
export function colonSeparated(bytes: Uint8Array): string {
  let text = ''
  for (let n = 0; n < bytes.length; n += 1) {
    if (n > 0) text += ':'
    text += OCTETS[bytes[n] ?? 0]
  }
  return text
}

/** The IPv6 address of the link that Linux gives an interface by itself: fe80::/64 and EUI-64 (RFC 4291, appendix A). */
export function linkLocalAddress(mac: string): Address {
  const octets = macToBytes(mac)
  const bytes = new Uint8Array(16)
  bytes.set([0xfe, 0x80])
  bytes.set(octets.subarray(0, 3), 8)
  bytes.set([0xff, 0xfe], 11)
  bytes.set(octets.subarray(3), 13)
  bytes[8] = (octets[0] ?? 0) ^ 0x02
  return addressFromBytes(bytes)
}

/**
 * A MAC that is a function of the text: locally administered, unicast (IEEE 802 bits 0x02 set, 0x01 clear), the
 * rest from SHA-256. A device that is made again gets the same one, so peers need not learn a new one.
 */
export function localMac(seedText: string): string {
  const digits = hash('sha256', seedText, 'hex')
  const first = (Number.parseInt(digits.slice(0, 2), 16) & 0xfe) | 0x02
  let mac = OCTETS[first] ?? ''
  for (let at = 2; at < 12; at += 2) mac += `:${digits.slice(at, at + 2)}`
  return mac
}
