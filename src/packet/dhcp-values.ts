import { type Address, addressFromBytes, formatAddress, prefixOf } from '../ip/index.ts'

/**
 * Values of DHCP options. Each reader returns undefined for bytes that are no such value, whether the option is broken
 * or hostile: one bad option does not spoil the others.
 */

/** A way to a network; `gateway` is absent where it is on the link. */
export interface DhcpRoute {
  /** `10.1.0.0/16` */
  readonly target: string
  readonly gateway?: string
}

const UNSPECIFIED = '0.0.0.0'
/** More of anything is no configuration but a flood. */
const MOST_ITEMS = 128
/** A name has 255 bytes at most (RFC 1035, section 2.3.4), and each label two of them. */
const MOST_LABELS = 127

export function readNumber(bytes: Uint8Array | undefined): number | undefined {
  return bytes?.length === 4 ? Buffer.from(bytes).readUInt32BE() : undefined
}

/** At least one. */
export function readAddresses(bytes: Uint8Array | undefined): readonly string[] | undefined {
  if (bytes === undefined || bytes.length === 0 || bytes.length % 4 !== 0) return undefined
  if (bytes.length / 4 > MOST_ITEMS) return undefined
  const addresses: string[] = []
  for (let at = 0; at < bytes.length; at += 4) addresses.push(addressAt(bytes, at))
  return addresses
}

export function readAddress(bytes: Uint8Array | undefined): string | undefined {
  return bytes?.length === 4 ? addressAt(bytes, 0) : undefined
}

/** Prefix length of a subnet mask, whose ones must be at its beginning. */
export function readPrefixLength(bytes: Uint8Array | undefined): number | undefined {
  const mask = readNumber(bytes)
  if (mask === undefined) return undefined
  const length = Math.clz32(~mask >>> 0)
  return (mask << length) >>> 0 === 0 || length === 32 ? length : undefined
}

/** Printable ASCII, less the NUL that some servers end it with. */
export function readText(bytes: Uint8Array | undefined): string | undefined {
  const text = Buffer.from(bytes ?? [])
    .toString('latin1')
    .replace(/\0+$/, '')
  return /^[\x20-\x7e]+$/.test(text) ? text : undefined
}

const DOMAIN = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*$/i

/** A domain name: it ends up in files of the pod, so nothing but one passes. */
export function readDomain(bytes: Uint8Array | undefined): string | undefined {
  const text = readText(bytes)?.replace(/\.$/, '')
  return text !== undefined && DOMAIN.test(text) ? text : undefined
}

/** Option 33 (RFC 2132, section 5.8): pairs of a host or network of the old classes, and its router. */
export function readStaticRoutes(bytes: Uint8Array | undefined): readonly DhcpRoute[] | undefined {
  const addresses = readAddresses(bytes)
  if (addresses === undefined || addresses.length % 2 !== 0 || bytes === undefined) return undefined
  const routes: DhcpRoute[] = []
  for (let at = 0; at < bytes.length; at += 8) {
    const target = addressFromBytes(bytes.subarray(at, at + 4))
    // The default route is not allowed here.
    if (target.value === 0n) return undefined
    routes.push(route(classful(target), addressAt(bytes, at + 4)))
  }
  return routes
}

/** Option 121 (RFC 3442): prefix length, as many bytes of the network as it takes, router. */
export function readClasslessRoutes(bytes: Uint8Array | undefined): readonly DhcpRoute[] | undefined {
  if (bytes === undefined || bytes.length === 0) return undefined
  const routes: DhcpRoute[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = bytes[at] ?? 0
    const significant = Math.ceil(length / 8)
    const end = at + 1 + significant + 4
    if (length > 32 || end > bytes.length || routes.length === MOST_ITEMS) return undefined
    const network = new Uint8Array(4)
    network.set(bytes.subarray(at + 1, at + 1 + significant))
    routes.push(route(inPrefix(addressFromBytes(network), length), addressAt(bytes, end - 4)))
    at = end
  }
  return routes
}

/** Option 119 (RFC 3397): names as DNS compresses them. */
export function readDomainSearch(bytes: Uint8Array | undefined): readonly string[] | undefined {
  if (bytes === undefined || bytes.length === 0) return undefined
  const names: string[] = []
  for (let at = 0; at < bytes.length; ) {
    const found = nameAt(bytes, at)
    if (found === undefined || !DOMAIN.test(found.name) || names.length === MOST_ITEMS) return undefined
    names.push(found.name)
    at = found.end
  }
  return names
}

/** A pointer must lead back before where the last one led, so that none leads round and round. */
function nameAt(
  bytes: Uint8Array,
  start: number,
): { readonly name: string; readonly end: number } | undefined {
  const labels: string[] = []
  let end: number | undefined
  let barrier = start
  for (let at = start; at < bytes.length; ) {
    const length = bytes[at] ?? 0
    if (length === 0) return { name: labels.join('.'), end: end ?? at + 1 }
    if (length >= 0xc0) {
      const goal = ((length & 0x3f) << 8) | (bytes[at + 1] ?? 0)
      end ??= at + 2
      if (goal >= barrier) return undefined
      barrier = goal
      at = goal
    } else {
      if (length > 63 || at + 1 + length > bytes.length || labels.length === MOST_LABELS) return undefined
      labels.push(Buffer.from(bytes.subarray(at + 1, at + 1 + length)).toString('latin1'))
      at += 1 + length
    }
  }
  return undefined
}

/** The network of the old class that the address is of (RFC 791, section 3.2); an address with host bits is a host. */
function classful(target: Address): string {
  const first = Number(target.value >> 24n)
  const length = first < 128 ? 8 : first < 192 ? 16 : 24
  return prefixOf(target, length).network === target.value ? inPrefix(target, length) : inPrefix(target, 32)
}

/** Host bits are cut off, as RFC 3442 asks. */
function inPrefix(target: Address, length: number): string {
  const { family, network } = prefixOf(target, length)
  return `${formatAddress({ family, value: network })}/${length}`
}

function route(target: string, gateway: string): DhcpRoute {
  return gateway === UNSPECIFIED ? { target } : { target, gateway }
}

function addressAt(bytes: Uint8Array, at: number): string {
  return formatAddress(addressFromBytes(bytes.subarray(at, at + 4)))
}
