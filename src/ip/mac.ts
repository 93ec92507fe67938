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
  return Uint8Array.from(parseMac(mac).split(':'), octet => Number.parseInt(octet, 16))
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
  for (const octet of bytes) text += text === '' ? OCTETS[octet] : `:${OCTETS[octet]}`
  return text
}

/** The IPv6 address of the link that Linux gives an interface by itself: fe80::/64 and EUI-64 (RFC 4291, appendix A). */
export function linkLocalAddress(mac: string): Address {
  const [first = 0, ...rest] = macToBytes(mac)
  const identifier = [first ^ 0x02, ...rest.slice(0, 2), 0xff, 0xfe, ...rest.slice(2)]
  return addressFromBytes(Uint8Array.from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, ...identifier]))
}

/**
 * A MAC that is a function of the text: locally administered, unicast (IEEE 802 bits 0x02 set, 0x01 clear), the
 * rest from SHA-256. A device that is made again gets the same one, so peers need not learn a new one.
 */
export function localMac(seedText: string): string {
  const bytes = new Uint8Array(hash('sha256', seedText, 'buffer').subarray(0, 6))
  bytes[0] = ((bytes[0] ?? 0) & 0xfe) | 0x02
  return macFromBytes(bytes)
}
