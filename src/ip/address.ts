import { malformed } from './errors.ts'
import { readIpv4, writeIpv4 } from './ipv4-text.ts'
import { readIpv6, writeIpv6 } from './ipv6-text.ts'

export type Family = 4 | 6

/** An address as a number: 0 to 2^32 - 1 (family 4) or 2^128 - 1 (family 6), most significant bit first. */
export interface Address {
  readonly family: Family
  readonly value: bigint
}

/** Bits of an address: 32 or 128. */
export function addressBits(family: Family): 32 | 128 {
  return family === 4 ? 32 : 128
}

/**
 * Parses one address of either family, without zone, prefix length or surrounding space.
 * @throws IpError `ip.malformed`
 */
export function parseAddress(text: string): Address {
  const result = readAddress(text)
  if (typeof result === 'string') throw malformed('an IP address', text, result)
  return result
}

export function tryParseAddress(text: string): Address | undefined {
  const result = readAddress(text)
  return typeof result === 'string' ? undefined : result
}

/** The family of a text that is known to be an address or a prefix. */
export function familyOf(text: string): Family {
  return text.includes(':') ? 6 : 4
}

/** The address, or in words why it is none. */
export function readAddress(text: string): Address | string {
  const family = familyOf(text)
  const value = family === 6 ? readIpv6(text) : readIpv4(text)
  return typeof value === 'string' ? value : { family, value }
}

/** Canonical text: dotted quad, or RFC 5952. */
export function formatAddress(address: Address): string {
  return address.family === 4 ? writeIpv4(address.value) : writeIpv6(address.value)
}

/**
 * From network byte order: 4 bytes are IPv4, 16 are IPv6.
 * @throws IpError `ip.malformed` for any other length
 */
export function addressFromBytes(bytes: Uint8Array): Address {
  if (bytes.length !== 4 && bytes.length !== 16) {
    throw malformed('an IP address', Buffer.from(bytes).toString('hex'), `${bytes.length} bytes, not 4 or 16`)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (bytes.length === 4) return { family: 4, value: BigInt(view.getUint32(0)) }
  return { family: 6, value: (view.getBigUint64(0) << 64n) | view.getBigUint64(8) }
}

/** In network byte order, 4 or 16 bytes. */
export function addressToBytes(address: Address): Uint8Array {
  if (address.family === 4) {
    const value = Number(address.value)
    return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)
  }
  const bytes = new Uint8Array(16)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(0, address.value >> 64n)
  // The upper half does not go in.
  view.setBigUint64(8, address.value)
  return bytes
}

/** For sorting: IPv4 before IPv6, then by number. */
export function compareAddresses(a: Address, b: Address): number {
  if (a.family !== b.family) return a.family - b.family
  return a.value < b.value ? -1 : a.value > b.value ? 1 : 0
}
