import { type Address, addressBits, type Family, formatAddress, readAddress } from './address.ts'
import { hostBits, malformed, outOfRange } from './errors.ts'
import { readDecimal } from './ipv4-text.ts'

/** A network: the host bits of `network` are zero. */
export interface Prefix {
  readonly family: Family
  readonly network: bigint
  /** 0 to 32 or 128. */
  readonly length: number
}

/**
 * Parses a network such as `10.244.1.0/24`.
 * @throws IpError `ip.malformed`, or `ip.host-bits` naming the right prefix
 */
export function parsePrefix(text: string): Prefix {
  const { address, prefix } = parseInterfaceAddress(text)
  if (address.value !== prefix.network) throw hostBits(text, formatPrefix(prefix))
  return prefix
}

/** Undefined for what `parsePrefix` refuses, host bits included. */
export function tryParsePrefix(text: string): Prefix | undefined {
  const result = readInterfaceAddress(text)
  if (typeof result === 'string' || result.address.value !== result.prefix.network) return undefined
  return result.prefix
}

export interface InterfaceAddress {
  readonly address: Address
  /** The network the address lies in. */
  readonly prefix: Prefix
}

/** Parses an address with its prefix length, as an interface bears it: `10.1.2.3/24`. @throws IpError `ip.malformed` */
export function parseInterfaceAddress(text: string): InterfaceAddress {
  const result = readInterfaceAddress(text)
  if (typeof result === 'string') throw malformed('an address with a prefix length', text, result)
  return result
}

/** Undefined for what `parseInterfaceAddress` refuses. */
export function tryParseInterfaceAddress(text: string): InterfaceAddress | undefined {
  const result = readInterfaceAddress(text)
  return typeof result === 'string' ? undefined : result
}

function readInterfaceAddress(text: string): InterfaceAddress | string {
  const slash = text.indexOf('/')
  if (slash < 0) return 'the prefix length is missing, write it like 10.1.2.0/24'
  const address = readAddress(text.slice(0, slash))
  if (typeof address === 'string') return address
  const length = readDecimal(text, slash + 1, text.length, 3)
  if (typeof length === 'string') return `prefix length: ${length}`
  const bits = addressBits(address.family)
  if (length > bits) return `prefix length ${length} is above ${bits}`
  return { address, prefix: prefixOf(address, length) }
}

export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress({ family: prefix.family, value: prefix.network })}/${prefix.length}`
}

/** `10.1.2.3` and the prefix it lies in as `10.1.2.3/24`. */
export function formatInterfaceAddress(address: Address, length: number): string {
  return `${formatAddress(address)}/${length}`
}

/** The network of this length that the address lies in. @throws IpError `ip.out-of-range` */
export function prefixOf(address: Address, length: number): Prefix {
  const bits = addressBits(address.family)
  if (!Number.isInteger(length) || length < 0 || length > bits) {
    throw outOfRange('take the prefix of', formatAddress(address), `a length is 0 to ${bits}, not ${length}`)
  }
  const hostBitCount = BigInt(bits - length)
  return { family: address.family, network: (address.value >> hostBitCount) << hostBitCount, length }
}

export function contains(prefix: Prefix, address: Address): boolean {
  if (prefix.family !== address.family) return false
  return (prefix.network ^ address.value) >> hostBitsOf(prefix) === 0n
}

/** True if every address of `inner` is in `outer`; a prefix covers itself. */
export function covers(outer: Prefix, inner: Prefix): boolean {
  return outer.length <= inner.length && contains(outer, firstAddress(inner))
}

/** True if they share an address, which for prefixes means that one covers the other. */
export function overlaps(a: Prefix, b: Prefix): boolean {
  return covers(a, b) || covers(b, a)
}

export function samePrefix(a: Prefix, b: Prefix): boolean {
  return a.family === b.family && a.network === b.network && a.length === b.length
}

/** The all-zeros host: for IPv4 the network address. */
export function firstAddress(prefix: Prefix): Address {
  return { family: prefix.family, value: prefix.network }
}

/** The all-ones host: for IPv4 the broadcast address. */
export function lastAddress(prefix: Prefix): Address {
  return { family: prefix.family, value: prefix.network + addressCount(prefix) - 1n }
}

/** All addresses, network and broadcast included: 2^(bits - length). */
export function addressCount(prefix: Prefix): bigint {
  return 1n << hostBitsOf(prefix)
}

/** Address number `n`, counted from 0 = `firstAddress`. @throws IpError `ip.out-of-range` */
export function nthAddress(prefix: Prefix, n: bigint): Address {
  if (n < 0n || n >= addressCount(prefix)) {
    throw outOfRange(`take address ${n} of`, formatPrefix(prefix), `it has ${addressCount(prefix)} addresses`)
  }
  return { family: prefix.family, value: prefix.network + n }
}

/**
 * The first address that a host can have: the one after the network address, or where there is none (a /31 by RFC
 * 3021, a /127 by RFC 6164, a single host) the first.
 */
export function firstHost(prefix: Prefix): Address {
  return hostBitsOf(prefix) < 2n ? firstAddress(prefix) : nthAddress(prefix, 1n)
}

/** Every subnet of `newLength` in order, made as they are asked for. @throws IpError `ip.out-of-range`, at once */
export function subnets(prefix: Prefix, newLength: number): Iterable<Prefix> {
  const count = subnetCount(prefix, newLength)
  return {
    *[Symbol.iterator]() {
      for (let n = 0n; n < count; n++) yield nthSubnet(prefix, newLength, n)
    },
  }
}

/** How many subnets of `newLength` there are. @throws IpError `ip.out-of-range` */
export function subnetCount(prefix: Prefix, newLength: number): bigint {
  const bits = addressBits(prefix.family)
  if (!Number.isInteger(newLength) || newLength < prefix.length || newLength > bits) {
    const reason = `the new length must be ${prefix.length} to ${bits}, not ${newLength}`
    throw outOfRange('divide', formatPrefix(prefix), reason)
  }
  return 1n << BigInt(newLength - prefix.length)
}

/** Subnet number `n`, counted from 0. @throws IpError `ip.out-of-range` */
export function nthSubnet(prefix: Prefix, newLength: number, n: bigint): Prefix {
  const count = subnetCount(prefix, newLength)
  if (n < 0n || n >= count) {
    const reason = `there are ${count} of length ${newLength}`
    throw outOfRange(`take subnet ${n} of`, formatPrefix(prefix), reason)
  }
  const size = 1n << BigInt(addressBits(prefix.family) - newLength)
  return { family: prefix.family, network: prefix.network + n * size, length: newLength }
}

function hostBitsOf(prefix: Prefix): bigint {
  return BigInt(addressBits(prefix.family) - prefix.length)
}
